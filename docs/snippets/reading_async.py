"""Read in async code: in threads, a few at a time."""

import asyncio
from collections.abc import Iterable
from typing import Any

import qrcascade

CASCADE = qrcascade.Cascade.preset("light")


async def read(picture: Any, **options: Any) -> qrcascade.ReadResult:
    """Read one picture without blocking the event loop."""
    return await asyncio.to_thread(CASCADE.read, picture, **options)


async def read_all(pictures: Iterable[Any], limit: int = 4, **options: Any) -> list[qrcascade.ReadResult]:
    """Read many, ``limit`` at a time, in their order."""
    turns = asyncio.Semaphore(limit)

    async def in_turn(picture: Any) -> qrcascade.ReadResult:
        async with turns:
            return await read(picture, **options)

    return await asyncio.gather(*map(in_turn, pictures))
