"""Where QReader's weights live, how a missing file is fetched, and what is asked of one before it is loaded.

A ``.pt`` file is a pickle: loading one runs the code in it. So its SHA-256 is compared before it is
loaded: see `qrcascade.neural.integrity`.
"""

from __future__ import annotations

import os
import re
import shlex
import time
import zipfile
from pathlib import Path

from qrcascade.errors import MissingDependencyError, QRCascadeError, WeightsError
from qrcascade.neural.download import Progress, download
from qrcascade.neural.integrity import (
    PINNED,
    checked,
    compare,
    judged,
    present,
    record,
    replacing,
    sha256,
    verify,
)

__all__ = [
    "LICENCE",
    "RELEASE",
    "SIZES",
    "cache",
    "checked",
    "ensure",
    "fetch",
    "folder",
    "install",
    "licence_accepted",
    "path",
    "present",
    "public",
    "sha256",
    "url",
    "verify",
]

SIZES = ("n", "s", "m", "l")
# The release that qrdet 2.5 expects; the same address is in its `current_release.txt`.
RELEASE = "https://github.com/Eric-Canas/qrdet/releases/download/v2.0_release"
LICENCE = """\
QReader's weights are published by the qrdet project, whose code is MIT. They were trained with Ultralytics
YOLOv8. Ultralytics publishes that under AGPL-3.0 (https://ultralytics.com/license), and its trainer marks the
checkpoints it writes with the same. Whether the weights are AGPL-3.0 is an open question to their author
(https://github.com/Eric-Canas/qrdet/issues/18). Read both before you offer a service or a product with them.
"""
# A failed fetch is not tried again for so long: every hard picture would wait for it.
_RETRY_S = 60
_failures: dict[Path, tuple[float, str]] = {}


def folder(explicit: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the weights: the argument, else ``QRCASCADE_WEIGHTS``, else the user's cache.

    Raises
    ------
    WeightsError
        If there is no user's cache, since this user has no home.
    """
    chosen = explicit or os.environ.get("QRCASCADE_WEIGHTS")
    if chosen:
        return Path(chosen)
    kept = cache()
    if kept is None:
        raise WeightsError("this user has no home for weights; to fix it: name a folder in QRCASCADE_WEIGHTS")
    return kept / "weights"


def cache() -> Path | None:
    """Where qrcascade keeps files for this user; None for a user without a home."""
    import platformdirs

    try:
        folder = platformdirs.user_cache_path("qrcascade", appauthor=False)
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None


def path(size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """Where the weights of a size are, or would be."""
    return folder(explicit) / f"qrdet-{size}.pt"


def url(size: str) -> str:
    """Where the weights of a size are published, or mirrored: ``QRCASCADE_WEIGHTS_URL`` names a folder."""
    base = os.environ.get("QRCASCADE_WEIGHTS_URL") or RELEASE
    return f"{base.rstrip('/')}/qrdet-{size}.pt"


def licence_accepted() -> bool:
    """Whether ``QRCASCADE_ACCEPT_LICENCE`` says that `LICENCE` is accepted."""
    return _on("QRCASCADE_ACCEPT_LICENCE")


def public(text: str) -> str:
    """A text without the passwords of the addresses in it."""
    return re.sub(r"//[^/@\s]+@", "//***@", text)


def ensure(size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """The path of the weights of a size, fetched if they are not there and the licence is accepted.

    What is there is not looked at: that is `checked`.

    Parameters
    ----------
    size : str
        One of `SIZES`.
    explicit : path, optional
        Folder, before the environment's and the default one.

    Raises
    ------
    WeightsError
        If there is no such file, and it may not or cannot be fetched; names the path, the address and
        the command that mends it.
    MissingDependencyError
        If pooch, which fetches, is not installed.
    """
    file = path(size, explicit)
    if present(file):
        return file
    if not licence_accepted():
        raise _missing(size, file, "their licence is not accepted here, so nothing is fetched")
    tried = _failures.get(file)
    if tried and time.monotonic() < tried[0] + _RETRY_S:
        raise WeightsError(tried[1])
    try:
        return fetch(size, explicit)
    except WeightsError as error:
        _failures[file] = (time.monotonic(), str(error))
        raise


def fetch(
    size: str, explicit: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> Path:
    """Fetch the weights of a size into their folder, and record their hash; all of it or nothing.

    To call it is to accept `LICENCE`. Two processes may do so at the same time: each leaves a whole file.

    Parameters
    ----------
    size : str
        One of `SIZES`.
    explicit : path, optional
        Folder, before the environment's and the default one.
    progress : callable, optional
        Called with the bytes so far and all of them, 0 where that is unknown.

    Raises
    ------
    WeightsError
        If it fails, or ``QRCASCADE_OFFLINE`` is set, or the file is not the one that is pinned or
        recorded.
    MissingDependencyError
        If pooch is not installed.
    """
    file = path(size, explicit)
    if _on("QRCASCADE_OFFLINE"):
        raise _missing(size, file, "QRCASCADE_OFFLINE is set")
    try:
        with replacing(file) as new:
            download(url(size), new, progress)
            _like_a_checkpoint(new)
            digest = sha256(new)
            judged(file, digest)
        _leave_notes(file, digest)
    except ImportError as error:
        what = public(f"fetching {url(size)} to {file}")
        raise MissingDependencyError(what, "pip install 'qrcascade[qreader]'", str(error)) from error
    except Exception as error:
        raise _missing(size, file, f"fetching failed ({type(error).__name__}: {error})") from error
    return file


def install(source: Path, size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """Copy a file that was downloaded by other means to its place, and record its hash anew.

    Raises
    ------
    WeightsError
        If it is no checkpoint, or not the one that is pinned, or cannot be copied.
    """
    file = path(size, explicit)
    try:
        with replacing(file) as new:
            digest = sha256(source, new)
            _like_a_checkpoint(new)
            compare(file, digest, PINNED.get(file.name, digest), "pinned")
        _leave_notes(file, digest)
    except QRCascadeError:
        raise
    except Exception as error:
        raise WeightsError(f"{source} cannot become {file} ({type(error).__name__}: {error})") from error
    return file


def _like_a_checkpoint(file: Path) -> None:
    """Refuse what torch did not write, a sign-in page say, and what has lost its end."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if any(name.endswith("/data.pkl") for name in archive.namelist()):
                return
    with file.open("rb") as opened:
        raise ValueError(f"it is no whole checkpoint, it starts with {opened.read(16)!r}; get it again")


def _leave_notes(file: Path, digest: str) -> None:
    """The record, and the note without which qrdet would fetch the weights again."""
    record(file, digest)
    with replacing(file.with_name("current_release.txt")) as new:
        new.write_text(RELEASE, "utf-8")


def _on(switch: str) -> bool:
    return os.environ.get(switch, "").lower() not in ("", "0", "false", "no", "off")


def _missing(size: str, file: Path, why: str) -> WeightsError:
    into = f"--folder {shlex.quote(str(file.parent))}"
    mend = (
        f"qrcascade weights fetch --size {size} {into} --accept-licence, "
        f"or with a file from elsewhere: qrcascade weights import qrdet-{size}.pt {into}"
    )
    return WeightsError(public(f"no weights at {file} from {url(size)}: {why}; to fix it: {mend}"))
