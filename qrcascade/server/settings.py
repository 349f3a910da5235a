"""What can be set, with its default; `qrcascade.cli.serve` takes it from flags and the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qrcascade import OptionError
from qrcascade.cascade import PRESETS

__all__ = ["Settings", "cores"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# What a header can carry as a token (RFC 6750).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Settings:
    """How the service runs.

    Parameters
    ----------
    host, port : str, int
        Where it listens. Beyond the loopback it needs a token, or to be told ``without_token``.
    token : str, optional
        What callers must send as ``Authorization: Bearer``.
    without_token : bool
        Listen beyond the loopback and let everybody in.
    presets : tuple of str
        What callers may choose; the first is the one they get. By default all, "thorough" first.
    accept : mapping of str to re.Pattern
        Names that callers may give as ``accept``, and what a payload must match (`re.search`).
    timeout : float
        Seconds for a picture, or for each page of a document, where the caller says nothing.
    max_timeout : float
        The most that may be asked for; when it is over, no further page of a document is begun.
    concurrency : int
        Readings at the same time.
    queue : int
        Requests that may wait for their turn; one more is refused.
    max_wait : float
        Seconds that a request waits for its turn before it is refused, and that a body may take to arrive.
    max_body : int
        Bytes of a request's body.
    max_pages : int
        Pages of a document that one request reads.
    warm : bool
        Load the first preset's models at start; until then the service is not ready.
    log_payloads : bool
        Write what was read into the log.

    Raises
    ------
    OptionError
        If a value means nothing, or the host lies beyond the loopback and there is no token.
    """

    host: str = "127.0.0.1"
    port: int = 8008
    token: str | None = field(default=None, repr=False)
    without_token: bool = False
    presets: tuple[str, ...] = ("thorough", *(name for name in PRESETS if name != "thorough"))
    accept: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    timeout: float = 10.0
    max_timeout: float = 60.0
    concurrency: int = field(default_factory=cores)
    queue: int = 16
    max_wait: float = 30.0
    max_body: int = 32 * 2**20
    max_pages: int = 50
    warm: bool = False
    log_payloads: bool = False

    def __post_init__(self) -> None:
        for name in self.presets:
            if name not in PRESETS:
                raise OptionError(f"presets are some of {', '.join(PRESETS)}, got {name!r}")
        for name in self.accept:
            if not _NAME.fullmatch(name):
                raise OptionError(f"a name for accept has 1 to 40 letters, digits, - and _, got {name!r}")
        for name in ("concurrency", "max_body", "max_pages"):
            _at_least(name, getattr(self, name), 1)
        _at_least("queue", self.queue, 0)
        for name in ("timeout", "max_timeout", "max_wait"):
            if not 0 < getattr(self, name) <= 86_400:
                raise OptionError(f"{name} is in seconds, up to 86,400, got {getattr(self, name)!r}")
        if not self.presets:
            raise OptionError("at least one preset must be served")
        if self.timeout > self.max_timeout:
            both = f"timeout {self.timeout:g} is more than max_timeout {self.max_timeout:g}"
            raise OptionError(f"{both}: lower the one, or raise the other")
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise OptionError("a token has letters, digits and . _ ~ + / - alone, and perhaps = at its end")
        if self.token is None and not self.without_token and not _is_loopback(self.host):
            raise OptionError(
                f"{self.host} lies beyond the loopback: set QRCASCADE_TOKEN, or say --without-token"
            )


def _at_least(name: str, value: int, low: int) -> None:
    if value < low:
        raise OptionError(f"{name} is at least {low}, got {value!r}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
