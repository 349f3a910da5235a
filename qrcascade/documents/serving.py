"""A document in a worker process, for the cascade's.

That sends a page's number, and then what is unread for each further look, `COLOR` for the colour of the last
one, and None at the page's end; or a number and a size for the page's picture; and None at the document's
end. Every message has an answer; an error is one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from qrcascade.documents.looks import Look
from qrcascade.documents.opening import Document, opened
from qrcascade.errors import DocumentError, ImageError, QRCascadeError
from qrcascade.frame import Frame, Matrix
from qrcascade.isolation import Outbox, Sent
from qrcascade.limits import Limits
from qrcascade.quad import Quad

__all__ = ["COLOR", "Seen", "serve"]

COLOR = "color"


@dataclass(frozen=True, slots=True)
class Seen:
    """A `Look`, its gray pixels laid down."""

    gray: Sent
    name: str
    to_page: Matrix | None


def serve(
    connection: Connection[Any, Any], source: Path | bytes, password: str | None, limits: Limits
) -> None:
    """Open a document, and answer until its end is asked for."""
    with contextlib.ExitStack() as closing:
        table = closing.enter_context(contextlib.closing(_Table(limits)))
        try:
            document, _ = opened(source, password, limits, closing)
            if document is None:
                raise DocumentError("it had several pages before, and has one now")
        except Exception as error:
            connection.send(_told(error))
            return
        connection.send(document.pages)
        while (asked := connection.recv()) is not None:
            if isinstance(asked, int):
                _serve_page(connection, document, asked, table)
            else:
                connection.send(_answer(partial(_picture, document, table, *asked)))
    connection.send(True)


def _serve_page(connection: Connection[Any, Any], document: Document, number: int, table: _Table) -> None:
    with contextlib.ExitStack() as closing:
        try:
            page = closing.enter_context(document.page(number))
        except Exception as error:
            connection.send(_told(error))
            return
        connection.send(page.size)
        unread: dict[bool, Sequence[Quad | None]] = {}
        looks = page.looks(lambda finer: unread[finer])
        look: Look | None = None

        def color() -> Sent:
            assert look is not None
            return table.color(look.frame)

        def further() -> Seen | None:
            nonlocal look
            look = next(looks, None)
            if look is None:
                return None
            return Seen(table.gray(look.frame), look.name, look.to_page)

        while (asked := connection.recv()) is not None:
            if asked == COLOR:
                connection.send(_answer(color))
            else:
                unread = asked
                connection.send(_answer(further))
    connection.send(True)


class _Table:
    """Where pixels are laid for the cascade's process: each good until the next of its kind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._grays, self._colors = Outbox(), Outbox()

    def gray(self, frame: Frame) -> Sent:
        return self._grays.lay(frame, 0, self._limits)[0]

    def color(self, frame: Frame) -> Sent:
        return self._colors.lay(frame.color, 0, self._limits)[0]

    def close(self) -> None:
        self._grays.close()
        self._colors.close()


def _picture(document: Document, table: _Table, number: int, size: tuple[int, int]) -> tuple[Sent, Sent]:
    frame = document.picture(number, size)
    return table.gray(frame), table.color(frame)


def _answer(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> QRCascadeError:
    """What the other process raises."""
    if isinstance(error, QRCascadeError):
        return error
    return ImageError(getattr(error, "strerror", None) or f"{type(error).__name__}: {error}")
