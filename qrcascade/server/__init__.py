"""The cascade as an HTTP service: ``qrcascade serve``, or `create_app` for your own server.

A thin layer over the public API. Nothing that is sent is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qrcascade import MissingDependencyError
from qrcascade.server.settings import Settings

if TYPE_CHECKING:
    from qrcascade.server.app import create_app, serve

__all__ = ["Settings", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    """Return what needs the server extra; the settings do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from qrcascade.server import app
    except ImportError as error:
        raise MissingDependencyError("the service", "pip install 'qrcascade[server]'", str(error)) from error
    return getattr(app, name)
