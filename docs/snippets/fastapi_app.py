"""A FastAPI app that reads the codes of an uploaded picture or PDF: ``uvicorn fastapi_app:app``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request, UploadFile

import qrcascade

LIMITS = qrcascade.Limits(max_bytes=10_000_000, max_pixels=25_000_000)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one cascade for the whole app, with worker processes ready before the first request."""
    with qrcascade.Cascade.preset("light", isolation="process", limits=LIMITS) as cascade:
        cascade.warm(workers=2)
        app.state.cascade = cascade
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/read")
def read(picture: UploadFile, request: Request) -> dict[str, Any]:
    """Answer with the codes. Not async: FastAPI runs it in a thread, so a reading blocks nobody else."""
    try:
        result = request.app.state.cascade.read(picture.file, timeout=10.0)
    except qrcascade.ImageError as error:
        raise HTTPException(422, str(error)) from error
    answer: dict[str, Any] = result.to_dict()
    return answer


@app.post("/read-document")
def read_document(document: UploadFile, request: Request) -> list[dict[str, Any]]:
    """Answer with the codes of each page of a PDF, or of a picture, which has one."""
    how: dict[str, Any] = {"cascade": request.app.state.cascade, "max_pages": 10, "timeout": 10.0}
    try:
        return [page.to_dict() for page in qrcascade.read_document(document.file, **how)]
    except qrcascade.ImageError as error:
        raise HTTPException(422, str(error)) from error
