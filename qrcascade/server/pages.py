"""The two pages for people: one to drop a picture on, one that describes the endpoints.

Each is a single file with its style and script. The policy sent with it lets the browser fetch only the
service's own answers.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

__all__ = ["add"]


def add(app: FastAPI) -> None:
    """Serve both pages."""
    page = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    policy = _policy(page)

    @app.get("/", response_class=HTMLResponse)
    async def drop() -> HTMLResponse:
        """Return the page for people: drop a picture or document, and see what is read."""
        return HTMLResponse(page, headers=policy)

    @app.get("/docs", response_class=HTMLResponse)
    async def docs() -> HTMLResponse:
        """Return this description as a page."""
        described = _render(app.openapi())
        return HTMLResponse(described, headers=_policy(described))


def _policy(page: str) -> dict[str, str]:
    """Return headers that allow only the page's own style and script, and pictures that it made."""
    rules = ["default-src 'none'", "connect-src 'self'", "img-src blob: data:", "base-uri 'none'"]
    rules += ["form-action 'none'", "frame-ancestors 'none'"]
    for kind in ("style", "script"):
        texts = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        rules.append(" ".join([f"{kind}-src", *map(_hash, texts)] if texts else [f"{kind}-src 'none'"]))
    return {"Content-Security-Policy": "; ".join(rules), "Referrer-Policy": "no-referrer"}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; color: #222 }
h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: 14px }
pre { background: #f4f4f2; padding: .8rem; overflow: auto; max-height: 24rem }
table { border-collapse: collapse }
td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }
"""


def _render(document: dict[str, Any]) -> str:
    """Return an OpenAPI document as a page."""
    parts = [f"<h1>{_e(document['info']['title'])} {_e(document['info']['version'])}</h1>"]
    parts.append(f"<p>{_e(document['info']['description'])} <a href='openapi.json'>openapi.json</a></p>")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(f"<h2><code>{_e(method.upper())} {_e(path)}</code></h2>")
            parts.append(f"<p>{_e(operation.get('description', ''))}</p>")
            parts += _table("Parameters", [_parameter(p) for p in operation.get("parameters", [])])
            if "requestBody" in operation:
                body = operation["requestBody"]
                parts.append(
                    f"<p>Body: {_e(body['description'])} <code>{_e(', '.join(body['content']))}</code></p>"
                )
            answers = [(code, answer["description"]) for code, answer in operation["responses"].items()]
            parts += _table("Responses", answers)
    parts.append("<h2>Schemas</h2>")
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        parts.append(f"<h3>{_e(name)}</h3><pre>{_e(json.dumps(schema, indent=1))}</pre>")
    head = "<!doctype html><html lang='en'><meta charset='utf-8'><title>qrcascade</title>"
    return f"{head}<style>{_STYLE}</style>{''.join(parts)}"


def _parameter(parameter: dict[str, Any]) -> tuple[str, str]:
    schema = {key: value for key, value in parameter["schema"].items() if key not in ("title", "description")}
    return parameter["name"], f"{parameter.get('description', '')} {json.dumps(schema)}"


def _table(title: str, rows: list[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    cells = (f"<tr><td><code>{_e(name)}</code><td>{_e(text)}" for name, text in rows)
    return [f"<table><tr><th colspan='2'>{title}", *cells, "</table>"]


def _e(text: str) -> str:
    return html.escape(text)
