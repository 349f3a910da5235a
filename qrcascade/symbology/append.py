"""Join the parts of divided messages (structured append, ISO/IEC 18004:2015, clause 8)."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qrcascade.errors import OptionError
from qrcascade.results import QRCode
from qrcascade.symbology import charset

__all__ = ["Message", "join_parts"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is divided among symbols. Truthy if no part is missing.

    Parameters
    ----------
    parts : tuple of QRCode
        The symbols that are there, in the message's order, each once.
    count : int
        Number of symbols that it is divided among, 1 to 16.
    parity : int
        The parity that each of them states, 0 to 255.
    """

    parts: tuple[QRCode, ...]
    count: int
    parity: int

    def __bool__(self) -> bool:
        return not self.missing

    @property
    def missing(self) -> tuple[int, ...]:
        """The parts that are missing, from 1, in order."""
        there = {code.part.index for code in self.parts if code.part is not None}
        return tuple(index for index in range(1, self.count + 1) if index not in there)

    @property
    def data(self) -> bytes | None:
        """The message's exact bytes; None if a part is missing."""
        return b"".join(code.data or b"" for code in self.parts) if self else None

    @property
    def text(self) -> str | None:
        """The message as text; None if a part is missing.

        A part may end inside a character, so bytes whose character set is not told are decoded together.
        """
        data = self.data
        if data is None:
            return None
        if all(code.charset_source in ("eci", "mode") for code in self.parts if not _is_ascii(code)):
            return "".join(code.text for code in self.parts)
        return charset.decode([(None, data)]).text

    @property
    def parity_agrees(self) -> bool:
        """Whether the exclusive or of all bytes is the parity; False if a part is missing.

        If not, the parts may belong to different messages. But some encoders do not compute the parity from
        the bytes.
        """
        return self.data is not None and functools.reduce(operator.xor, self.data) == self.parity


def join_parts(codes: Iterable[QRCode | Iterable[QRCode]]) -> tuple[Message, ...]:
    """Join the parts of messages that are divided among symbols.

    Parameters
    ----------
    codes : iterable of QRCode or ReadResult
        In any order, from one picture or several, such as ``result`` or ``[result, other]``. Codes that are
        no part of a message are left out.

    Returns
    -------
    tuple of Message
        One for each parity and number of parts, the first seen first. `Message.missing` says which parts
        are missing; if codes give different payloads for one, it is missing, too.
    """
    found: dict[tuple[int, int], dict[int, list[QRCode]]] = {}
    for code in _flatten(codes):
        if code.part is not None:
            parts = found.setdefault((code.part.count, code.part.parity), {})
            parts.setdefault(code.part.index, []).append(code)
    return tuple(
        Message(tuple(same[0] for _, same in sorted(parts.items()) if _agree(same)), count, parity)
        for (count, parity), parts in found.items()
    )


def _flatten(codes: Iterable[QRCode | Iterable[QRCode]]) -> Iterator[QRCode]:
    for given in codes:
        for code in (given,) if isinstance(given, QRCode) else given:
            if not isinstance(code, QRCode):
                raise OptionError(f"codes must be QRCodes or results, got {code!r}")
            yield code


def _agree(codes: list[QRCode]) -> bool:
    return all(code.same_payload(codes[0]) for code in codes)


def _is_ascii(code: QRCode) -> bool:
    return code.charset_source == "default"
