"""The symbologies that can be asked for, by the names that zxing-cpp gives them; standard library only."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

__all__ = ["FORMATS", "LINEAR", "QR_FORMATS", "SCANNED", "Format", "find_format"]

QRFormat: TypeAlias = Literal["QRCode", "QRCodeModel1", "MicroQRCode", "RMQRCode"]
MatrixFormat: TypeAlias = Literal["Aztec", "DataMatrix", "MaxiCode", "PDF417", "MicroPDF417"]
RetailFormat: TypeAlias = Literal["EAN13", "EAN8", "UPCA", "UPCE", "DataBar"]
LinearFormat: TypeAlias = Literal["Codabar", "Code128", "Code39", "Code93", "DXFilmEdge", "ITF", "Telepen"]
Format: TypeAlias = QRFormat | MatrixFormat | RetailFormat | LinearFormat
"""Name of a symbology. "DataBar" and "Code39" are whole families."""

QR_FORMATS: tuple[str, ...] = get_args(QRFormat)
"""QR Code and its relatives."""

LINEAR = frozenset(name for names in (RetailFormat, LinearFormat) for name in get_args(names))
"""Those that are bars."""

SCANNED = LINEAR | {"MaxiCode", "PDF417", "MicroPDF417"}
"""Those that zxing-cpp reads along rows and columns of pixels, so only if they are about upright."""

FORMATS: tuple[str, ...] = tuple(name for names in get_args(Format) for name in get_args(names))
"""All symbologies that zxing-cpp reads."""


def find_format(name: object) -> str | None:
    """Return the format of this name, whatever its case and punctuation ("EAN-13", "data matrix")."""
    return _BY_SPELLING.get(_simplify(name)) if isinstance(name, str) else None


def _simplify(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


_BY_SPELLING = {_simplify(name): name for name in FORMATS}
