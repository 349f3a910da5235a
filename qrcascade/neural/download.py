"""One file over HTTP: bounded in time and size, tried again where that may help, complete or not at all.

The transfer is pooch's; what it leaves open is added: which failures pass, the announced length, a
deadline, and no way from https down to http.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

__all__ = ["Progress", "download"]

# Called with the bytes so far and the announced length, 0 where the server does not say.
Progress = Callable[[int, int], None]

_CONNECT_S, _READ_S = 5, 30
_TOTAL_S = 600
_WAITS_S = (0.5, 1.0)
_MAX_BYTES = 1 << 30
_CHUNK = 1 << 14


def download(url: str, to: Path, progress: Progress | None = None) -> None:
    """Fetch a file. The environment's proxies and certificates are used, as `requests` knows them.

    Cut connections, answers that do not come within half a minute and the statuses 408, 429 and 5xx are
    tried again, twice; a connection that cannot be made is not. The deadline is looked at before every
    try and after every 16 KiB.

    Parameters
    ----------
    url : str
        Its address. An https address never leads to one that is not.
    to : Path
        Where its bytes go; what is there is overwritten, and may be incomplete after an error.
    progress : callable, optional
        Told after every chunk.

    Raises
    ------
    ImportError
        If pooch or requests is not installed.
    OSError
        If it cannot be had whole: requests' own errors, and TimeoutError, are such.
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
        # Compressed on the way, the announced length would be another one than the file's.
        headers={"Accept-Encoding": "identity"},
        hooks={"response": arrived},
    )
    try:
        get(url, str(to), None)
    finally:
        # pooch leaves a response that has failed open.
        for response in responses:
            response.close()
    # urllib3 looks at the length itself from its version 2 on.
    came = to.stat().st_size
    if meter.total and came != meter.total:
        raise requests.ConnectionError(f"{came} of {meter.total} bytes came")


def _may_pass(error: OSError) -> bool:
    import requests
    import urllib3

    if isinstance(error, requests.HTTPError):
        status = getattr(error.response, "status_code", 0)
        return status in (408, 429) or status >= 500
    # Where no connection was made there is no network, most often: that answer must come soon.
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
    """What pooch calls a progress bar: here it also learns the length and keeps the limits."""

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
            raise OSError(f"it is larger than {_MAX_BYTES} bytes")
        if self._progress is not None:
            # The last chunk counts as a whole one.
            self._progress(min(self._done, self.total or self._done), self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing is open."""
