"""The cascades of the presets that are served, and the one call that reads with them."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from qrcascade import Cascade, ReadOptions, ReadResult, read_document

__all__ = ["Reader", "Wish"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for."""

    preset: str
    options: ReadOptions


class Reader:
    """Reads what requests bring. Safe to share between threads."""

    def __init__(self) -> None:
        self._cascades: dict[str, Cascade] = {}
        self._making = threading.Lock()

    def cascade(self, preset: str) -> Cascade:
        """The preset's cascade, made when it is first asked for."""
        with self._making:
            if preset not in self._cascades:
                self._cascades[preset] = _cascade(preset)
            return self._cascades[preset]

    def pages(self, source: bytes, wish: Wish) -> Iterator[ReadResult]:
        """Read one page after the other, each when it is asked for; a picture is one page.

        Raises
        ------
        ImageError
            If it is no picture or document that can be read.
        MissingDependencyError
            If reading this type needs an extra.
        """
        return read_document(source, wish.options, cascade=self.cascade(wish.preset))

    def warm(self, preset: str, workers: int) -> ReadResult:
        """Load a preset's models in so many worker processes; then an empty picture, for every tier to see.

        Returns
        -------
        ReadResult
            Its attempts tell which tiers do not work.
        """
        self.cascade(preset).warm(workers)
        return self.cascade(preset).read(_empty(), expect="all")

    def close(self) -> None:
        """End the cascades' worker processes."""
        for cascade in self._cascades.values():
            cascade.close()


def _cascade(preset: str) -> Cascade:
    """A picture that ends an engine's process, or hangs in it, costs that attempt and not the service."""
    return Cascade.preset(preset, isolation="process")


def _empty() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (64, 64), 255).save(buffer, "png")
    return buffer.getvalue()
