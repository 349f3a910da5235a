"""Reading many sources in worker processes."""

from __future__ import annotations

from qrcascade.batch.pool import Record, page_error, processors, read_groups, read_many, row_name

__all__ = ["Record", "page_error", "processors", "read_groups", "read_many", "row_name"]
