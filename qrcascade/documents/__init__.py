"""Documents: one result per page of a PDF or multi-page TIFF, or per frame of an animation."""

from __future__ import annotations

from qrcascade.documents.document import read, read_document

__all__ = ["read", "read_document"]
