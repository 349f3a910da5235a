"""The cascade as an HTTP service: ``qrcascade serve``, or `create_app` for a server of your own.

Thin over the public names: nothing is read here, and nothing is kept of what was sent.
"""

from __future__ import annotations

from qrcascade import MissingDependencyError

try:
    import fastapi
    import prometheus_client
    import python_multipart
    import uvicorn
except ImportError as error:
    raise MissingDependencyError("the service", "pip install 'qrcascade[server]'", str(error)) from error

from qrcascade.server.app import create_app, serve
from qrcascade.server.settings import Settings

__all__ = ["Settings", "create_app", "serve"]

del fastapi, prometheus_client, python_multipart, uvicorn
