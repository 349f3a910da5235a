"""Symbols of every symbology that zxing-cpp reads, made by its own writer."""

from __future__ import annotations

import cv2
import numpy as np
import zxingcpp

from qrcascade.image.frame import Gray

QUIET = 24
# What to write, and the text that is read; a check digit is added by the writer.
CONTENT: dict[str, tuple[str, str]] = {
    "Aztec": ("hola, señor", "hola, señor"),
    "Codabar": ("A12345678B", "A12345678B"),
    "Code128": ("3526 0512 ABCD", "3526 0512 ABCD"),
    "Code39": ("FACTURA 77", "FACTURA 77"),
    "Code93": ("BOLETA 93", "BOLETA 93"),
    "DXFilmEdge": ("79-7/11A", "79-7/11A"),
    "DataBar": ("0950110153001", "0109501101530010"),
    "DataMatrix": ("lote 25", "lote 25"),
    "EAN13": ("5901234123457", "5901234123457"),
    "EAN8": ("96385074", "96385074"),
    "ITF": ("15400141288763", "15400141288763"),
    "MaxiCode": ("paquete", "paquete"),
    "MicroPDF417": ("micro", "micro"),
    "MicroQRCode": ("MICRO", "MICRO"),
    "PDF417": ('<TED version="1.0"><DD><RE>97975000-5</RE></DD></TED>',) * 2,
    "QRCode": ("quadrado", "quadrado"),
    "RMQRCode": ("rm", "rm"),
    "Telepen": ("AB12", "AB12"),
    "UPCA": ("012345678905", "0012345678905"),
    "UPCE": ("01234565", "0012345000065"),
}


def barcode(name: str, scale: int = 3, content: str | None = None) -> Gray:
    """Return a symbol with a light margin, ``scale`` pixels a module."""
    text = CONTENT[name][0] if content is None else content
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, name))
    return np.pad(np.array(made.to_image(scale=scale)), QUIET, constant_values=255)


def turned(gray: Gray, angle: float) -> Gray:
    """Return a picture turned by degrees on a white ground, nothing of it cut off."""
    height, width = gray.shape
    side = int(np.hypot(height, width)) + 1
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return cv2.warpAffine(gray, matrix, (side, side), borderValue=255.0).astype(np.uint8)


def on_page(gray: Gray, size: tuple[int, int] = (1240, 1754), at: tuple[int, int] = (300, 500)) -> Gray:
    """Return a white page (width, height) with a symbol on it."""
    page = np.full(size[::-1], 255, np.uint8)
    x, y = at
    page[y : y + gray.shape[0], x : x + gray.shape[1]] = gray
    return page
