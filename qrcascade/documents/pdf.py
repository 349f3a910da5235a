"""PDF pages as pixels, through PDFium: the scan itself if a page is one, else renderings."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from qrcascade.documents.looks import Look, Unread
from qrcascade.documents.mending import is_cut, mend
from qrcascade.documents.streams import check_streams
from qrcascade.errors import DocumentError, ImageError, MissingDependencyError
from qrcascade.image.frame import Frame, Gray, Matrix, scaling
from qrcascade.image.limits import Limits
from qrcascade.image.quad import Quad
from qrcascade.image.sources import read_bytes

Box = tuple[int, int, int, int]

__all__ = ["DPI", "Pdf", "PdfPage"]

DPI = (200, 300, 400)
"""Resolution of a page's raster, in whose pixels codes are reported; finer ones for unread places."""

_POINTS = 72
_CUT = "the PDF is cut at its end, so pages or parts of them may be missing"
# A rendering is coarser than a scan if its resolution is below this share of the scan's.
_COARSER = 0.9
# PDFium is not thread-safe, even across documents. Reentrant, since garbage collection during a call may
# close another document.
_GUARD = threading.RLock()

# Intersection over union from which a scan's outline counts as the page's.
_COVERS = 0.9
# Pictures on a page that are looked at, at most; objects among which they are sought.
_MOST_PICTURES, _MOST_OBJECTS = 16, 100_000
# Square pictures of this side in pixels of the raster, 4 to 8 mm, are looked at too if they have this many
# times as many pixels: no locator sees a code that small. Few, since logos and icons are square as well.
_SMALL, _DENSER, _SQUARE, _MOST_SMALL = (32, 64), 1.5, 1.2, 4
# A page shows just its scan if thumbnails of both, of this length, differ by at most _ALIKE gray levels in
# each block of _BLOCK pixels: PDFium and Pillow scale down differently. In 80 photographs as pages, no block
# differs by more than 13.
_THUMBNAIL, _BLOCK, _ALIKE = 320, 16, 32
# PDFium maps a page to its raster in whole numbers, hence in this fraction of a pixel.
_FINE = 256


class Pdf:
    """An open PDF, with one page at a time in memory.

    Parameters
    ----------
    source : Path or bytes
        The PDF, from which pages are read on request.
    password : str, optional
        The user's or the owner's password.
    limits : Limits
        Limits on the size of a rendering, and of a picture within the page.

    Raises
    ------
    DocumentError
        If the source is not a PDF, or is broken or locked.
    MissingDependencyError
        If pypdfium2 is not installed.
    """

    def __init__(self, source: Path | bytes, password: str | None, limits: Limits) -> None:
        self._pdfium = pdfium = _pdfium()
        self._limits = limits
        self._reopen = partial(Pdf, source, password, limits)
        data = read_bytes(source, limits)
        check_streams(data)
        self.notes: tuple[str, ...] = (_CUT,) if is_cut(data) else ()
        with _GUARD:
            try:
                # Absolute, or a leading "~" would be expanded.
                given = source.absolute() if isinstance(source, Path) else source
                self._document = pdfium.PdfDocument(given, password)
            except pdfium.PdfiumError as error:
                locked = error.err_code == pdfium.raw.FPDF_ERR_PASSWORD
                mended = None if locked else self._open_mended(data)
                if mended is None:
                    raise DocumentError(_explain_failure(locked, password, error)) from error
                self._document, self.notes = mended, (_CUT,)
            if self._document.get_formtype() == pdfium.raw.FORMTYPE_ACRO_FORM:
                self._document.init_forms()
            self.pages: int = len(self._document)
            if self.pages > len(data):
                self._document.close()
                raise DocumentError(f"it claims {self.pages:,} pages in {len(data):,} bytes")

    def _open_mended(self, data: bytes) -> Any:
        """Return the document with a new end, which has its pages; None if that does not help."""
        for whole in mend(data):
            with contextlib.suppress(self._pdfium.PdfiumError):
                document = self._pdfium.PdfDocument(whole)
                if len(document):
                    return document
                document.close()
        return None

    def close(self) -> None:
        """Close the document; its pages must be closed."""
        with _GUARD:
            self._document.close()

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator[PdfPage]:
        """Open a page, numbered from 1, for use within the ``with``."""
        with _GUARD:
            page = self._document[number - 1]
        try:
            yield PdfPage(page, self._pdfium, self._limits)
        finally:
            with _GUARD:
                page.close()

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """Return a page's raster, rendered again from the source on use, even after closing."""
        reopen = self._reopen

        def render(grayscale: bool) -> Gray:
            with contextlib.closing(reopen()) as again, again.page(number) as page:
                return page.picture(grayscale)

        return Frame.deferred(size, lambda: Frame(render(True), color=lambda: render(False)))


