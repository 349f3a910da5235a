"""zxing-cpp: the fastest engine, and the only one that reports exact bytes and how much it corrected.

It also reports the modules that it sampled. Parsed by `qrcascade.symbology`, they say what its result leaves
out: the mode of each segment, structured append, and whether the symbol is mirrored.
"""

from __future__ import annotations

import atexit
import functools
from dataclasses import replace
from typing import Any

import numpy as np

from qrcascade.engines import confidence
from qrcascade.engines.crowd import reduce_crowd
from qrcascade.engines.orientation import is_inverted
from qrcascade.errors import MissingDependencyError
from qrcascade.image.frame import Gray
from qrcascade.image.quad import Quad
from qrcascade.results import Findings, QRCode, Region
from qrcascade.symbology import charset
from qrcascade.symbology.mixture import MIXTURE_BITS, weigh_mixture
from qrcascade.symbology.modules import Corrected, read_modules
from qrcascade.symbology.names import FORMATS, QR_FORMATS

__all__ = ["ZXingEngine", "name_symbols"]

# A failed checksum means that finder patterns, timing and format were all found.
_CHECKSUM_SCORE = 0.8
# Other errors require only finder patterns.
_FORMAT_SCORE = 0.4
# Pixels of a scanned page: many have no code, and all cost more than this look. Chosen.
_LARGE = 2_000_000
# Dark modules of a sampled symbol are 0, light ones 255.
_GRAY = 128
# In 8 of 111 pictures without such a symbol, something passed for a Data Matrix code with errors. Nothing did
# for another symbology.
_EASILY_SEEN = "DataMatrix"
# ITF-14 has a check digit: its length, and the identifier (ISO/IEC 15424) if that digit is right.
_ITF_14, _CHECKED_ITF = 14, "]I1"
# Shorter ones are scraps of other bars. The least length that ZXing's own ITFReader allows.
_LEAST_ITF = 6
# QR Code Model 1: its name, and its AIM symbology identifier (ISO/IEC 15424).
_MODEL_1, _MODEL_1_IDENTIFIER = "QRCodeModel1", "]Q0"
# A symbol with more of the correction left in every block is not a mixture. Chosen: those that are read
# wrongly leave 0.67 at most.
_MUCH_UNUSED = 0.8


