"""zbar through pyzbar: weaker than zxing-cpp alone, and fails on other pictures than it.

By itself zbar guesses the character set, and takes UTF-8 for Shift_JIS or Big5. From 0.23.1 it
can be told to leave the bytes alone, except under an ECI, when it makes UTF-8 of them; as it does
not tell which, its bytes are good for the text only. Its corners go round the symbol's own way,
which tells a mirrored one; pyzbar's `decode` sorts them into a convex hull and has no word for
that setting, so this adapter calls pyzbar's bindings of zbar's functions itself.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from typing import Any

from qrcascade.engines import confidence
from qrcascade.errors import MissingDependencyError
from qrcascade.image.frame import Gray
from qrcascade.image.quad import Quad
from qrcascade.results import Findings, QRCode
from qrcascade.symbology import charset

__all__ = ["ZBarEngine"]

_Y800 = int.from_bytes(b"Y800", "little")
# ZBAR_CFG_BINARY of zbar.h; older versions refuse it.
_BINARY = 4
# What brings the shared library that pyzbar needs, or on Windows what its own needs in turn.
_SHARED = {
    "darwin": 'brew install zbar && export DYLD_FALLBACK_LIBRARY_PATH="$(brew --prefix zbar)/lib"',
    "win32": "install the Visual C++ 2013 Redistributable (vcredist_x64.exe, from Microsoft)",
}


class ZBarEngine:
    """Reads with zbar."""

    name = "zbar"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Of the formats it knows only "QRCode"."""
        if "QRCode" not in formats:
            return Findings()
        zbar = _library()
        pixels = gray.tobytes()
        scanner, image = zbar.zbar_image_scanner_create(), zbar.zbar_image_create()
        try:
            every, enable = zbar.ZBarSymbol.NONE, zbar.ZBarConfig.CFG_ENABLE
            zbar.zbar_image_scanner_set_config(scanner, every, enable, 0)
            zbar.zbar_image_scanner_set_config(scanner, zbar.ZBarSymbol.QRCODE, enable, 1)
            plain = zbar.zbar_image_scanner_set_config(scanner, zbar.ZBarSymbol.QRCODE, _BINARY, 1) == 0
            zbar.zbar_image_set_format(image, _Y800)
            zbar.zbar_image_set_size(image, gray.shape[1], gray.shape[0])
            zbar.zbar_image_set_data(
                image, ctypes.cast(ctypes.c_char_p(pixels), ctypes.c_void_p), len(pixels), None
            )
            if zbar.zbar_scan_image(scanner, image) < 0:
                raise RuntimeError(f"zbar refused a picture of {gray.shape[1]}x{gray.shape[0]} pixels")
            return Findings(tuple(_codes(zbar, image, plain)))
        finally:
            zbar.zbar_image_destroy(image)
            zbar.zbar_image_scanner_destroy(scanner)


def _library() -> Any:
    try:
        from pyzbar import wrapper
    except (ImportError, OSError) as error:
        reason = str(error)
        if isinstance(error, ModuleNotFoundError):
            remedy = "pip install pyzbar"
        else:
            remedy = _SHARED.get(sys.platform, "apt-get install libzbar0, or what your system calls zbar")
        raise MissingDependencyError("the zbar engine", remedy, reason) from error
    return wrapper


def _codes(zbar: Any, image: Any, plain: bool) -> Iterator[QRCode]:
    for symbol in _symbols(zbar, zbar.zbar_image_first_symbol(image)):
        points = [
            (zbar.zbar_symbol_get_loc_x(symbol, i), zbar.zbar_symbol_get_loc_y(symbol, i))
            for i in range(zbar.zbar_symbol_get_loc_size(symbol))
        ]
        length = zbar.zbar_symbol_get_data_length(symbol)
        data = ctypes.string_at(zbar.zbar_symbol_get_data(symbol), length)
        # No data is no payload: codewords that are all zero are valid, and stripes or checks give them.
        if data and len(points) == 4:
            quad = Quad.of(points)
            # zbar goes top-left, bottom-left, ...: clockwise on the screen only in a mirror.
            text = charset.decode([(None, data)])
            yield QRCode(
                text=text,
                quad=quad,
                confidence=confidence.of_engine("zbar", guessed=not (plain or text.isascii())),
                engine="zbar",
                mirrored=quad.corners[1] == points[1],
            )


def _symbols(zbar: Any, symbol: Any) -> Iterator[Any]:
    """A list of symbols, without structured appends: zbar joins their texts and drops characters."""
    component = zbar.LIBZBAR.zbar_symbol_first_component
    component.argtypes, component.restype = [type(symbol)], type(symbol)
    while symbol:
        if not component(symbol):
            yield symbol
        symbol = zbar.zbar_symbol_next(symbol)
