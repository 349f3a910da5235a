"""A result's values from the dict that `Reading.to_dict` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from qrcascade.image.quad import Quad
from qrcascade.results import Attempt, Part, QRCode, Region

__all__ = ["restore"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _StoredAttempt(Attempt):
    """An attempt of which it is known how many codes it read, but not which."""

    number: int = 0

    @property
    def found(self) -> int:
        return self.number


def restore(known: Mapping[str, Any]) -> dict[str, Any]:
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
