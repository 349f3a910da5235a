"""Messages between a process and its worker: calls, answers, and questions in between.

A message is pickled; the buffers of its arrays follow unpickled, so that only the pipe copies pixels. Objects
that both sides have (`shared`) are named instead of sent.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from qrcascade.errors import QRCascadeError, in_words

__all__ = ["Call", "Item", "Question", "Raised", "Value", "receive", "send"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function in the worker, with the worker's `Here` as its first argument."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    has_answer: bool = True


@dataclass(frozen=True, slots=True)
class Value:
    """What a function returned, or the answer to a question; a worker's first says that it has started."""

    value: Any


@dataclass(frozen=True, slots=True)
class Item:
    """An item that a generator yielded; a `Value` follows the last one."""

    item: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that a function raised: itself if it is one of ours, and in words."""

    error: QRCascadeError | None
    text: str

    @classmethod
    def of(cls, error: Exception) -> Raised:
        """Return what can be sent of an exception."""
        own = error if isinstance(error, QRCascadeError) else None
        return cls(own, in_words(error))


@dataclass(frozen=True, slots=True)
class Question:
    """A question from a function in the worker to the process that called it."""

    question: Any


class _Pickler(pickle.Pickler):
    """Names shared objects by their number."""

    def __init__(self, file: io.BytesIO, shared: Sequence[object], buffers: list[Any]) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffers.append)
        self._numbers = {id(one): number for number, one in enumerate(shared)}

    def persistent_id(self, obj: object) -> int | None:
        return self._numbers.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: Sequence[object], buffers: Sequence[bytes]) -> None:
        super().__init__(file, buffers=buffers)
        self._shared = shared

    def persistent_load(self, pid: int) -> object:
        return self._shared[pid]


def send(connection: Connection[Any, Any], message: object, shared: Sequence[object] = ()) -> None:
    """Send a message. If it cannot be pickled, this raises as `pickle` does, before anything is sent."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO(b"\0")
    file.seek(1)
    _Pickler(file, shared, buffers).dump(message)
    # The first byte says how many buffers follow.
    file.getbuffer()[0] = len(buffers)
    connection.send_bytes(file.getbuffer())
    for buffer in buffers:
        connection.send_bytes(buffer.raw())


def receive(connection: Connection[Any, Any], shared: Sequence[object] = ()) -> Any:
    """Return the next message, whose arrays are read-only. EOFError or OSError: the connection is closed."""
    data = connection.recv_bytes()
    buffers = [connection.recv_bytes() for _ in range(data[0])]
    file = io.BytesIO(data)
    file.seek(1)
    return _Unpickler(file, shared, buffers).load()
