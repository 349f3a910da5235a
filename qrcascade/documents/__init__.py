"""Documents: the pages of a PDF, of a multi-page TIFF, the frames of an animation, one result each."""

from __future__ import annotations

from qrcascade.documents.document import read_document

__all__ = ["read_document"]
