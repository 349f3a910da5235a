"""So many readings at a time, so many requests that wait, and no more."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

__all__ = ["FullError", "GoneError", "Queue"]

_T = TypeVar("_T")
_LONGEST_RETRY_S = 60
# Weight of the latest reading in the mean that Retry-After is told from.
_LATEST = 0.1
# Calls that each thread has at hand, the one that it runs included: it need not wait for the event loop.
_AT_HAND = 2


class FullError(Exception):
    """There is no place, or the turn did not come in time; seconds after which to ask again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"full; again in {retry_after} s")
        self.retry_after = retry_after


class GoneError(Exception):
    """Who asked has hung up."""


class _Call(Generic[_T]):
    """Work on its way to a thread, which says when it begins."""

    def __init__(
        self, work: Callable[[], _T], queue: Queue, waited: Callable[[float], None], since: float
    ) -> None:
        self.begun: float | None = None
        self._work, self._queue, self._waited, self._since = work, queue, waited, since

    def __call__(self) -> _T:
        self.begun = begun = time.monotonic()
        self._queue.begins()
        try:
            self._waited(begun - self._since)
            return self._work()
        finally:
            self._queue.ended(time.monotonic() - begun)


class Queue:
    """Places for requests, and worker threads for those whose turn it is.

    Parameters
    ----------
    concurrency : int
        Worker threads.
    waiting : int
        Places beyond those.
    max_wait : float
        Seconds that a turn is waited for.

    Attributes
    ----------
    places : int
        Requests that may be inside, waiting or read.
    inside, running : int
        Requests that have a place, and calls that run.
    """

    def __init__(self, concurrency: int, waiting: int, max_wait: float) -> None:
        self.inside = 0
        self.running = 0
        self.places = concurrency + waiting
        self._concurrency = concurrency
        self._max_wait = max_wait
        self._mean_s = 0.0
        self._counting = threading.Lock()
        self._opened: tuple[asyncio.Semaphore, ThreadPoolExecutor] | None = None

    def _open(self) -> tuple[asyncio.Semaphore, ThreadPoolExecutor]:
        """Turns and worker threads, made on first use: an app may be ended and started again."""
        if self._opened is None:
            threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="reading")
            self._opened = asyncio.Semaphore(_AT_HAND * self._concurrency), threads
        return self._opened

    def full(self) -> int | None:
        """Seconds after which to ask again, where there is no place."""
        return self._retry_after() if self.inside >= self.places else None

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place, from before a request's body is taken in.

        Raises
        ------
        FullError
            If there is none.
        """
        if (retry_after := self.full()) is not None:
            raise FullError(retry_after)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    async def run(
        self,
        work: Callable[[], _T],
        limit: float,
        gone: Callable[[], Awaitable[bool]],
        waited: Callable[[float], None],
    ) -> _T:
        """Wait for a turn, then call ``work`` in a worker thread.

        Its result is waited for ``limit`` seconds; the thread is busy until it ends. ``gone`` is asked when
        the turn has come: did the caller hang up? ``waited`` gets the seconds that the turn took to come.

        Raises
        ------
        FullError
            If the turn did not come in time.
        GoneError
            If nobody wants the result any more.
        asyncio.TimeoutError
            If the limit has passed.
        """
        latest = time.monotonic() + self._max_wait
        call = _Call(work, self, waited, latest - self._max_wait)
        return await self._result(call, await self._submitted(call, gone), latest, limit)

    async def _submitted(self, call: _Call[_T], gone: Callable[[], Awaitable[bool]]) -> Future[_T]:
        """Submit a call when its turn has come; the turn is over when the call is."""
        turns, threads = self._open()
        try:
            await asyncio.wait_for(turns.acquire(), self._max_wait)
        except asyncio.TimeoutError:
            raise FullError(self._retry_after()) from None
        try:
            if await gone():
                raise GoneError
            return threads.submit(call)
        except BaseException:
            turns.release()
            raise

    async def _result(self, call: _Call[_T], submitted: Future[_T], latest: float, limit: float) -> _T:
        """Wait until a call begins, at the latest then, and for its result so many seconds from there."""
        turns, _ = self._open()
        future = asyncio.wrap_future(submitted)
        future.add_done_callback(lambda done: _ended(done, turns))
        while True:
            until = latest if call.begun is None else call.begun + limit
            left = max(0.0, until - time.monotonic())
            # It may begin meanwhile, and then has no longer than the limit.
            await asyncio.wait({future}, timeout=min(left, limit))
            if future.done():
                return future.result()
            now = time.monotonic()
            if call.begun is not None and now >= call.begun + limit:
                raise asyncio.TimeoutError
            if now >= latest and submitted.cancel():
                raise FullError(self._retry_after())

    def begins(self) -> None:
        """Count a call that begins, from its thread."""
        with self._counting:
            self.running += 1

    def ended(self, took: float) -> None:
        """Count that it has ended, and the seconds that it took."""
        with self._counting:
            self.running -= 1
            self._mean_s = took if self._mean_s == 0 else (1 - _LATEST) * self._mean_s + _LATEST * took

    def _retry_after(self) -> int:
        """Whole seconds after which half of those inside should be done."""
        expected = self._mean_s * self.inside / self._concurrency / 2
        return min(_LONGEST_RETRY_S, max(1, math.ceil(expected)))

    async def apart(self, work: Callable[[], _T]) -> _T:
        """Call ``work`` in a worker thread, without a place: before there are requests."""
        return await asyncio.get_running_loop().run_in_executor(self._open()[1], work)

    def close(self) -> None:
        """Take in no more work; what runs is left to end."""
        if self._opened is not None:
            self._opened[1].shutdown(wait=False, cancel_futures=True)
            self._opened = None


def _ended(done: asyncio.Future[Any], turns: asyncio.Semaphore) -> None:
    if not done.cancelled():
        done.exception()  # Taken here, too: perhaps nobody waits for it any more.
    turns.release()
