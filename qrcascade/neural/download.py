"""Download one file over HTTP with requests: bounded in time and size, completely or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Progress", "download"]

# Called with the bytes so far and the announced length, which is 0 if unknown.
Progress = Callable[[int, int], None]

_CONNECT_S, _READ_S = 5, 30
_TOTAL_S = 600
_RETRIES = 2
_BACKOFF_S = 0.5
_PASSING = (408, 429, *range(500, 600))
_MAX_BYTES = 1 << 30
_CHUNK = 1 << 14


def download(url: str, to: Path, progress: Progress | None = None) -> None:
    """Fetch a file, with the environment's proxies and certificates, as `requests` does.

    Broken connections, silence of more than half a minute before the answer, and the statuses 408, 429 and
    5xx are retried twice; a failure to connect is not. The deadline is checked after every 16 KiB. An https
    URL is never redirected to anything else. After an error, the file may be incomplete.

    Raises
    ------
    ImportError
        If requests is not installed.
    OSError
        If the file cannot be fetched completely. This includes requests' own errors and TimeoutError.
    """
    from requests.exceptions import ChunkedEncodingError

    deadline = time.monotonic() + _TOTAL_S
    with _open_session(url) as session:
        for left in reversed(range(_RETRIES + 1)):
            try:
                _save(session, url, to, deadline, progress)
                return
            except ChunkedEncodingError:
                # urllib3 does not retry an answer that breaks off.
                if not left:
                    raise


def _open_session(url: str) -> Any:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    retries = Retry(
        _RETRIES,
        connect=0,
        other=0,
        status_forcelist=_PASSING,
        backoff_factor=_BACKOFF_S,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    session = requests.Session()
    # With compression, the announced length would not be the file's.
    session.headers["Accept-Encoding"] = "identity"
    if urlsplit(url).scheme.lower() == "https":
        # Without an adapter for it, nothing can redirect to http.
        session.adapters.clear()
    else:
        session.mount("http://", HTTPAdapter(max_retries=retries))
    session.mount("https://", HTTPAdapter(max_retries=retries))
    return session


def _save(session: Any, url: str, to: Path, deadline: float, progress: Progress | None) -> None:
    with session.get(url, stream=True, timeout=(_CONNECT_S, _READ_S)) as response, to.open("wb") as file:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0))
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError(f"not complete after {_TOTAL_S} seconds")
            if max(file.tell(), total) > _MAX_BYTES:
                raise OSError(f"the file is larger than {_MAX_BYTES} bytes")
            if progress is not None:
                progress(file.tell(), total)
