"""What the cascade and a worker process say to each other.

The cascade sends `Load`, then a `GoOn` after every attempt, or None to end the reading. The worker answers
with `Loaded` or `Refused`; then come `Begun` and `Attempted`, and `Ended` at last. Where a strategy wants
the colour of a frame, of which gray was sent, `ColorAsked` is answered with `Sent` or `Refused`. Each message
wakes the other process, so there are no more of them than are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qrcascade.isolation.pixels import Sent
from qrcascade.quad import Quad
from qrcascade.results import Attempt
from qrcascade.scan import Expect

__all__ = [
    "Attempted",
    "Begun",
    "ColorAsked",
    "Ended",
    "GoOn",
    "Load",
    "Loaded",
    "Refused",
    "Session",
    "Start",
]


@dataclass(frozen=True, slots=True)
class Load:
    """Decode a source, and start; ``bgr``, ``frame`` and ``draft`` are those of `Frame.load`."""

    source: Sent
    bgr: bool
    frame: int
    draft: bool
    start: Start


@dataclass(frozen=True, slots=True)
class Loaded:
    """The picture is decoded, and so large; the first strategy begins."""

    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """The source is no picture that can be read, or it has no colour to send, because of this."""

    message: str


@dataclass(frozen=True, slots=True)
class Start:
    """Read the picture, from the strategy of this number on; ``attempts`` were made before."""

    first: int
    attempts: tuple[Attempt, ...]
    broken: frozenset[str]
    rejected: frozenset[str]
    expect: Expect
    formats: tuple[str, ...]
    threshold: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Begun:
    """The strategy of this number begins an attempt; the step is empty before its first one."""

    number: int
    step: str = ""
    region: Quad | None = None


@dataclass(frozen=True, slots=True)
class Attempted:
    """The strategy of this number has made an attempt."""

    number: int
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Session:
    """Until it returns, let a function serve the connection, which is its first argument."""

    serve: Callable[..., None]
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ColorAsked:
    """The strategy at work wants the picture's colour."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """Make the next attempt; codes with these texts are not those that the caller wants."""

    rejected: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """There are no more attempts, or none that would fit into the time that is left."""

    out_of_time: bool
