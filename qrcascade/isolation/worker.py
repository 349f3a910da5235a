"""The worker process: loads pictures and makes attempts, one by one, as the cascade asks for them."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import sys
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from qrcascade.errors import ImageError, MissingDependencyError
from qrcascade.frame import Frame, Gray, describe
from qrcascade.isolation.messages import (
    Attempted,
    Begun,
    ColorAsked,
    Ended,
    GoOn,
    Load,
    Loaded,
    Refused,
    Session,
    Start,
)
from qrcascade.isolation.pixels import Inbox, Sent
from qrcascade.isolation.process import settle
from qrcascade.limits import Limits
from qrcascade.quad import Quad
from qrcascade.results import Attempt
from qrcascade.scan import OutOfTime, Scan
from qrcascade.strategies import Strategy
from qrcascade.strategies.base import attempts, warm

__all__ = ["CAN_CAP_MEMORY", "main"]

CAN_CAP_MEMORY = sys.platform == "linux"
"""Whether a process can be refused more memory than it may have."""

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 64 * 2**20


def main(
    connection: Connection[Any, Any],
    strategies: Sequence[Strategy],
    limits: Limits,
    max_memory: int | None,
    warmed: bool,
) -> None:
    """Serve one cascade until its end of the connection is closed."""
    settle()
    _keep_freed_memory()
    if max_memory is not None:
        _cap(max_memory)
    if warmed:
        warm(strategies)
    inbox, colors = Inbox(), Inbox()
    with contextlib.suppress(EOFError, OSError):
        connection.send(None)
        while True:
            job: Load | Session = connection.recv()
            if isinstance(job, Session):
                job.serve(connection, *job.arguments)
            else:
                _serve(connection, job, inbox, colors, strategies, limits)


def _keep_freed_memory() -> None:
    """Let glibc keep what a picture took for the next one: to get it anew costs more than a small picture."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES // 2)
            mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def _cap(megabytes: int) -> None:
    """Refuse this process more private memory; an allocation that fails is an exception, or its end."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        size = megabytes * 2**20
        most = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _serve(
    connection: Connection[Any, Any],
    job: Load,
    inbox: Inbox,
    colors: Inbox,
    strategies: Sequence[Strategy],
    limits: Limits,
) -> None:
    """One picture, from `Load` to `Ended` or to the cascade's having enough."""
    source = inbox.source(job.source)
    try:
        frame = Frame.load(source, bgr=job.bgr, frame=job.frame, draft=job.draft, limits=limits)
    except (ImageError, MissingDependencyError) as error:
        # The cascade names the source as it was given.
        connection.send(Refused(str(error).removeprefix(f"cannot read {describe(source)}: ")))
        return
    if job.source.colored:
        frame = Frame(frame.gray, color=partial(_color, connection, colors))
    connection.send(Loaded(frame.size))
    _read(connection, job.start, frame, strategies)


def _color(connection: Connection[Any, Any], inbox: Inbox) -> Gray:
    """The colour of the picture that is read, from the cascade."""
    connection.send(ColorAsked())
    answer: Sent | Refused = connection.recv()
    if isinstance(answer, Refused):
        raise ImageError(answer.message)
    pixels = inbox.source(answer)
    assert isinstance(pixels, np.ndarray)
    return pixels


def _read(
    connection: Connection[Any, Any], start: Start, frame: Frame, strategies: Sequence[Strategy]
) -> None:
    rejected = set(start.rejected)
    number = start.first

    def begun(_strategy: str, step: str, region: Quad | None) -> None:
        connection.send(Begun(number, step, region))

    scan = Scan(
        frame,
        expect=start.expect,
        formats=start.formats,
        threshold=start.threshold,
        deadline=None if start.seconds_left is None else time.monotonic() + start.seconds_left,
        accept=lambda text: text not in rejected,
        begun=begun,
    )
    scan.resume(start.attempts)
    scan.broken.update(start.broken)
    before = set(map(id, start.attempts))
    try:
        for number in range(start.first, len(strategies)):
            if number > start.first:
                connection.send(Begun(number))
            for attempt in attempts([strategies[number]], scan):
                if id(attempt) in before:
                    continue
                _send(connection, Attempted(number, attempt))
                answer: GoOn | None = connection.recv()
                if answer is None:
                    return
                rejected |= answer.rejected
                scan.record(attempt)
        connection.send(Ended(out_of_time=False))
    except OutOfTime:
        connection.send(Ended(out_of_time=True))


def _send(connection: Connection[Any, Any], message: Attempted) -> None:
    """Send an attempt, or that it cannot be sent."""
    try:
        connection.send(message)
    except (EOFError, OSError):
        raise
    except Exception as error:
        broken = Attempt(
            message.attempt.strategy, message.attempt.step, error=f"{type(error).__name__}: {error}"
        )
        connection.send(dataclasses.replace(message, attempt=broken))
