"""The cascade as an HTTP service: ``qrcascade serve``, or `create_app` for your own server.

A thin layer over the public API. Nothing that is sent is kept.
"""

from __future__ import annotations

from qrcascade import MissingDependencyError

try:
    import fastapi
    import fastapi_offline
    import prometheus_client
    import psutil
    import python_multipart
    import uvicorn
except ImportError as error:
    raise MissingDependencyError("the service", "pip install 'qrcascade[server]'", str(error)) from error

from qrcascade.server.app import create_app, serve
from qrcascade.server.settings import Settings

__all__ = ["Settings", "create_app", "serve"]

del fastapi, fastapi_offline, prometheus_client, psutil, python_multipart, uvicorn
