"""zbar through pyzbar: weaker than zxing-cpp, but it fails on different pictures.

By default zbar guesses the character set, and mistakes UTF-8 for Shift_JIS or Big5. From 0.23.1 it can leave
the bytes alone, except under an ECI, when it converts them to UTF-8; since it does not say when, its bytes
are used only for the text. Its corners follow the symbol's own orientation, which reveals a mirrored one.
pyzbar's `decode` sorts them into a convex hull and does not offer that setting, so this adapter calls
pyzbar's bindings of zbar's functions directly.
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
# How to install the shared library that pyzbar needs; on Windows, what the bundled one needs.
_SHARED = {
    "darwin": 'brew install zbar && export DYLD_FALLBACK_LIBRARY_PATH="$(brew --prefix zbar)/lib"',
    "win32": "install the Visual C++ 2013 Redistributable (vcredist_x64.exe, from Microsoft)",
}


class ZBarEngine:
    """Reads with zbar."""

    name = "zbar"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Supports only the format "QRCode"."""
        if "QRCode" not in formats:
            return Findings()
        zbar = _import_library()
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
            return Findings(tuple(_convert_codes(zbar, image, plain)))
        finally:
            zbar.zbar_image_destroy(image)
            zbar.zbar_image_scanner_destroy(scanner)


def _import_library() -> Any:
    try:
        from pyzbar import wrapper
    except (ImportError, OSError) as error:
        reason = str(error)
        if isinstance(error, ModuleNotFoundError):
            remedy = "pip install pyzbar"
        else:
            remedy = _SHARED.get(sys.platform, "apt-get install libzbar0, or your system's zbar package")
        raise MissingDependencyError("the zbar engine", remedy, reason) from error
    return wrapper


def _convert_codes(zbar: Any, image: Any, plain: bool) -> Iterator[QRCode]:
    for symbol in _iterate_symbols(zbar, zbar.zbar_image_first_symbol(image)):
        points = [
            (zbar.zbar_symbol_get_loc_x(symbol, i), zbar.zbar_symbol_get_loc_y(symbol, i))
            for i in range(zbar.zbar_symbol_get_loc_size(symbol))
        ]
        length = zbar.zbar_symbol_get_data_length(symbol)
        data = ctypes.string_at(zbar.zbar_symbol_get_data(symbol), length)
        # Empty data is not a payload: all-zero codewords are valid, and stripes or checks can produce them.
        if data and len(points) == 4:
            quad = Quad.of(points)
            # zbar's order is top-left, bottom-left, ...: clockwise on the screen only if mirrored.
            text, name, source = charset.decode([(None, data)])
            # It does not say which bytes are kanji or hanzi, and its old versions guess.
            guessed = not text.isascii() and (not plain or (source == "inferred" and name != "UTF-8"))
            yield QRCode(
                text=text,
                quad=quad,
                confidence=confidence.of_engine("zbar", guessed=guessed),
                engine="zbar",
                mirrored=quad.corners[1] == points[1],
            )


def _iterate_symbols(zbar: Any, symbol: Any) -> Iterator[Any]:
    """Yield symbols, except structured appends: zbar joins their texts and drops characters."""
    component = zbar.LIBZBAR.zbar_symbol_first_component
    component.argtypes, component.restype = [type(symbol)], type(symbol)
    while symbol:
        if not component(symbol):
            yield symbol
        symbol = zbar.zbar_symbol_next(symbol)
