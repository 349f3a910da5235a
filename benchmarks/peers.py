"""Readers of other packages, in an interpreter of their own: they cannot share one with our OpenCV.

This is the worker, ``python peers.py NAME [MODELS]``: RGB pictures on standard input, each after a line with
its height and width; a JSON line for each on standard output. It needs numpy and the package that it runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

Found = Iterable[tuple[str, Any]]
"""Texts with their corners, (4, 2)."""


def _wechat(models: str) -> Callable[[Any], Found]:
    """Return OpenCV contrib's WeChat reader."""
    import cv2

    names = ("detect.prototxt", "detect.caffemodel", "sr.prototxt", "sr.caffemodel")
    contrib: Any = cv2
    reader = contrib.wechat_qrcode_WeChatQRCode(*(str(Path(models) / name) for name in names))

    def read(rgb: Any) -> Found:
        texts, corners = reader.detectAndDecode(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        return [(text, quad.tolist()) for text, quad in zip(texts, corners)]  # noqa: B905

    return read


def _arbez() -> Callable[[Any], Found]:
    """Return arbez as it comes; it gives boxes where its engines give no corners."""
    import arbez

    scanner = arbez.Scanner()

    def read(rgb: Any) -> Found:
        found = (one for one in scanner.scan(rgb).detections if one.symbology is arbez.Symbology.QR)
        return [(one.payload or "", one.polygon or _box(*one.bbox_xyxy)) for one in found]

    return read


def _box(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _codarascan() -> Callable[[Any], Found]:
    """Return CodaraScan in the mode that reads most, for QR codes alone."""
    import codarascan

    scanner = codarascan.Scanner(mode="robust", formats="qr-code")

    def read(rgb: Any) -> Found:
        symbols = scanner.scan_image(rgb[:, :, ::-1]).symbols
        return [(one.text, [(p.x, p.y) for p in one.quad]) for one in symbols if one.status == "decoded"]

    return read


_PEERS: dict[str, Callable[..., Callable[[Any], Found]]] = {
    "wechat": _wechat,
    "arbez": _arbez,
    "codarascan": _codarascan,
}


def _work(name: str, *models: str) -> None:
    reader = _PEERS[name](*models)
    source = sys.stdin.buffer
    while line := source.readline():
        height, width = map(int, line.split())
        rgb = np.frombuffer(source.read(height * width * 3), np.uint8).reshape(height, width, 3)
        start = time.process_time()
        try:
            codes = [(text, corners) for text, corners in reader(rgb) if text]
        except Exception:  # a peer that breaks on a picture has read nothing; WeChat takes all text for UTF-8
            codes = []
        ms = (time.process_time() - start) * 1000
        sys.stdout.write(json.dumps({"codes": codes, "ms": ms}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _work(*sys.argv[1:])
