"""Where QReader's weights live, and how a missing file is fetched.

A ``.pt`` file is a pickle: loading one runs the code in it. Only point this at files you trust.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from qrcascade.errors import MissingDependencyError, WeightsError

__all__ = ["RELEASE", "SIZES", "ensure", "folder", "path", "url"]

SIZES = ("n", "s", "m", "l")
# The release that qrdet 2.5 expects; the same address is in its `current_release.txt`.
RELEASE = "https://github.com/Eric-Canas/qrdet/releases/download/v2.0_release"
_TIMEOUT_S = (5, 60)
# A failed fetch is not tried again for so long: every hard picture would wait for it.
_RETRY_S = 60
_failures: dict[Path, tuple[float, str]] = {}


def folder(explicit: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the weights: the argument, else ``QRCASCADE_WEIGHTS``, else the user's cache."""
    chosen = explicit or os.environ.get("QRCASCADE_WEIGHTS")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "qrcascade" / "weights"


def path(size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """Where the weights of a size are, or would be."""
    return folder(explicit) / f"qrdet-{size}.pt"


def url(size: str) -> str:
    """Where the weights of a size are published."""
    return f"{RELEASE}/qrdet-{size}.pt"


def ensure(size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """The path of the weights of a size, fetched if they are not there.

    Parameters
    ----------
    size : str
        One of `SIZES`.
    explicit : path, optional
        Folder, before the environment's and the default one.

    Raises
    ------
    WeightsError
        If there is no such file and it cannot be fetched; names the path and the address.
    """
    file = path(size, explicit)
    if not file.is_file():
        tried = _failures.get(file)
        if tried and time.monotonic() < tried[0] + _RETRY_S:
            raise WeightsError(tried[1])
        try:
            _fetch(size, file)
        except WeightsError as error:
            _failures[file] = (time.monotonic(), str(error))
            raise
    return file


def _check(file: Path) -> None:
    """Refuse, and remove, what is no torch checkpoint: a sign-in page, say."""
    with file.open("rb") as opened:
        start = opened.read(2)
    if start != b"PK":
        file.unlink()
        raise ValueError(f"it is no checkpoint: it starts with {start!r}")


def _fetch(size: str, file: Path) -> None:
    try:
        import pooch
    except ImportError as error:
        raise MissingDependencyError(
            f"fetching {url(size)} to {file}", "pip install 'qrcascade[qreader]'", str(error)
        ) from error
    try:
        # pooch writes to a temporary file and renames it: a cut transfer leaves nothing.
        file.parent.mkdir(parents=True, exist_ok=True)
        level = pooch.get_logger().level
        pooch.get_logger().setLevel("ERROR")
        try:
            pooch.retrieve(
                url(size),
                known_hash=None,
                fname=file.name,
                path=file.parent,
                downloader=pooch.HTTPDownloader(timeout=_TIMEOUT_S),
            )
        finally:
            pooch.get_logger().setLevel(level)
        _check(file)
    except Exception as error:
        raise WeightsError(
            f"no weights at {file}, and fetching {url(size)} failed ({type(error).__name__}: {error}); "
            f"put the file there, or name its folder in QRCASCADE_WEIGHTS"
        ) from error
