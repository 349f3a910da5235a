"""OpenCV contrib's WeChat reader, in an interpreter of its own: it cannot share one with OpenCV 5.

Run as a program it is the worker: ``python wechat.py MODELS``, gray pictures on standard input,
a JSON line for each on standard output. It needs numpy and opencv-contrib 4.x only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class WeChat:
    """The worker's other end, of an interpreter with opencv-contrib 4.x and a folder of the four models."""

    def __init__(self, python: str, models: Path) -> None:
        self._worker = subprocess.Popen(
            [python, __file__, str(models)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def read(self, gray: NDArray[np.uint8]) -> tuple[list[tuple[str, list[list[float]]]], float]:
        """Codes as (text, four corners), and the worker's own milliseconds."""
        stdin, stdout = self._worker.stdin, self._worker.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the WeChat worker has no pipes")
        stdin.write(f"{gray.shape[0]} {gray.shape[1]}\n".encode())
        stdin.write(gray.tobytes())
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the WeChat worker ended with {self._worker.wait()}")
        answer = json.loads(line)
        return [(text, corners) for text, corners in answer["codes"]], float(answer["ms"])


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
