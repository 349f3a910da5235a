"""Print each code that a webcam or a video file shows, once."""

from collections.abc import Iterator
from typing import Any

import cv2

import qrcascade


def frames(source: int | str) -> Iterator[Any]:
    """Yield the frames of a camera (its number) or a video file, as OpenCV decodes them."""
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        raise OSError(f"cannot open the camera or video {source!r}")
    try:
        while True:
            more, frame = capture.read()
            if not more:
                return
            yield frame
    finally:
        capture.release()


def show(source: int | str) -> list[qrcascade.Seen]:
    """Print each code when it first shows; return all with the frames that they were read in."""
    codes = []
    for seen in qrcascade.read_frames(frames(source), bgr=True):
        print(f"frame {seen.frames[0]}: {seen.code.text}")
        codes.append(seen)
    return codes
