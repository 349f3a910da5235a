"""The settings, their defaults and limits; `qrcascade serve` takes them from flags and the environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qrcascade import OptionError
from qrcascade.batch import processors
from qrcascade.cascade import PRESETS
from qrcascade.isolation import CAN_CAP_MEMORY

__all__ = ["LEAST_TIMEOUT_S", "Settings", "is_loopback"]

LEAST_TIMEOUT_S = 0.5
"""Shortest timeout of a reading: a shorter one would end a worker process with each larger picture."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# The tokens that a header can carry (RFC 6750).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LEAST = {"port": 0, "concurrency": 1, "queue": 0, "max_body": 1, "max_pages": 1, "max_pixels": 1, "grace": 1}
_LEAST_S = {"timeout": LEAST_TIMEOUT_S, "max_timeout": LEAST_TIMEOUT_S, "max_wait": 0.1}
# A picture of 64 megapixels needs 1,536 in `light`; importing torch and loading a model, about as much.
_MEMORY_MB, _LEAST_MEMORY_MB = 2048, 256


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the service.

    Parameters
    ----------
    host, port : str, int
        Where to listen. Beyond the loopback this needs a ``token``, or ``without_token``.
    hosts : tuple of str
        Names by which callers reach a service on loopback without a token, such as a proxy's.
    token : str, optional
        Token that callers must send as ``Authorization: Bearer``.
    without_token : bool
        Allow listening beyond the loopback without a token.
    presets : tuple of str
        Presets that callers may choose; the first is the default. By default all, "thorough" first.
    accept : mapping of str to re.Pattern
        Names that callers may give as ``accept``, and the patterns that payloads must match (`re.search`).
    timeout : float
        Default time limit in seconds for a picture, or for each page of a document.
    max_timeout : float
        Longest timeout that callers may ask for; after that time no further page of a document is begun.
    concurrency : int
        Number of readings at the same time.
    queue : int
        Number of requests that may wait for a turn; any more are refused.
    max_wait : float
        Longest wait for a turn before a request is refused, and for a body to arrive, in seconds.
    max_body : int
        Largest size of a request's body, in bytes.
    max_pages : int
        Largest number of pages of a document that one request reads.
    max_pixels : int
        Largest number of pixels of a picture or page.
    max_memory : int, optional
        Megabytes of private memory that each worker process may use. None for no limit, the default where
        it cannot be set: everywhere but on Linux.
    grace : int
        Seconds that the requests in flight have when the service is told to stop.
    warm : bool
        Load the first preset's models at startup; until then the service is not ready.
    log_payloads : bool
        Log the payloads that are read.

    Raises
    ------
    OptionError
        If a value is invalid, or the host is not a loopback address and there is no token.
    """

    host: str = "127.0.0.1"
    port: int = 8008
    hosts: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    without_token: bool = False
    presets: tuple[str, ...] = ("thorough", *(name for name in PRESETS if name != "thorough"))
    accept: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    timeout: float = 10.0
    max_timeout: float = 60.0
    concurrency: int = field(default_factory=processors)
    queue: int = 16
    max_wait: float = 30.0
    max_body: int = 32 * 2**20
    max_pages: int = 50
    max_pixels: int = 64_000_000
    max_memory: int | None = _MEMORY_MB if CAN_CAP_MEMORY else None
    grace: int = 60
    warm: bool = False
    log_payloads: bool = False

    def __post_init__(self) -> None:
        for name in self.presets:
            if name not in PRESETS:
                raise OptionError(f"presets must be among {', '.join(PRESETS)}, got {name!r}")
        for name in self.accept:
            if not _NAME.fullmatch(name):
                raise OptionError(f"a name for accept must be 1 to 40 letters, digits, - or _, got {name!r}")
        for name, low in _LEAST.items():
            if getattr(self, name) < low:
                raise OptionError(f"{name} must be at least {low}, got {getattr(self, name)!r}")
        if self.port > 65_535:
            raise OptionError(f"port must be at most 65535, got {self.port!r}")
        for name, least in _LEAST_S.items():
            if not least <= getattr(self, name) <= 86_400:
                allowed = f"from {least} to 86,400 seconds"
                raise OptionError(f"{name} must be {allowed}, got {getattr(self, name)!r}")
        if self.max_memory is not None and self.max_memory < _LEAST_MEMORY_MB:
            raise OptionError(
                f"max_memory must be None or at least {_LEAST_MEMORY_MB} MB, got {self.max_memory!r}"
            )
        if not self.presets:
            raise OptionError("at least one preset must be served")
        if self.timeout > self.max_timeout:
            both = f"timeout {self.timeout:g} is more than max_timeout {self.max_timeout:g}"
            raise OptionError(f"{both}: lower the first or raise the second")
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise OptionError("a token may contain only letters, digits and . _ ~ + / -, and = at its end")
        if self.token is None and not self.without_token and not is_loopback(self.host):
            raise OptionError(
                f"{self.host} is not a loopback address: set QRCASCADE_TOKEN or give --without-token"
            )


def is_loopback(host: str) -> bool:
    """Return whether this is a name or an address of the loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
