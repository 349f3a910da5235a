"""The two pages for people: one to drop a picture on, and FastAPI's description of the endpoints.

The policy sent with them lets the browser fetch nothing from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources

import fastapi_offline
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

__all__ = ["add"]


def add(app: FastAPI, has_token: bool) -> None:
    """Serve both pages, and a picture to try."""
    drop_page = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    if has_token:
        drop_page = drop_page.replace('<label id="token-box" hidden>', '<label id="token-box">')
    example = resources.files(__package__).joinpath("example.png").read_bytes()
    docs_page = bytes(
        get_swagger_ui_html(
            openapi_url="openapi.json",
            title=app.title,
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="example.png",
            # Swagger's own validator would fetch from elsewhere.
            swagger_ui_parameters={"validatorUrl": None},
        ).body
    ).decode()

    @app.get("/", response_class=HTMLResponse, tags=["pages"])
    async def get_page() -> HTMLResponse:
        """Return the page for people: drop a picture or document, and see what is read."""
        return HTMLResponse(drop_page, headers=_policy(drop_page))

    @app.get("/docs", response_class=HTMLResponse, tags=["pages"])
    async def get_docs() -> HTMLResponse:
        """Return this description as a page, on which requests can be tried."""
        return HTMLResponse(docs_page, headers=_policy(docs_page, "'self'"))

    @app.get("/example.png", response_class=Response, tags=["pages"])
    async def get_example() -> Response:
        """Return a picture of a QR code, to try the service with."""
        return Response(example, media_type="image/png")

    app.mount("/docs", StaticFiles(directory=str(resources.files(fastapi_offline) / "static")))


def _policy(page: str, *sources: str) -> dict[str, str]:
    """Return headers that allow styles and scripts only in the page itself and from further sources."""
    rules = ["default-src 'none'", "connect-src 'self'", "img-src 'self' blob: data:", "base-uri 'none'"]
    rules += ["form-action 'none'", "frame-ancestors 'none'"]
    for kind in ("style", "script"):
        texts = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        rules.append(" ".join([f"{kind}-src", *sources, *map(_hash, texts)]))
    return {"Content-Security-Policy": "; ".join(rules), "Referrer-Policy": "no-referrer"}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
