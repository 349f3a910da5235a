"""Text that is safe to show on a terminal, in a log and in a line of JSON; and plurals."""

from __future__ import annotations

import json

__all__ = ["count", "escape", "to_json"]


def escape(text: str, *, backslash: bool = True) -> str:
    r"""Escape what could break a line or deceive a reader, as JSON strings do.

    Payloads, file names and tags come from strangers: control characters drive terminals (U+009B), others end
    a line (U+2028) or reverse what follows (U+202E). Every character that `str.isprintable` denies becomes
    ``\n``, ``\u202e`` and so on. A backslash becomes two, so that no text looks like another one's escape,
    unless ``backslash`` is False: in sentences, and in what is escaped already.
    """
    if text.isprintable() and not (backslash and "\\" in text):
        return text
    return "".join(
        json.dumps(c)[1:-1] if not c.isprintable() or (backslash and c == "\\") else c for c in text
    )


def to_json(value: object) -> str:
    """Return a value as one line of JSON: letters of every script as they are, the rest escaped."""
    return escape(json.dumps(value, ensure_ascii=False), backslash=False)


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 file", "1,200 files"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