class PdfPage:
    """A page of an open PDF.

    Attributes
    ----------
    size : (int, int)
        Width and height of its raster in pixels: at 200 dpi, or less if the limits demand it.
    """

    def __init__(self, page: Any, pdfium: Any, limits: Limits) -> None:
        self._page, self._pdfium, self._limits = page, pdfium, limits
        with _GUARD:
            self._points: tuple[float, float] = page.get_size()
        self.size = self._size(self._scale(DPI[0]))

    def looks(self, unread: Unread) -> Iterator[Look]:
        """Yield looks at the page, each made on request.

        The first is the scan itself if one scan is all that the page shows, else the page at 200 dpi. Then
        come pictures on the page that lie at an unread place, which something may be painted over; then the
        unread places at 300 and 400 dpi; or, for a scan, at the resolutions coarser than its own, which
        average noise away, while finer ones add nothing.

        Raises
        ------
        ImageError
            If a picture on the page is larger than the limits allow.
        """
        with _GUARD:
            self._check_pictures()
        scan = self._scan()
        if scan is None:
            yield self._look(DPI[0], None)
            yield from self._pictures(unread)
            resolutions = [dpi for dpi in DPI[1:] if self._scale(dpi) > self._scale(DPI[0])]
        else:
            yield scan
            assert scan.to_page is not None
            own = DPI[0] / math.sqrt(abs(np.linalg.det(scan.to_page)))
            resolutions = [dpi for dpi in DPI if dpi < _COARSER * own]
        for dpi in resolutions:
            for place in unread(scan is None):
                yield self._look(dpi, place)

    def _look(self, dpi: int, place: Quad | None) -> Look:
        """Return a look at the page, or at a place with a margin of its own size on every side."""
        scale = self._scale(dpi)
        size = self._size(scale)
        to_page = scaling(size, self.size)
        if place is None:
            left, top, right, bottom = box = (0, 0, *size)
        else:
            corners = np.asarray(place)
            reach = np.ptp(corners, axis=0)
            low = (corners.min(axis=0) - reach) * size / self.size
            high = (corners.max(axis=0) + reach) * size / self.size
            left, top = (int(np.clip(v, 0, most - 1)) for v, most in zip(low, size, strict=True))
            right = min(size[0], max(left + 1, math.ceil(high[0])))
            bottom = min(size[1], max(top + 1, math.ceil(high[1])))
            box = left, top, right, bottom
        frame = Frame(self._render(scale, True, box), color=lambda: self._render(scale, False, box))
        return Look(frame, f"{dpi} dpi", to_page @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]]))

    def picture(self, grayscale: bool) -> Gray:
        """Return the page's raster: gray of shape (H, W), or RGB of shape (H, W, 3)."""
        return self._render(self._scale(DPI[0]), grayscale)

    def _render(self, scale: float, grayscale: bool, box: Box | None = None) -> Gray:
        """Render the page, or its part within (left, top, right, bottom) in pixels of that scale."""
        width, height = self._size(scale)
        left, top, right, bottom = box or (0, 0, width, height)
        # PDFium rounds these up.
        crop = [max(0.0, v - 0.5) / scale for v in (left, height - bottom, width - right, top)]
        with _GUARD:
            return _copy_pixels(
                self._page.render(scale=scale, grayscale=grayscale, rev_byteorder=True, crop=crop)
            )

    def _scale(self, dpi: int) -> float:
        """Return the pixels per point, reduced where a huge page would exceed the limits."""
        width, height = self._points
        # Sizes are rounded up by at most a pixel per side: (width s + 1)(height s + 1) must be allowed.
        around, area = width + height, width * height
        whole = math.sqrt(around**2 + 4 * area * (self._limits.max_pixels - 1)) - around
        most = min((self._limits.max_side - 1) / max(width, height), whole / (2 * area))
        return min(dpi / _POINTS, most)

    def _size(self, scale: float) -> tuple[int, int]:
        width, height = self._points
        return math.ceil(width * scale), math.ceil(height * scale)

    def _check_pictures(self) -> None:
        for image in self._images():
            width, height = image.get_px_size()
            if width and height:
                self._limits.check_size(width, height)

    def _pictures(self, unread: Unread) -> Iterator[Look]:
        """Yield pictures on the page as they are in the file: at unread places, and small square ones."""
        with _GUARD:
            found = [
                (image, _outline(self._to_raster(image)), image.get_px_size()) for image in self._images()
            ]
        left, small = _MOST_PICTURES, _MOST_SMALL
        for image, outline, pixels in found:
            if not any(at is None or outline.overlap(at) > 0 for at in unread(False)):
                if not small or not _is_small(outline, pixels):
                    continue
                small -= 1
            if not left:
                return
            look = None
            with _GUARD, contextlib.suppress(ImageError):
                look = self._image_look(image, "picture")
            if look is not None:
                left -= 1
                yield look

    def _images(self) -> Iterator[Any]:
        """Yield the pictures among the page's first objects, also within forms."""
        first = itertools.islice(self._page.get_objects(), _MOST_OBJECTS)
        return (item for item in first if item.type == self._pdfium.raw.FPDF_PAGEOBJ_IMAGE)

    def _scan(self) -> Look | None:
        """Return the picture if it is all that the page shows, else None."""
        with _GUARD:
            image = self._only_image()
            if image is None:
                return None
            page = _outline(np.diag([*self.size, 1.0]))
            if _outline(self._to_raster(image)).overlap(page) < _COVERS:
                return None
            look = self._image_look(image, "scan")
        if look is None or look.to_page is None:
            return None
        return look if self._shows(look.frame.gray, look.to_page) else None

    def _image_look(self, image: Any, name: str) -> Look | None:
        """Return a picture's own pixels and where they are on the page; None if PDFium cannot decode it."""
        try:
            pixels = _copy_pixels(image.get_bitmap())
        except self._pdfium.PdfiumError:
            return None
        frame = Frame.load(pixels[:, :, :3] if pixels.ndim == 3 else pixels, bgr=True, limits=self._limits)
        width, height = size = image.get_px_size()
        if frame.size != size:
            return None
        # Pixel centres are whole numbers; the y axis of the picture's unit square points up.
        to_unit = np.array([[1 / width, 0, 0.5 / width], [0, -1 / height, 1 - 0.5 / height], [0, 0, 1]])
        to_page = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]) @ self._to_raster(image) @ to_unit
        return Look(frame, name, to_page)

    def _only_image(self) -> Any:
        """Return the page's only image; None if there is anything else but invisible text, as OCR adds."""
        raw = self._pdfium.raw
        if raw.FPDFPage_GetAnnotCount(self._page) > 0:
            return None
        only = None
        for item in self._page.get_objects():
            if item.type == raw.FPDF_PAGEOBJ_IMAGE and only is None:
                only = item
            elif item.type == raw.FPDF_PAGEOBJ_FORM:
                continue
            elif item.type != raw.FPDF_PAGEOBJ_TEXT or (
                raw.FPDFTextObj_GetTextRenderMode(item) != raw.FPDF_TEXTRENDERMODE_INVISIBLE
            ):
                return None
        return only

    def _to_raster(self, image: Any) -> Matrix:
        """Return the map from an image's unit square, y up, to the raster, with pixel edges at integers."""
        import ctypes

        matrix, form = image.get_matrix(), image.container
        while form is not None:
            matrix, form = matrix.multiply(form.get_matrix()), form.container
        a, b, c, d, e, f = matrix.get()
        width, height = self.size
        points = []
        for x, y in ((e, f), (a + e, b + f), (c + e, d + f)):
            at_x, at_y = ctypes.c_int(), ctypes.c_int()
            raster = (0, 0, width * _FINE, height * _FINE, 0)
            self._pdfium.raw.FPDF_PageToDevice(self._page, *raster, x, y, at_x, at_y)
            points.append((at_x.value / _FINE, at_y.value / _FINE))
        (x0, y0), (x1, y1), (x2, y2) = points
        return np.array([[x1 - x0, x2 - x0, x0], [y1 - y0, y2 - y0, y0], [0, 0, 1]])

    def _shows(self, gray: Gray, to_page: Matrix) -> bool:
        """Return whether the page looks like this picture, unaltered by a mask, layer or odd colour space."""
        page = self._render(_THUMBNAIL / max(self._points), True)
        thumbnail = page.shape[1], page.shape[0]
        image = Image.fromarray(gray)
        reduced = image.reduce(max(1, min(image.size[0] // thumbnail[0], image.size[1] // thumbnail[1])))
        to_thumbnail = scaling(self.size, thumbnail) @ to_page @ scaling(reduced.size, image.size)
        # Pillow's coordinates start at the edge of the first pixel, not at its centre.
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        back = half @ np.linalg.inv(to_thumbnail) @ np.linalg.inv(half)
        seen = reduced.transform(
            thumbnail,
            Image.Transform.AFFINE,
            tuple(back[:2].ravel()),
            Image.Resampling.BILINEAR,
            fillcolor=255,
        )
        blocks = [np.asarray(i.reduce(_BLOCK), np.int16) for i in (seen, Image.fromarray(page))]
        return int(np.abs(blocks[0] - blocks[1]).max()) <= _ALIKE


def _copy_pixels(bitmap: Any) -> Gray:
    """Return a copy of a bitmap's pixels; the caller's guard covers the release of the bitmap."""
    return np.array(bitmap.to_numpy())


def _is_small(outline: Quad, pixels: tuple[int, int]) -> bool:
    """Return whether a picture may be a code that the raster shows too small for any locator."""
    left, top, right, bottom = outline.bounds
    low, high = sorted((right - left, bottom - top))
    return _SMALL[0] <= low and high <= min(_SMALL[1], _SQUARE * low) and min(pixels) >= _DENSER * high


def _outline(to_raster: Matrix) -> Quad:
    """Return where the unit square lies in the raster."""
    square = np.array([(0.0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)])
    return Quad.of((square @ to_raster.T)[:, :2])


def _pdfium() -> Any:
    try:
        import pypdfium2
        import pypdfium2.raw
    except ImportError as error:
        raise MissingDependencyError("PDF", "pip install pypdfium2", str(error)) from error
    return pypdfium2


def _explain_failure(locked: bool, password: str | None, error: Exception) -> str:
    if locked:
        return (
            "it needs a password (password=, --password)"
            if password is None
            else "the given password does not open it"
        )
    return f"it is broken: {error}"
