"""A bounded queue: a limited number of readings at a time, and of requests that wait."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["FullError", "GoneError", "Queue"]

_T = TypeVar("_T")
_LONGEST_RETRY_S = 60
# Weight of the latest reading in the mean from which Retry-After is computed.
_LATEST = 0.1
# Calls submitted per thread, including the one it runs, so that it need not wait for the event loop.
_AT_HAND = 2


class FullError(Exception):
    """There is no place, or the turn did not come in time; says after how many seconds to try again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after} s")
        self.retry_after = retry_after


class GoneError(Exception):
    """The caller has hung up."""


@dataclass(slots=True, eq=False)
class _Call(Generic[_T]):
    """Work for a thread, when it was asked for and when it began, and who is told how long it waited."""

    work: Callable[[], _T]
    waited: Callable[[float], None]
    since: float
    begun: float | None = None


class Queue:
    """Places for requests, and worker threads that read for them.

    ``concurrency`` readings run at the same time, ``waiting`` further requests wait, at most ``max_wait``
    seconds each. ``inside`` counts the requests that have a place, ``running`` the calls in progress.
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
        """Return turns and worker threads, made on first use, since an app may be stopped and restarted."""
        if self._opened is None:
            threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="reading")
            self._opened = asyncio.Semaphore(_AT_HAND * self._concurrency), threads
        return self._opened

    def retry_if_full(self) -> int | None:
        """Return the seconds after which to try again if there is no place, else None."""
        return self._retry_after() if self.inside >= self.places else None

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place while the request's body is received and read; `FullError` if there is none."""
        if (retry_after := self.retry_if_full()) is not None:
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

        Wait at most ``limit`` seconds for the result; the thread stays busy until ``work`` returns. When the
        turn has come, ``gone`` says whether the caller hung up. ``waited`` receives the seconds of waiting.

        Raises `FullError` if the turn did not come in time, `GoneError` if the caller has hung up, and
        asyncio.TimeoutError if the limit has passed.
        """
        call = _Call(work, waited, time.monotonic())
        latest = call.since + self._max_wait
        return await self._result(call, await self._submit(call, gone), latest, limit)

    async def _submit(self, call: _Call[_T], gone: Callable[[], Awaitable[bool]]) -> Future[_T]:
        """Submit a call when its turn has come; the turn lasts as long as the call."""
        turns, threads = self._open()
        try:
            await asyncio.wait_for(turns.acquire(), self._max_wait)
        except asyncio.TimeoutError:
            raise FullError(self._retry_after()) from None
        try:
            if await gone():
                raise GoneError
            return threads.submit(self._perform, call)
        except BaseException:
            turns.release()
            raise

    async def _result(self, call: _Call[_T], submitted: Future[_T], latest: float, limit: float) -> _T:
        """Wait until ``latest`` for a call to begin, and then at most ``limit`` seconds for its result."""
        turns, _ = self._open()
        future = asyncio.wrap_future(submitted)
        future.add_done_callback(lambda done: _end_turn(done, turns))
        while True:
            until = latest if call.begun is None else call.begun + limit
            left = max(0.0, until - time.monotonic())
            # The call may begin meanwhile, and then has at most the limit.
            await asyncio.wait({future}, timeout=min(left, limit))
            if future.done():
                return future.result()
            now = time.monotonic()
            if call.begun is not None and now >= call.begun + limit:
                raise asyncio.TimeoutError
            if now >= latest and submitted.cancel():
                raise FullError(self._retry_after())

    def _perform(self, call: _Call[_T]) -> _T:
        """Do the work of a call in its thread; count it, and the time that it takes."""
        call.begun = begun = time.monotonic()
        with self._counting:
            self.running += 1
        try:
            call.waited(begun - call.since)
            return call.work()
        finally:
            took = time.monotonic() - begun
            with self._counting:
                self.running -= 1
                self._mean_s = took if self._mean_s == 0 else (1 - _LATEST) * self._mean_s + _LATEST * took

    def _retry_after(self) -> int:
        """Return the whole seconds after which half of the requests inside should be done."""
        expected = self._mean_s * self.inside / self._concurrency / 2
        return min(_LONGEST_RETRY_S, max(1, math.ceil(expected)))

    async def run_apart(self, work: Callable[[], _T]) -> _T:
        """Call ``work`` in a worker thread without taking a place, before there are requests."""
        return await asyncio.get_running_loop().run_in_executor(self._open()[1], work)

    def close(self) -> None:
        """Accept no more work; let the running calls end."""
        if self._opened is not None:
            self._opened[1].shutdown(wait=False, cancel_futures=True)
            self._opened = None


def _end_turn(done: asyncio.Future[Any], turns: asyncio.Semaphore) -> None:
    if not done.cancelled():
        done.exception()  # Retrieve it, since nobody may be waiting any more.
    turns.release()
