"""The command line."""

from __future__ import annotations

from qrcascade.cli.main import main

__all__ = ["main"]
