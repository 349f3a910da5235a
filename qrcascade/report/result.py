"""The result of a reading, with ways to use, keep and show it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar, overload

from qrcascade.errors import NotFoundError, OptionError, in_words
from qrcascade.image.quad import Quad
from qrcascade.report.words import count
from qrcascade.results import Attempt, Part, QRCode, Reading, Region, shorten

if TYPE_CHECKING:
    from PIL.Image import Image

    from qrcascade.image.frame import Source

__all__ = ["ReadResult"]

_T = TypeVar("_T")
# Codes in a repr.
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True, repr=False)
class ReadResult(Reading):
    """The result of `qrcascade.read`: a sequence of codes that can be kept, drawn and explained.

    ``for code in result``, ``len(result)``, ``result[0]`` and ``bool(result)`` concern the codes that were
    accepted, the most confident first. ``codes`` has those that ``accept`` rejected as well.
    """

    def __iter__(self) -> Iterator[QRCode]:
        return iter(self._accepted)

    def __len__(self) -> int:
        return len(self._accepted)

    @overload
    def __getitem__(self, index: int) -> QRCode: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[QRCode, ...]: ...
    def __getitem__(self, index: int | slice) -> QRCode | tuple[QRCode, ...]:
        try:
            return self._accepted[index]
        except IndexError:
            read = count(len(self), "accepted code")
            raise IndexError(f"there is no code {index}: this result has {read}") from None

    @property
    def _accepted(self) -> tuple[QRCode, ...]:
        return tuple(code for code in self.codes if code.accepted)

    def __repr__(self) -> str:
        """Return two lines: the payloads, and what the reading took."""
        texts = [shorten(text) for text in self.texts[:_MOST_SHOWN]]
        more = f" and {len(self) - _MOST_SHOWN} more" if len(self) > _MOST_SHOWN else ""
        read = f"{', '.join(texts)}{more}" if texts else "nothing read"
        took = [self._where, f"{self.elapsed_s * 1000:.0f} ms", count(len(self.attempts), "attempt")]
        end = [f"{len(self.regions)} unread", *filter(None, [self.ended])]
        return f"<ReadResult: {read};\n {', '.join([*took, *end])}>"

    @property
    def _where(self) -> str:
        size = f"{self.size[0]}x{self.size[1]}"
        if self.page is None:
            return f"{size} picture"
        return f"page {self.page}" + ("" if self.pages is None else f" of {self.pages}") + f" ({size})"

    def require(self) -> QRCode:
        """Return the most confident accepted code.

        Raises
        ------
        NotFoundError
            If there is none; the message says what was tried, what was located and what failed.
        """
        if self:
            return self[0]
        tried = ", ".join(dict.fromkeys(a.strategy for a in self.attempts)) or "nothing"
        attempts, regions = count(len(self.attempts), "attempt"), count(len(self.regions), "region")
        what = "no code was accepted" if self.codes else "no code was read"
        where = f"in this {self._where}" if self.page is None else f"on {self._where}"
        message = f"{what} {where}: {attempts} ({tried}), {regions} located"
        if self.codes:
            message += f", {count(len(self.codes), 'code')} read but not accepted"
        if self.timed_out:
            message += ", stopped by the timeout"
        if self.pages is not None and self.pages > 1:
            message += "; read_document reads the other pages"
        raise NotFoundError("; ".join([message, *self.notes, *self.errors]))

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> ReadResult:
        """Return the result from which `to_dict` made this; other keys are ignored.

        Numbers are as `to_dict` rounds them. There is no picture and no mesh, and an attempt knows how many
        codes it read, but not which. Otherwise it is equal.

        Raises
        ------
        OptionError
            If the dict is not such a result.
        """
        try:
            return cls(**_restore(known))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            failed = known.get("error") if isinstance(known, Mapping) else None
            why = f"it is a row of what could not be read: {failed}" if failed else in_words(error)
            raise OptionError(f"this is not a result that to_dict made: {why}") from error

    @classmethod
    def from_json(cls, text: str | bytes) -> ReadResult:
        """Return the result from which `to_json` made this: see `from_dict`.

        Raises
        ------
        OptionError
            If the text is not JSON, or not such a result.
        """
        try:
            known = json.loads(text)
        except (TypeError, ValueError) as error:
            raise OptionError(f"not JSON: {error}") from error
        return cls.from_dict(known)

    def draw(self, picture: Source | None = None, *, mesh: bool = False) -> Image:
        """Draw what was found over the picture: codes in green, unread regions in amber.

        Parameters
        ----------
        picture : path, bytes, binary file, PIL.Image.Image or ndarray, optional
            The picture that was read. Only needed for a result that does not hold it: one from a batch, a
            pickle or JSON.
        mesh : bool
            Whether to draw, in blue, the fitted module mesh of the codes that have one.

        Returns
        -------
        PIL.Image.Image
            Upright, RGB; a dot marks each code's own top-left corner. Line width grows with the picture.

        Raises
        ------
        ImageError
            If the source is not a readable picture.
        OptionError
            If there is no picture, or it has another size than the one that was read.
        """
        from qrcascade.report.drawing import draw

        return draw(self, picture, mesh=mesh)

    def explain(self) -> str:
        """Explain in words what was read, why the rest is unread and what helps, and what was tried.

        If something may be unread, the picture is measured again, which takes a fraction of a second, or a
        few seconds if 12 MP are full of patterns. Without its picture, a result says less.
        """
        from qrcascade.report.explain import explain

        return explain(self)

    def _repr_html_(self) -> str:
        """Show the picture with what was found, and the attempts, in a notebook."""
        from qrcascade.report.display import to_html

        return to_html(self)


@dataclass(frozen=True, slots=True)
class _StoredAttempt(Attempt):
    """An attempt of which it is known how many codes it read, but not which."""

    number: int = 0

    @property
    def found(self) -> int:
        return self.number


def _restore(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Reading`; raise any of the errors that a dict of another shape leads to."""
    width, height = known["size"]
    return {
        "size": (int(width), int(height)),
        "elapsed_s": known["ms"] / 1000,
        "codes": tuple(_make_code(code) for code in known["codes"]),
        "regions": tuple(_make(Region, region, quad=Quad.of(region["quad"])) for region in known["regions"]),
        "attempts": tuple(
            _make(_StoredAttempt, attempt, number=attempt["found"], elapsed_s=attempt["ms"] / 1000)
            for attempt in known["attempts"]
        ),
        "notes": tuple(known.get("notes", ())),
        **{name: known[name] for name in ("page", "pages", "timed_out", "ended") if name in known},
    }


def _make_code(known: Mapping[str, Any]) -> QRCode:
    data = None if known["data"] is None else bytes.fromhex(known["data"])
    part = None if known.get("part") is None else _make(Part, known["part"])
    return _make(QRCode, known, quad=Quad.of(known["quad"]), data=data, part=part)


def _make(kind: type[_T], known: Mapping[str, Any], **own: Any) -> _T:
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{**{name: value for name, value in known.items() if name in names}, **own})
