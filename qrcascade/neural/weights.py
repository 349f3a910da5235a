"""QReader's weights: where they are, how missing ones are fetched, and how they are checked before loading.

A ``.pt`` file is a pickle: loading one runs the code in it. So its SHA-256 is compared first: see
`qrcascade.neural.integrity`.
"""

from __future__ import annotations

import os
import re
import shlex
import time
import zipfile
from pathlib import Path

from qrcascade.errors import MissingDependencyError, QRCascadeError, WeightsError, in_words
from qrcascade.neural.download import Progress, download
from qrcascade.neural.integrity import (
    PINNED,
    check,
    compare,
    is_present,
    judge,
    record,
    refuse_writable,
    sha256,
    verify,
)
from qrcascade.neural.staging import replace_atomically

__all__ = [
    "LICENCE",
    "RELEASE",
    "SIZES",
    "cache",
    "check",
    "ensure",
    "fetch",
    "folder",
    "install",
    "is_licence_accepted",
    "is_present",
    "path",
    "redact",
    "refuse_writable",
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
# Seconds before a failed fetch is tried again; otherwise every hard picture would wait for it.
_RETRY_S = 60
_failures: dict[Path, tuple[float, str]] = {}


def folder(explicit: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the weights: the argument, else ``QRCASCADE_WEIGHTS``, else the user's cache.

    Raises `WeightsError` if the user has no cache folder, because there is no home directory.
    """
    chosen = explicit or os.environ.get("QRCASCADE_WEIGHTS")
    if chosen:
        return Path(chosen)
    kept = cache()
    if kept is None:
        raise WeightsError("there is no home directory; to fix it: set QRCASCADE_WEIGHTS to a folder")
    return kept / "weights"


def cache() -> Path | None:
    """Return the folder in which qrcascade keeps files for this user; None without a home directory."""
    import platformdirs

    try:
        folder = platformdirs.user_cache_path("qrcascade", appauthor=False)
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None


def path(size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """Return where the weights of a size are, or would be."""
    return folder(explicit) / f"qrdet-{size}.pt"


def url(size: str) -> str:
    """Return the URL of a size's weights, in the folder ``QRCASCADE_WEIGHTS_URL`` if that is set."""
    base = os.environ.get("QRCASCADE_WEIGHTS_URL") or RELEASE
    return f"{base.rstrip('/')}/qrdet-{size}.pt"


def is_licence_accepted() -> bool:
    """Return whether ``QRCASCADE_ACCEPT_LICENCE`` accepts `LICENCE`."""
    return _is_on("QRCASCADE_ACCEPT_LICENCE")


def redact(text: str) -> str:
    """Return a text without the credentials in its URLs."""
    return re.sub(r"//[^/@\s]+@", "//***@", text)


def ensure(size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a size's weights, fetching them if they are missing and the licence is accepted.

    An existing file is not checked: `check` does that. Raises as `fetch` does, and `WeightsError` also if
    nothing may be fetched; the message has the path, the URL and the command that fixes it.
    """
    file = path(size, explicit)
    if is_present(file):
        return file
    if not is_licence_accepted():
        raise _make_error(size, file, "their licence is not accepted here, so nothing is fetched")
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
    """Fetch the weights of a size into their folder, and record their hash; completely or not at all.

    Calling this accepts `LICENCE`. Two processes may fetch at the same time: each leaves a complete file.
    ``progress`` is called with the bytes so far and in total; the latter is 0 if unknown.

    Raises
    ------
    WeightsError
        If fetching fails, ``QRCASCADE_OFFLINE`` is set, or the file is not the pinned or recorded one.
    MissingDependencyError
        If requests is not installed.
    """
    file = path(size, explicit)
    if _is_on("QRCASCADE_OFFLINE"):
        raise _make_error(size, file, "QRCASCADE_OFFLINE is set")
    try:
        with replace_atomically(file) as new:
            download(url(size), new, progress)
            _check_checkpoint(new)
            digest = sha256(new)
            judge(file, digest)
        _write_notes(file, digest)
    except ImportError as error:
        remedy = "pip install 'qrcascade[qreader]'"
        raise MissingDependencyError("the download of weights", remedy, str(error)) from error
    except Exception as error:
        raise _make_error(size, file, f"fetching failed ({in_words(error)})") from error
    return file


def install(source: Path, size: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """Copy a file that was downloaded by other means into place, and record its hash anew.

    Raises `WeightsError` if it is not a checkpoint, or not the pinned one, or cannot be copied.
    """
    file = path(size, explicit)
    try:
        with replace_atomically(file) as new:
            digest = sha256(source, new)
            _check_checkpoint(new)
            compare(file, digest, PINNED.get(file.name, digest), "pinned")
        _write_notes(file, digest)
    except QRCascadeError:
        raise
    except Exception as error:
        raise WeightsError(f"{source} cannot be imported as {file} ({in_words(error)})") from error
    return file


def _check_checkpoint(file: Path) -> None:
    """Refuse a file that torch did not write (such as a sign-in page), and a truncated one."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if any(name.endswith("/data.pkl") for name in archive.namelist()):
                return
    with file.open("rb") as opened:
        raise ValueError(f"it is not a complete checkpoint: it starts with {opened.read(16)!r}; get it again")


def _write_notes(file: Path, digest: str) -> None:
    """Write the record, and the note without which qrdet would fetch the weights again."""
    record(file, digest)
    with replace_atomically(file.with_name("current_release.txt")) as new:
        new.write_text(RELEASE, "utf-8")


def _is_on(switch: str) -> bool:
    return os.environ.get(switch, "").lower() not in ("", "0", "false", "no", "off")


def _make_error(size: str, file: Path, why: str) -> WeightsError:
    into = f"--folder {shlex.quote(str(file.parent))}"
    mend = (
        f"qrcascade weights fetch --size {size} {into} --accept-licence, "
        f"or, with a file from elsewhere: qrcascade weights import qrdet-{size}.pt {into}"
    )
    return WeightsError(redact(f"no weights at {file} from {url(size)}: {why}; to fix it: {mend}"))
