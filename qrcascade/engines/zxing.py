"""zxing-cpp: the fastest engine, the only one with exact bytes and evidence of correction."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from qrcascade.engines import confidence
from qrcascade.engines.orientation import is_mirrored
from qrcascade.errors import MissingDependencyError
from qrcascade.image.frame import Gray
from qrcascade.image.quad import Quad
from qrcascade.results import Findings, QRCode, Region
from qrcascade.symbology import charset

__all__ = ["ZXingEngine"]

# A failed checksum means that finder patterns, timing and format were all there.
_CHECKSUM_SCORE = 0.8
# Its other errors need only finder patterns.
_FORMAT_SCORE = 0.4


class ZXingEngine:
    """Reads with zxing-cpp 3.1 or newer; what fails its checksum is a region.

    Parameters
    ----------
    thrifty : bool
        Look for symbols that are light on dark only where nothing that is dark on light is seen. That
        saves a quarter of the time where there is one.
    """

    name = "zxing"

    def __init__(self, thrifty: bool = False) -> None:
        self._thrifty = thrifty

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`."""
        found = _look(gray, formats, invert=not self._thrifty)
        if self._thrifty and not (found.codes or found.regions):
            return _look(np.bitwise_not(gray), formats, invert=False)
        return found


def _look(gray: Gray, formats: frozenset[str], invert: bool) -> Findings:
    zxingcpp = _library()
    found = zxingcpp.read_barcodes(
        gray,
        formats=_formats(formats),
        try_invert=invert,
        # The hexadecimal ECI text carries what `text` would hide: where each ECI begins.
        text_mode=zxingcpp.TextMode.HexECI,
        return_errors=True,
    )
    codes, regions = [], []
    for barcode in found:
        quad = _quad(barcode.position)
        if barcode.valid and barcode.format.name in formats:
            codes.append(_code(barcode, quad, gray))
        elif not barcode.valid and quad.convex:
            checksum = barcode.error.type == zxingcpp.ErrorType.Checksum
            score = _CHECKSUM_SCORE if checksum else _FORMAT_SCORE
            regions.append(Region(quad, score, ZXingEngine.name))
    return Findings(tuple(codes), tuple(regions))


def _library() -> Any:
    try:
        import zxingcpp
    except ImportError as error:
        raise MissingDependencyError(
            "the zxing engine", "pip install 'zxing-cpp>=3.1'", str(error)
        ) from error
    return zxingcpp


@functools.cache
def _formats(formats: frozenset[str]) -> Any:
    zxingcpp = _library()
    known = zxingcpp.BarcodeFormat
    # Its `QRCode` stands for the family, Micro QR and rMQR included.
    members = {"QRCode": "QRCodeModel2", "MicroQRCode": "MicroQRCode", "RMQRCode": "RMQRCode"}
    return zxingcpp.BarcodeFormats([getattr(known, members[name]) for name in sorted(formats)])


def _quad(position: Any) -> Quad:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return Quad.of([(corner.x, corner.y) for corner in corners])


def _text(barcode: Any, gray: Gray) -> str:
    stretches = charset.split_eci(bytes.fromhex(barcode.text))
    hint = None
    if not charset.is_plain(stretches):
        # Rare: only its plain text tells of hanzi mode, and takes another look.
        zxingcpp = _library()
        plain = zxingcpp.read_barcodes(
            gray, formats=zxingcpp.BarcodeFormats(barcode.format), text_mode=zxingcpp.TextMode.Plain
        )
        hint = next((other.text for other in plain if other.bytes == barcode.bytes), None)
    return charset.decode(stretches, hint)


def _code(barcode: Any, quad: Quad, gray: Gray) -> QRCode:
    extra = barcode.extra
    version = extra.get("Version")
    mirrored = None
    if barcode.format.name == "QRCode" and version is not None and "DataMask" in extra:
        mirrored = is_mirrored(gray, quad, int(version), barcode.ec_level, int(extra["DataMask"]))
    return QRCode(
        text=_text(barcode, gray),
        data=barcode.bytes,
        quad=quad,
        confidence=confidence.of_unused_correction(float(extra.get("UEC", 0.0))),
        engine="zxing",
        version=version,
        ec_level=barcode.ec_level or None,
        mirrored=mirrored,
        format=barcode.format.name,
    )
