"""What people want to see of a page: a small picture, and why something was not read.

Both need the pixels again. They are made in a worker process, since they come from a file of a stranger.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace

from PIL import Image

from qrcascade import Cascade, Frame, Limits, ReadResult, WorkerError
from qrcascade.documents.opening import open_source
from qrcascade.isolation import Here, HungError, LostError
from qrcascade.report.drawing import to_data_uri

__all__ = ["Shown", "Wanted", "show"]

_PREVIEW_SIDE = 1200
# Seconds for a page, beyond its reading.
_PATIENCE_S = 5.0
# In advice for those who call the package themselves.
_PYTHON = ("Cascade.", "read(")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show of each page."""

    preview: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A page's preview as a data URL, and the explanation of its reading; None if not wanted, or failed."""

    preview: str | None = None
    explanation: str | None = None


def show(cascade: Cascade, source: bytes, result: ReadResult, wanted: Wanted) -> Shown:
    """Show a page of a document, or a picture, in a worker process of an isolated cascade."""
    workers = cascade.openers
    # A picture without a size could not be decoded.
    if workers is None or not all(result.size) or not (wanted.preview or wanted.explain):
        return Shown()
    until = time.monotonic() + _PATIENCE_S
    try:
        worker = workers.take(until)
    except (HungError, WorkerError):
        return Shown()
    try:
        shown: Shown = worker.call(_show, source, result, cascade.limits, wanted, until=until)
    except (HungError, LostError):
        workers.replace(worker)
        return Shown()
    except Exception:
        shown = Shown()
    workers.give_back(worker)
    return shown


def _show(_: Here, source: bytes, result: ReadResult, limits: Limits, wanted: Wanted) -> Shown:
    with contextlib.ExitStack() as closing:
        document, _source = open_source(source, None, limits, closing)
        if document is None:
            frame = Frame.load(source, limits=limits)
        else:
            frame = document.picture(result.page or 1, result.size)
        return Shown(
            to_data_uri(Image.fromarray(frame.color), _PREVIEW_SIDE) if wanted.preview else None,
            _explain(replace(result, picture=frame)) if wanted.explain else None,
        )


def _explain(result: ReadResult) -> str:
    """Return the explanation without errors, which may name files of the service, and without Python."""
    told = replace(result, attempts=tuple(replace(a, error=None) for a in result.attempts)).explain()
    return "\n".join(line for line in told.splitlines() if not any(call in line for call in _PYTHON))
