"""zxing-cpp: the fastest engine, and the only one that reports exact bytes and how much it corrected."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from qrcascade.engines import confidence
from qrcascade.engines.orientation import is_mirrored
from qrcascade.errors import MissingDependencyError
from qrcascade.image.frame import Gray
from qrcascade.image.quad import Quad
from qrcascade.results import Findings, QRCode, Region
from qrcascade.symbology import charset
from qrcascade.symbology.names import FORMATS, QR_FORMATS

__all__ = ["ZXingEngine"]

# A failed checksum means that finder patterns, timing and format were all found.
_CHECKSUM_SCORE = 0.8
# Other errors require only finder patterns.
_FORMAT_SCORE = 0.4
# In 8 of 111 pictures without such a symbol, something passed for a Data Matrix code with errors. Nothing did
# for another symbology.
_EASILY_SEEN = "DataMatrix"
# ITF-14 has a check digit: its length, and the identifier (ISO/IEC 15424) if that digit is right.
_ITF_14, _CHECKED_ITF = 14, "]I1"
# Shorter ones are scraps of other bars. The least length that ZXing's own ITFReader allows.
_LEAST_ITF = 6
# QR Code Model 1: its name, and its AIM symbology identifier (ISO/IEC 15424).
_MODEL_1, _MODEL_1_IDENTIFIER = "QRCodeModel1", "]Q0"


class ZXingEngine:
    """Reads with zxing-cpp 3.1 or newer; a symbol that fails its checksum becomes a region.

    Parameters
    ----------
    thrifty : bool
        Look for light-on-dark symbols only if no dark-on-light one is found. If there is one, that saves a
        quarter of the time.
    """

    name = "zxing"

    def __init__(self, thrifty: bool = False) -> None:
        self._thrifty = thrifty

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`."""
        found = _look(gray, formats, invert=not self._thrifty)
        # Of most other symbologies the library itself looks for dark on light alone.
        is_partial = self._thrifty or not formats.issubset(QR_FORMATS)
        if is_partial and not (found.codes or found.regions):
            return _look(np.bitwise_not(gray), formats, invert=False)
        return found


def _look(gray: Gray, formats: frozenset[str], invert: bool) -> Findings:
    found = _read_barcodes(gray, formats, invert)
    failed = (barcode for barcode in found if not barcode.valid)
    if _MODEL_1 in formats and any(_name_format(barcode) in QR_FORMATS for barcode in failed):
        # A search for both models outlines what it cannot decode worse than one for Model 2.
        read = [barcode for barcode in found if barcode.valid and _name_format(barcode) == _MODEL_1]
        found = [*read, *_read_barcodes(gray, formats - {_MODEL_1}, invert)]
    plain = functools.cache(functools.partial(_read_plain_texts, gray, _convert_formats(formats)))
    codes, regions = [], []
    for barcode in found:
        quad = _convert_quad(barcode.position)
        if barcode.valid and _name_format(barcode) in formats and not _is_scrap(barcode):
            codes.append(_convert_code(barcode, quad, gray, plain))
        elif not barcode.valid and quad.convex:
            name = _name_format(barcode)
            regions.append(Region(quad, _score_failure(barcode, name), ZXingEngine.name, format=name))
    return Findings(tuple(codes), tuple(regions))


def _is_scrap(barcode: Any) -> bool:
    return _name_format(barcode) == "ITF" and len(barcode.bytes) < _LEAST_ITF


def _score_failure(barcode: Any, name: str) -> float:
    checksum = barcode.error.type == _import_library().ErrorType.Checksum
    return _CHECKSUM_SCORE if checksum and name != _EASILY_SEEN else _FORMAT_SCORE


def _read_barcodes(gray: Gray, formats: frozenset[str], invert: bool) -> list[Any]:
    zxingcpp = _import_library()
    if not formats:
        return []
    found = zxingcpp.read_barcodes(
        gray,
        formats=_convert_formats(formats),
        try_invert=invert,
        # The hexadecimal ECI text shows what `text` would hide: where each ECI begins.
        text_mode=zxingcpp.TextMode.HexECI,
        return_errors=True,
    )
    return list(found)


def _import_library() -> Any:
    try:
        import zxingcpp
    except ImportError as error:
        raise MissingDependencyError(
            "the zxing engine", "pip install 'zxing-cpp>=3.1'", str(error)
        ) from error
    return zxingcpp


@functools.cache
def _convert_formats(formats: frozenset[str]) -> Any:
    zxingcpp = _import_library()
    known = zxingcpp.BarcodeFormat
    # Its `QRCode` stands for the whole family, including Micro QR and rMQR.
    return zxingcpp.BarcodeFormats(
        [known.QRCodeModel2 if name == "QRCode" else getattr(known, name) for name in sorted(formats)]
    )


def _name_format(barcode: Any) -> str:
    if barcode.symbology_identifier == _MODEL_1_IDENTIFIER:
        return _MODEL_1
    # Variants, such as "Code39Ext", have no name of their own here.
    name = str(barcode.format.name)
    return name if name in FORMATS else str(barcode.symbology.name)


def _convert_quad(position: Any) -> Quad:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return Quad.of([(corner.x, corner.y) for corner in corners])


def _read_plain_texts(gray: Gray, formats: Any) -> dict[bytes, str]:
    """Return texts by their bytes as zxing-cpp decodes them; only these reveal hanzi mode."""
    zxingcpp = _import_library()
    found = zxingcpp.read_barcodes(gray, formats=formats, text_mode=zxingcpp.TextMode.Plain)
    return {barcode.bytes: barcode.text for barcode in found}


def _decode_text(barcode: Any, plain: Callable[[], dict[bytes, str]]) -> str:
    stretches = charset.split_eci(bytes.fromhex(barcode.text))
    # Rare, and another look at the picture: once for all of its codes.
    hint = None if charset.is_plain(stretches) else plain().get(barcode.bytes)
    return charset.decode(stretches, hint)


def _convert_code(barcode: Any, quad: Quad, gray: Gray, plain: Callable[[], dict[bytes, str]]) -> QRCode:
    extra = barcode.extra or {}
    version = extra.get("Version")
    mirrored = None
    name = _name_format(barcode)
    if name == "QRCode" and version is not None and "DataMask" in extra:
        mirrored = is_mirrored(gray, quad, int(version), barcode.ec_level, int(extra["DataMask"]))
    return QRCode(
        text=_decode_text(barcode, plain),
        data=barcode.bytes,
        quad=quad,
        confidence=_rate(barcode, name),
        engine="zxing",
        version=version,
        ec_level=barcode.ec_level or None,
        mirrored=mirrored,
        format=name,
    )


def _rate(barcode: Any, name: str) -> float:
    """Return the confidence of a reading."""
    if name == "ITF" and (len(barcode.bytes), barcode.symbology_identifier) != (_ITF_14, _CHECKED_ITF):
        return confidence.UNCHECKED
    return confidence.of_unused_correction(float((barcode.extra or {}).get("UEC", 0.0)))
