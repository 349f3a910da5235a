"""Reading the frames of a video or camera, each code once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qrcascade.batch.pool import check_sources
from qrcascade.cascade import Cascade, Preset, choose_cascade
from qrcascade.image.frame import Source
from qrcascade.reading.options import ReadKeywords, ReadOptions, override
from qrcascade.reading.scan import Scan
from qrcascade.reading.steps import Steps
from qrcascade.results import QRCode
from qrcascade.strategies.classical import TURNS, parse_step
from qrcascade.strategies.regions import REGION_LOOKS, WORTHWHILE, is_credible_outline, look_at_region
from qrcascade.symbology.names import SCANNED

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["FrameStrategy", "Seen", "read_frames"]

_FIRST, *_OTHERS = map(
    parse_step, ("zxing raw", "finders <=1200px", "zxing background", "zxing x0.5", "zxing equalize+otsu")
)
_REGION_LOOKS = [look for look in REGION_LOOKS if look[0] == "zxing"]


@dataclass(slots=True, eq=False)
class Seen:
    """A code that was read in a stream of frames.

    Parameters
    ----------
    code : QRCode
        Its most confident reading so far.
    frames : list of int
        Numbers of the frames in which it was read, from 0. The list grows while the stream is read.
    """

    code: QRCode
    frames: list[int] = field(default_factory=list)

    def _add(self, code: QRCode, number: int) -> None:
        if code.confidence > self.code.confidence:
            self.code = code
        if self.frames[-1:] != [number]:
            self.frames.append(number)


class FrameStrategy:
    """A strategy that looks at each frame of a stream at most three times.

    After zxing-cpp's first look come one more view and one located region, which take turns from frame to
    frame: what one frame does not show, the next may.
    """

    name = "frames"

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def steps(self, scan: Scan) -> Steps:
        """Plan the looks at one frame."""
        number = next(self._numbers)
        yield _FIRST
        others = [*_OTHERS, *TURNS] if not scan.formats.isdisjoint(SCANNED) else _OTHERS
        yield others[number % len(others)]
        for region in scan.regions[:1]:
            if region.score >= WORTHWHILE and is_credible_outline(region.quad, scan.frame):
                yield look_at_region(*_REGION_LOOKS[number % len(_REGION_LOOKS)], region.quad)


def read_frames(
    frames: Iterable[Source],
    options: ReadOptions | None = None,
    *,
    preset: Preset | None = None,
    cascade: Cascade | None = None,
    **keywords: Unpack[ReadKeywords],
) -> Iterator[Seen]:
    """Read the codes in the frames of a video or camera, and yield each code once.

    A code is yielded when it is first read with enough confidence; the list of its frames grows while the
    iteration goes on. Payloads tell codes apart, not places, since these move.

    Parameters
    ----------
    frames : iterable of ndarray, PIL.Image.Image, path, bytes or binary file
        Taken one at a time; it may be endless.
    options : ReadOptions, optional
        How to read each frame.
    preset, cascade : str and Cascade, optional
        As for `qrcascade.read`. By default each frame is looked at up to three times, in a steady time.
    **keywords
        As for `qrcascade.read`; ``bgr=True`` for frames from OpenCV.

    Yields
    ------
    Seen
        A code, and the numbers of its frames.

    Raises
    ------
    ImageError
        If a frame is not a readable picture.
    OptionError
        At once, if ``frames`` is not an iterable of pictures, or an option has an invalid value.
    """
    check_sources(frames, "frames")
    options = override(options, keywords, others=("preset", "cascade"))
    default = Cascade([FrameStrategy()]) if preset is None else None
    return _follow(frames, choose_cascade(cascade or default, preset), options)


def _follow(frames: Iterable[Source], cascade: Cascade, options: ReadOptions) -> Iterator[Seen]:
    known: dict[tuple[str, str], Seen] = {}
    for number, frame in enumerate(frames):
        for code in cascade.read(frame, options):
            key = code.format, code.text
            if key in known:
                known[key]._add(code, number)
            elif code.confidence >= cascade.threshold:
                known[key] = Seen(code, [number])
                yield known[key]
