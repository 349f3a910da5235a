"""The tiers of a cascade. They are independent; what one learns reaches the next through the scan."""

from __future__ import annotations

from qrcascade.strategies.base import Strategy, StubStrategy
from qrcascade.strategies.classical import ClassicalStrategy
from qrcascade.strategies.grid import GridStrategy
from qrcascade.strategies.qreader import QReaderStrategy

__all__ = ["ClassicalStrategy", "GridStrategy", "QReaderStrategy", "Strategy", "StubStrategy"]
