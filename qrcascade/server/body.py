"""Receiving a request's body: in memory only, up to the limit, raw or as a file of a multipart form."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from qrcascade.server.problems import ProblemError

__all__ = ["SCHEMA", "receive"]

# A form is a little larger than its file: field names and boundaries come on top.
_FORM_BYTES = 65_536
_ONE_FILE = "a form must have one file, named file, and nothing else (options go in the query string)"
_BINARY = {"schema": {"type": "string", "format": "binary", "minLength": 1}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {"file": _BINARY["schema"]},
    }
}
SCHEMA = {
    "requestBody": {
        "required": True,
        "description": "A picture or document: raw, with any media type (its bytes decide), or as the only "
        "file, named `file`, of a multipart form.",
        "content": {
            "application/octet-stream": _BINARY,
            "image/*": _BINARY,
            "application/pdf": _BINARY,
            "multipart/form-data": _FORM,
        },
    }
}


async def receive(request: Request, max_body: int, max_wait: float) -> bytes:
    """Return the picture or document of a request, of at most ``max_body`` bytes.

    Raises `ProblemError`: 408 if the body does not arrive within ``max_wait`` seconds, 413 if it is too
    large, 415 if it is compressed, 422 if it is empty or a form without a file.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        detail = "the body has a Content-Encoding; send the file without one"
        raise ProblemError(415, detail, "unsupported")
    kind, _ = parse_options_header(request.headers.get("content-type"))
    is_form = kind == b"multipart/form-data"
    coming = _read_form(request, max_body) if is_form else _join(_limit(request, max_body, max_body))
    try:
        data = await asyncio.wait_for(coming, max_wait)
    except asyncio.TimeoutError:
        raise ProblemError(408, f"the body did not arrive within {max_wait:g} seconds", "slow") from None
    request.state.story["bytes"] = len(data)
    if not data:
        raise ProblemError(422, "the body is empty; send a picture or document", "invalid")
    return data


async def _join(stream: AsyncGenerator[bytes, None]) -> bytes:
    # Holds the body once: joining chunks would hold it twice, for all bodies that end at the same time.
    buffer = io.BytesIO()
    async for chunk in stream:
        buffer.write(chunk)
    return buffer.getvalue()


async def _limit(request: Request, limit: int, named: int) -> AsyncGenerator[bytes, None]:
    """Yield the body's chunks; raise a `ProblemError` once they exceed the limit."""
    too_large = ProblemError(413, f"the body has more than {named:,} bytes; send a smaller file", "too_large")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        yield chunk


async def _read_form(request: Request, max_body: int) -> bytes:
    stream = _limit(request, max_body + _FORM_BYTES, max_body)
    parser = MultiPartParser(request.headers, stream, max_files=1, max_fields=0)
    # Keep large files off the disk.
    parser.spool_max_size = max_body + _FORM_BYTES
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ProblemError(422, f"{_ONE_FILE}: {error.message}", "invalid") from error
    try:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise ProblemError(422, _ONE_FILE, "invalid")
        data = await part.read()
    finally:
        await form.close()
    if len(data) > max_body:
        raise ProblemError(413, f"the file has more than {max_body:,} bytes; send a smaller one", "too_large")
    return data