class ZXingEngine:
    """Reads with zxing-cpp 3.1 or newer; a symbol that fails its checksum becomes a region.

    Parameters
    ----------
    thrifty : bool
        Look for light-on-dark symbols only if no dark-on-light one is found. If there is one, that saves a
        quarter of the time. If there is none, it takes half as long again; so from 2 MP on both are sought.
    """

    name = "zxing"

    def __init__(self, thrifty: bool = False) -> None:
        self._thrifty = thrifty

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. A picture of thousands of finder patterns is reduced."""
        whole, gray = gray, reduce_crowd(gray)
        is_thrifty = self._thrifty and gray.size < _LARGE
        found = _look(gray, gray, formats, invert=not is_thrifty)
        # Of most other symbologies the library itself looks for dark on light alone.
        is_partial = is_thrifty or not formats.issubset(QR_FORMATS)
        if is_partial and not (found.codes or found.regions):
            found = _look(np.bitwise_not(gray), gray, formats, invert=False)
        return found if gray is whole else _enlarge(found, whole.shape[1] / gray.shape[1])


def _enlarge(found: Findings, factor: float) -> Findings:
    """Return what was found in a reduced picture in pixels of the whole one."""

    def enlarge(quad: Quad) -> Quad:
        return Quad.of((np.asarray(quad) + 0.5) * factor - 0.5)

    return Findings(
        tuple(replace(code, quad=enlarge(code.quad)) for code in found.codes),
        tuple(region.moved(enlarge(region.quad)) for region in found.regions),
    )


def name_symbols(gray: Gray) -> list[tuple[str, str, Quad]]:
    """Name the symbols of every kind in a picture: in words, as in `QRCode.format`, and where they are."""
    found = [barcode for barcode in _import_library().read_barcodes(gray) if not _is_scrap(barcode)]
    kinds = {_MODEL_1: "QR Code Model 1"}
    names = [(_name_format(barcode), barcode) for barcode in found]
    return [(kinds.get(name, str(b.format)), name, _convert_quad(b.position)) for name, b in names]


def _look(seen: Gray, gray: Gray, formats: frozenset[str], invert: bool) -> Findings:
    """Look at a picture or its negative; ``gray`` is the picture."""
    found = _read_barcodes(seen, formats, invert)
    failed = (barcode for barcode in found if not barcode.valid)
    if _MODEL_1 in formats and any(_name_format(barcode) in QR_FORMATS for barcode in failed):
        # A search for both models outlines what it cannot decode worse than one for Model 2.
        read = [barcode for barcode in found if barcode.valid and _name_format(barcode) == _MODEL_1]
        found = [*read, *_read_barcodes(seen, formats - {_MODEL_1}, invert)]
    codes, regions = [], []
    for barcode in found:
        quad = _convert_quad(barcode.position)
        if barcode.valid and _name_format(barcode) in formats and not _is_scrap(barcode):
            codes.append(_convert_code(barcode, quad, gray))
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


# What is left when the interpreter ends would be reported on standard error as a leak.
atexit.register(_convert_formats.cache_clear)


def _name_format(barcode: Any) -> str:
    if barcode.symbology_identifier == _MODEL_1_IDENTIFIER:
        return _MODEL_1
    # Variants, such as "Code39Ext", have no name of their own here.
    name = str(barcode.format.name)
    return name if name in FORMATS else str(barcode.symbology.name)


def _convert_quad(position: Any) -> Quad:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return Quad.of([(corner.x, corner.y) for corner in corners])


def _convert_code(barcode: Any, quad: Quad, gray: Gray) -> QRCode:
    name, extra = _name_format(barcode), barcode.extra or {}
    payload, mirrored, inverted = None, None, None
    # Replaced if possible: zxing-cpp 3.1 omits a zero after the point, and writes 0.09 as 0.9.
    unused, is_mixture = float(extra.get("UEC", 0.0)), False
    if name == "QRCode" and "Version" in extra:
        version, level = int(extra["Version"]), barcode.ec_level
        inverted = is_inverted(gray, quad, version)
        corrected, mirrored = _read_modules(barcode)
        if corrected is not None:
            payload = None if mirrored is None else corrected.payload
            unused = corrected.unused
            if unused < _MUCH_UNUSED:
                is_mixture = weigh_mixture([corrected.seen], corrected.words, version, level) > MIXTURE_BITS
    protocol = bytes.fromhex(barcode.text)
    said = payload or charset.decode(charset.split_eci(protocol))
    return QRCode(
        text=said.text,
        data=barcode.bytes,
        quad=quad,
        confidence=confidence.MIXED if is_mixture else _rate(barcode, name, unused),
        engine="zxing",
        version=extra.get("Version"),
        ec_level=barcode.ec_level or None,
        mirrored=mirrored,
        inverted=inverted,
        charset=said.charset,
        charset_source=said.charset_source,
        symbology_identifier=protocol[:3].decode(),
        part=None if payload is None else payload.part,
        format=name,
    )


def _read_modules(barcode: Any) -> tuple[Corrected | None, bool | None]:
    """Correct the modules, which are kept mirrored if the picture shows them so.

    The second value is whether only their mirror image says what was read, None if neither does.
    """
    sampled = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < _GRAY
    version, mask = int(barcode.extra["Version"]), int(barcode.extra["DataMask"])
    either = None
    for mirrored in (False, True):
        found = read_modules(sampled.T if mirrored else sampled, version, barcode.ec_level, mask)
        if found is not None and found.payload is not None and found.payload.data == barcode.bytes:
            return found, mirrored
        either = either or found
    return either, None


def _rate(barcode: Any, name: str, unused: float) -> float:
    """Return the confidence of a reading that left this share of its correction unused."""
    if name == "ITF" and (len(barcode.bytes), barcode.symbology_identifier) != (_ITF_14, _CHECKED_ITF):
        return confidence.UNCHECKED
    return confidence.of_unused_correction(unused)
