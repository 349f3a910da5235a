"""The cascades of the served presets, and reading with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from qrcascade import (
    Cascade,
    Limits,
    MissingDependencyError,
    QReaderStrategy,
    ReadOptions,
    ReadResult,
    read_document,
)
from qrcascade.server.showing import Shown, Wanted, show

__all__ = ["ReadSpec", "Reader"]

_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ReadSpec:
    """What a request asks for: the preset, the options, and what to show of each page."""

    preset: str
    options: ReadOptions
    wanted: Wanted


class Reader:
    """Reader of pictures and documents. Safe to share between threads.

    ``max_memory`` is the megabytes that each worker process may use, as for `Cascade`.
    """

    def __init__(self, limits: Limits = _LIMITS, max_memory: int | None = None) -> None:
        self._limits, self._max_memory = limits, max_memory
        self._cascades: dict[str, Cascade] = {}
        self._making = threading.Lock()

    def cascade(self, preset: Any) -> Cascade:
        """Return the preset's cascade, made on first use."""
        with self._making:
            if preset not in self._cascades:
                # In worker processes, so that a crash or hang costs an attempt, not the service.
                self._cascades[preset] = Cascade.preset(
                    preset, isolation="process", max_memory=self._max_memory, limits=self._limits
                )
            return self._cascades[preset]

    def pages(self, source: bytes, spec: ReadSpec) -> Iterator[ReadResult]:
        """Yield the result of each page, read when it is asked for; a picture is one page.

        Raises `ImageError` or `MissingDependencyError` if the source cannot be read, as `read_document` does.
        """
        return read_document(source, spec.options, cascade=self.cascade(spec.preset))

    def show(self, source: bytes, spec: ReadSpec, result: ReadResult) -> Shown:
        """Return what people want to see of a page that was read."""
        return show(self.cascade(spec.preset), source, result, spec.wanted)

    @staticmethod
    def missing(preset: Any) -> set[str]:
        """Return the preset's tiers that are not installed."""
        tiers = [tier for tier in Cascade.preset(preset).strategies if isinstance(tier, QReaderStrategy)]
        return {tier.name for tier in tiers if not _is_installed(tier)}

    def warm(self, preset: str, workers: int) -> ReadResult:
        """Load a preset's models in worker processes, then read an empty picture with every tier.

        The attempts of the result show which tiers do not work.
        """
        self.cascade(preset).warm(workers)
        return self.cascade(preset).read(np.full((64, 64), 255, np.uint8), expect="all")

    def close(self) -> None:
        """End the cascades' worker processes."""
        for cascade in self._cascades.values():
            cascade.close()


def _is_installed(tier: QReaderStrategy) -> bool:
    try:
        QReaderStrategy(tier.size)
    except MissingDependencyError:
        return False
    return True
