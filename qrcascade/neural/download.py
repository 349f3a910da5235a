"""Download one file over HTTP: bounded in time and size, with retries, completely or not at all.

pooch does the transfer. Added here: which failures are retried, a check of the announced length, a deadline,
and no redirects from https to http.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

__all__ = ["Progress", "download"]

# Called with the bytes so far and the announced length, which is 0 if unknown.
Progress = Callable[[int, int], None]

_CONNECT_S, _READ_S = 5, 30
_TOTAL_S = 600
_WAITS_S = (0.5, 1.0)
_MAX_BYTES = 1 << 30
_CHUNK = 1 << 14


def download(url: str, to: Path, progress: Progress | None = None) -> None:
    """Fetch a file, with the environment's proxies and certificates, as `requests` does.

    Dropped connections, answers that take more than half a minute and the statuses 408, 429 and 5xx are
    retried twice; a failure to connect is not. The deadline is checked before every try and after every
    16 KiB.

    Parameters
    ----------
    url : str
        Its URL. An https URL is never redirected to anything else.
    to : Path
        Where to write it; an existing file is overwritten, and may be incomplete after an error.
    progress : callable, optional
        Called after every chunk.

    Raises
    ------
    ImportError
        If pooch or requests is not installed.
    OSError
        If the file cannot be fetched completely. This includes requests' own errors and TimeoutError.
    """
    deadline = time.monotonic() + _TOTAL_S
    for wait in (*_WAITS_S, None):
        try:
            _try(url, to, _Meter(deadline, progress))
            return
        except OSError as error:
            if wait is None or not _may_pass(error) or time.monotonic() + wait > deadline:
                raise
            time.sleep(wait)


def _try(url: str, to: Path, meter: _Meter) -> None:
    import pooch
    import requests

    responses: list[Any] = []

    def arrived(response: Any, **_: Any) -> None:
        responses.append(response)
        _keep_https(response)

    get = pooch.HTTPDownloader(
        progressbar=meter,
        chunk_size=_CHUNK,
        timeout=(_CONNECT_S, _READ_S),
        # With compression, the announced length would not be the file's.
        headers={"Accept-Encoding": "identity"},
        hooks={"response": arrived},
    )
    try:
        get(url, str(to), None)
    finally:
        # pooch does not close a failed response.
        for response in responses:
            response.close()
    # urllib3 checks the length only from version 2 on.
    came = to.stat().st_size
    if meter.total and came != meter.total:
        raise requests.ConnectionError(f"only {came} of {meter.total} bytes were received")


def _may_pass(error: OSError) -> bool:
    import requests
    import urllib3

    if isinstance(error, requests.HTTPError):
        status = getattr(error.response, "status_code", 0)
        return status in (408, 429) or status >= 500
    # If no connection was made, there is most likely no network: report that soon.
    reason = getattr(error.args[0], "reason", None) if error.args else None
    final = (requests.ConnectTimeout, requests.exceptions.SSLError)
    if isinstance(error, final) or isinstance(reason, urllib3.exceptions.NewConnectionError):
        return False
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, passing)


def _keep_https(response: Any) -> None:
    """Refuse a redirect from https to anything else, before it is followed."""
    if response.is_redirect and response.url.lower().startswith("https:"):
        target = urljoin(response.url, response.headers["location"])
        if not target.lower().startswith("https:"):
            raise OSError(f"it redirects to {target}, which is not https")


class _Meter:
    """A progress bar for pooch, which also learns the length and enforces the limits."""

    def __init__(self, deadline: float, progress: Progress | None) -> None:
        self.total = 0
        self._done = 0
        self._deadline = deadline
        self._progress = progress

    def update(self, count: int) -> None:
        self._done += count
        if time.monotonic() > self._deadline:
            raise TimeoutError(f"not complete after {_TOTAL_S} seconds")
        if max(self._done, self.total) > _MAX_BYTES:
            raise OSError(f"the file is larger than {_MAX_BYTES} bytes")
        if self._progress is not None:
            # pooch counts the last chunk as a full one.
            self._progress(min(self._done, self.total or self._done), self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Do nothing: nothing is open."""
