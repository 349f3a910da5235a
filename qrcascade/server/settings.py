"""The settings, their defaults and limits; `qrcascade serve` takes them from flags and the environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qrcascade import OptionError
from qrcascade.batch import processors
from qrcascade.cascade import PRESETS

__all__ = ["Settings"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# The tokens that a header can carry (RFC 6750).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LEAST = {"port": 0, "concurrency": 1, "queue": 0, "max_body": 1, "max_pages": 1}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the service.

    Parameters
    ----------
    host, port : str, int
        Where to listen. Beyond the loopback this needs a ``token``, or ``without_token``.
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
    warm : bool
        Load the first preset's models at startup; until then the service is not ready.
    log_payloads : bool
        Log the payloads that are read.

    Raises
    ------
    OptionError
        If a value is invalid, or the host is not the loopback and there is no token.
    """

    host: str = "127.0.0.1"
    port: int = 8008
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
        for name in ("timeout", "max_timeout", "max_wait"):
            if not 0 < getattr(self, name) <= 86_400:
                raise OptionError(
                    f"{name} must be more than 0 and at most 86,400 seconds, got {getattr(self, name)!r}"
                )
        if not self.presets:
            raise OptionError("at least one preset must be served")
        if self.timeout > self.max_timeout:
            both = f"timeout {self.timeout:g} is more than max_timeout {self.max_timeout:g}"
            raise OptionError(f"{both}: lower the first or raise the second")
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise OptionError("a token may contain only letters, digits and . _ ~ + / -, and = at its end")
        if self.token is None and not self.without_token and not _is_loopback(self.host):
            raise OptionError(f"{self.host} is not the loopback: set QRCASCADE_TOKEN or give --without-token")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
