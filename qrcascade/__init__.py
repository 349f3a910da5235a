"""qrcascade reads QR codes from photos and scans of documents, cheapest way first.

Importing it is cheap: each name below is loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qrcascade.batch import Record, Seen, read_frames, read_many
    from qrcascade.cascade import Cascade, Preset
    from qrcascade.documents import read, read_document
    from qrcascade.engines.detector import detect
    from qrcascade.errors import (
        DocumentError,
        ImageError,
        MissingDependencyError,
        NotFoundError,
        OptionError,
        QRCascadeError,
        WeightsError,
        WorkerError,
    )
    from qrcascade.image.frame import Frame
    from qrcascade.image.limits import Limits
    from qrcascade.image.quad import Quad
    from qrcascade.profile import Advice, Measured, Profile, advise
    from qrcascade.reading.options import Accept, DocumentOptions, Expect, Format, Formats, ReadOptions
    from qrcascade.reading.scan import Scan
    from qrcascade.reading.steps import Step
    from qrcascade.report.display import show_views
    from qrcascade.report.result import ReadResult
    from qrcascade.results import Attempt, Findings, Part, QRCode, Region
    from qrcascade.strategies import ClassicalStrategy, GridStrategy, QReaderStrategy, Strategy, StubStrategy
    from qrcascade.symbology.append import Message, join_parts

__version__ = "0.1.0"

__all__ = [
    "Accept",
    "Advice",
    "Attempt",
    "Cascade",
    "ClassicalStrategy",
    "DocumentError",
    "DocumentOptions",
    "Expect",
    "Findings",
    "Format",
    "Formats",
    "Frame",
    "GridStrategy",
    "ImageError",
    "Limits",
    "Measured",
    "Message",
    "MissingDependencyError",
    "NotFoundError",
    "OptionError",
    "Part",
    "Preset",
    "Profile",
    "QRCascadeError",
    "QRCode",
    "QReaderStrategy",
    "Quad",
    "ReadOptions",
    "ReadResult",
    "Record",
    "Region",
    "Scan",
    "Seen",
    "Step",
    "Strategy",
    "StubStrategy",
    "WeightsError",
    "WorkerError",
    "advise",
    "detect",
    "join_parts",
    "read",
    "read_document",
    "read_frames",
    "read_many",
    "show_views",
]

_ROOMS = {
    "batch": ("Record", "Seen", "read_frames", "read_many"),
    "cascade": ("Cascade", "Preset"),
    "report.display": ("show_views",),
    "documents": ("read", "read_document"),
    "engines.detector": ("detect",),
    "errors": (
        "DocumentError",
        "ImageError",
        "MissingDependencyError",
        "NotFoundError",
        "OptionError",
        "QRCascadeError",
        "WeightsError",
        "WorkerError",
    ),
    "image.frame": ("Frame",),
    "image.limits": ("Limits",),
    "reading.options": ("Accept", "DocumentOptions", "Expect", "Format", "Formats", "ReadOptions"),
    "profile": ("Advice", "Measured", "Profile", "advise"),
    "image.quad": ("Quad",),
    "report.result": ("ReadResult",),
    "results": ("Attempt", "Findings", "Part", "QRCode", "Region"),
    "reading.scan": ("Scan",),
    "reading.steps": ("Step",),
    "strategies": ("ClassicalStrategy", "GridStrategy", "QReaderStrategy", "Strategy", "StubStrategy"),
    "symbology.append": ("Message", "join_parts"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}
# Modules with a public short name.
_MODULES = {"tables": "report.tables", "views": "image.views"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"qrcascade.{_MODULES[name]}")
    elif name in _HOME:
        value = getattr(importlib.import_module(f"qrcascade.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'qrcascade' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})
