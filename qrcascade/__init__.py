"""qrcascade reads QR codes from photos and scans of documents, cheapest way first.

Importing it is cheap: the names below are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qrcascade.batch import Record, read_many
    from qrcascade.cascade import Cascade, read
    from qrcascade.display import show_views
    from qrcascade.documents import read_document
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
    from qrcascade.frame import Frame
    from qrcascade.limits import Limits
    from qrcascade.options import DocumentOptions, ReadOptions
    from qrcascade.profile import Advice, Measured, Profile, advise
    from qrcascade.quad import Quad
    from qrcascade.results import Attempt, Findings, QRCode, ReadResult, Region
    from qrcascade.scan import Scan
    from qrcascade.steps import Step
    from qrcascade.strategies import ClassicalStrategy, GridStrategy, QReaderStrategy, Strategy, StubStrategy

__version__ = "0.1.0"

__all__ = [
    "Advice",
    "Attempt",
    "Cascade",
    "ClassicalStrategy",
    "DocumentError",
    "DocumentOptions",
    "Findings",
    "Frame",
    "GridStrategy",
    "ImageError",
    "Limits",
    "Measured",
    "MissingDependencyError",
    "NotFoundError",
    "OptionError",
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
    "Step",
    "Strategy",
    "StubStrategy",
    "WeightsError",
    "WorkerError",
    "advise",
    "read",
    "read_document",
    "read_many",
    "show_views",
]

_ROOMS = {
    "batch": ("Record", "read_many"),
    "cascade": ("Cascade", "read"),
    "display": ("show_views",),
    "documents": ("read_document",),
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
    "frame": ("Frame",),
    "limits": ("Limits",),
    "options": ("DocumentOptions", "ReadOptions"),
    "profile": ("Advice", "Measured", "Profile", "advise"),
    "quad": ("Quad",),
    "results": ("Attempt", "Findings", "QRCode", "ReadResult", "Region"),
    "scan": ("Scan",),
    "steps": ("Step",),
    "strategies": ("ClassicalStrategy", "GridStrategy", "QReaderStrategy", "Strategy", "StubStrategy"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'qrcascade' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"qrcascade.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
