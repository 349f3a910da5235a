"""Measuring what each configuration costs and reads on a machine, and choosing one."""

from __future__ import annotations

from qrcascade.profile.advice import USE_CASES, Advice, UseCase, advise
from qrcascade.profile.records import Measured, Profile

__all__ = ["USE_CASES", "Advice", "Measured", "Profile", "UseCase", "advise"]
