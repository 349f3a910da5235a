"""Reading many sources in worker processes, and the frames of a stream."""

from __future__ import annotations

from qrcascade.batch.frames import Seen, read_frames
from qrcascade.batch.pool import Record, page_error, processors, read_groups, read_many, row_name

__all__ = [
    "Record",
    "Seen",
    "page_error",
    "processors",
    "read_frames",
    "read_groups",
    "read_many",
    "row_name",
]
