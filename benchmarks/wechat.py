"""OpenCV contrib's WeChat reader, in an interpreter of its own: it cannot share one with OpenCV 5.

This is the worker, ``python wechat.py MODELS``: gray pictures on standard input, each after a line with its
height and width; a JSON line for each on standard output. It needs numpy and opencv-contrib 4.x only.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def _work(models: Path) -> None:
    import cv2

    names = ("detect.prototxt", "detect.caffemodel", "sr.prototxt", "sr.caffemodel")
    contrib: Any = cv2
    reader = contrib.wechat_qrcode_WeChatQRCode(*(str(models / name) for name in names))
    source = sys.stdin.buffer
    while line := source.readline():
        height, width = map(int, line.split())
        gray = np.frombuffer(source.read(height * width), np.uint8).reshape(height, width)
        start = time.perf_counter()
        try:
            texts, corners = reader.detectAndDecode(gray)
        except (UnicodeDecodeError, cv2.error):  # its binding takes every payload for UTF-8
            texts, corners = [], []
        ms = (time.perf_counter() - start) * 1000
        codes = [(text, quad.tolist()) for text, quad in zip(texts, corners)]  # noqa: B905
        sys.stdout.write(json.dumps({"codes": codes, "ms": ms}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
