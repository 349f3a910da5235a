"""The service's queue: bounded, in order, and never stuck."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

pytest.importorskip("fastapi", reason="the server extra is not installed")
pytest.importorskip("httpx2")

import httpx2

from qrcascade.server import Settings, create_app
from qrcascade.server.queue import FullError, GoneError, Queue
from tests.test_server import BLANK, OneCascade, Own

_T = TypeVar("_T")


async def present() -> bool:
    return False


async def away() -> bool:
    return True


def run(queue: Queue, work: Callable[[], _T], limit: float = 10, gone: Any = present) -> Any:
    return queue.run(work, limit, gone, lambda _: None)


def test_so_many_at_a_time_in_order() -> None:
    async def scenario() -> tuple[int, list[int]]:
        queue, lock, running, most, begun = Queue(2, 20, 10), threading.Lock(), 0, 0, []

        def work(number: int) -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
                begun.append(number)
            time.sleep(0.01)
            with lock:
                running -= 1

        await asyncio.gather(*(run(queue, functools.partial(work, number)) for number in range(12)))
        queue.close()
        return most, begun

    most, begun = asyncio.run(scenario())
    assert most == 2
    # Two threads may begin in either order.
    assert all(abs(number - place) <= 1 for place, number in enumerate(begun))


def test_places_are_bounded() -> None:
    async def scenario() -> None:
        queue = Queue(1, 1, 10)
        async with queue.place(), queue.place():
            with pytest.raises(FullError) as full:
                async with queue.place():
                    pass
            assert full.value.retry_after >= 1
        async with queue.place():
            assert queue.inside == 1
        assert queue.inside == 0

    asyncio.run(scenario())


def test_a_turn_is_not_waited_for_for_ever_and_not_lost() -> None:
    async def scenario() -> None:
        queue, done = Queue(1, 5, 0.05), threading.Event()
        hanging = asyncio.ensure_future(run(queue, lambda: done.wait(10), limit=0.02))
        await asyncio.sleep(0)
        with pytest.raises(FullError):
            await run(queue, lambda: 1)
        with pytest.raises(asyncio.TimeoutError):
            await hanging
        # Its answer is given, but its thread is busy still.
        assert queue.running == 1
        done.set()
        for _ in range(100):
            await asyncio.sleep(0.01)
            if not queue.running:
                break
        assert await run(queue, lambda: 2) == 2
        queue.close()

    asyncio.run(scenario())


def test_nothing_is_read_for_who_has_hung_up() -> None:
    async def scenario() -> list[int]:
        queue, read = Queue(1, 5, 10), [0]
        with pytest.raises(GoneError):
            await run(queue, lambda: read.append(1), gone=away)
        await run(queue, lambda: read.append(2))
        queue.close()
        return read

    assert asyncio.run(scenario()) == [0, 2]


def test_what_the_work_raises_comes_out_and_the_next_goes_on() -> None:
    async def scenario() -> None:
        queue = Queue(1, 5, 10)
        with pytest.raises(ZeroDivisionError):
            await run(queue, lambda: 1 / 0)
        assert await run(queue, lambda: 3) == 3
        queue.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("overload", [1, 4])
def test_under_overload_every_answer_is_a_code_or_a_refusal(overload: int) -> None:
    settings = Settings(presets=("classical",), concurrency=2, queue=4)

    async def scenario() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(create_app(settings, OneCascade(Own(0.02))))
        async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
            asked = (client.post("/detect?expect=1", content=BLANK) for _ in range(overload * 6))
            return list(await asyncio.gather(*asked))

    answers = asyncio.run(scenario())
    read = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(read) + len(refused) == len(answers)
    assert len(read) >= 6
    assert (len(refused) > 0) is (overload > 1)
    assert all(answer.json()["data"] == "secret payload" for answer in read)
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert all("busy: it takes 6 requests at a time" in answer.json()["detail"] for answer in refused)


def test_what_a_full_queue_refuses_is_counted_and_logged_as_any_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(presets=("classical",), concurrency=1, queue=0)

    async def scenario() -> str:
        app = create_app(settings, OneCascade(Own(0.2)))
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
            first = asyncio.create_task(client.post("/detect?expect=1", content=BLANK))
            while "qrcascade_readings_running 1.0" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0.01)
            refused = await client.post("/read", content=BLANK)
            # What needs no place is answered.
            assert (await client.get("/health")).status_code == 200
            assert (refused.status_code, refused.headers["cache-control"]) == (503, "no-store")
            assert (await first).status_code == 200
            return (await client.get("/metrics")).text

    with caplog.at_level("INFO", logger="qrcascade.server"):
        figures = asyncio.run(scenario())
    assert 'qrcascade_requests_total{endpoint="/read",outcome="full",strategy=""} 1.0' in figures
    lines = [getattr(record, "fields", {}) for record in caplog.records]
    assert any((line.get("endpoint"), line.get("status")) == ("/read", 503) for line in lines)
