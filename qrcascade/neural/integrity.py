"""Check weights files before they are loaded, and put files in place atomically.

A file's SHA-256 must match the one pinned here, else the one in the record beside it: a ``.sha256`` file, as
``sha256sum`` writes it. If there is neither, the first use writes the record.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from qrcascade.errors import WeightsError

__all__ = [
    "PINNED",
    "check",
    "compare",
    "is_present",
    "judge",
    "record",
    "replace_atomically",
    "sha256",
    "verify",
]

# SHA-256 by file name. The release publishes none: to pin one, this project must have seen the file.
PINNED: dict[str, str] = {}
# Hashes of files in read-only folders, kept while the process lives.
_seen: dict[Path, str] = {}


def check(file: Path, copy: Path | None = None) -> Path:
    """Check that a file may be loaded: not world-writable, and with the pinned or recorded hash; return it.

    A new hash is recorded: beside the file, or for this process if the folder is read-only. With ``copy``,
    the bytes are copied there while they are hashed, and that is returned: what is loaded is what was
    checked.

    Raises
    ------
    WeightsError
        If the file cannot be read or may not be loaded; the message says why, and how to fix it.
    """
    digest, standing = _examine(file, copy)
    if standing == "unrecorded":
        _remember(file, digest)
    return copy or file


def verify(file: Path) -> str:
    """Return the status of an existing file: "pinned", "recorded" or "unrecorded"; record nothing.

    Raises `WeightsError` as `check` does.
    """
    return _examine(file)[1]


def _examine(file: Path, copy: Path | None = None) -> tuple[str, str]:
    """Return a file's hash and status."""
    try:
        _refuse_writable(file)
        digest = sha256(file, copy)
        return digest, judge(file, digest)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"cannot read the weights {file} ({error})") from error


def judge(file: Path, digest: str) -> str:
    """Return the status of a file with this name and hash, as `verify` does."""
    for known, kind in ((PINNED.get(file.name), "pinned"), (_read_record(file), "recorded")):
        if known is not None:
            compare(file, digest, known, kind)
            return kind
    return "unrecorded"


def compare(file: Path, digest: str, known: str, kind: str) -> None:
    """Raise a `WeightsError` if a hash is not the known one."""
    if digest != known:
        mend = f"if you trust it, delete {_get_record_path(file)}" if kind == "recorded" else "get it again"
        raise WeightsError(f"{file} is another file: its SHA-256 is {digest}, but {known} is {kind}; {mend}")


def is_present(file: Path) -> bool:
    """Return whether the file exists and this user can see it."""
    try:
        return file.is_file()
    except OSError:
        return False


def sha256(file: Path, copy: Path | None = None) -> str:
    """Return the SHA-256 of a file as 64 lower-case hexadecimal digits, copying the file on the way."""
    digest = hashlib.sha256()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(file.open("rb"))
        target = stack.enter_context(copy.open("wb")) if copy else None
        while block := source.read(1 << 20):
            digest.update(block)
            if target:
                target.write(block)
    return digest.hexdigest()


def record(file: Path, digest: str) -> None:
    """Write the record of a file, replacing an older one."""
    with replace_atomically(_get_record_path(file)) as new:
        new.write_text(f"{digest}  {file.name}\n", "utf-8")


@contextlib.contextmanager
def replace_atomically(file: Path) -> Iterator[Path]:
    """Yield a new file beside this one, which replaces it in one step if the block succeeds."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(handle)
    new = Path(name)
    try:
        yield new
        # Readable by every user, for images that one user builds and another one runs.
        new.chmod(0o644)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _refuse_writable(file: Path) -> None:
    """Refuse a file that every user of the machine can change; links are followed."""
    if os.name == "posix" and file.stat().st_mode & stat.S_IWOTH:
        target = shlex.quote(str(file.resolve()))
        raise WeightsError(
            f"{file} is world-writable, and loading it runs code in it; to fix it: chmod o-w {target}"
        )


def _get_record_path(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _read_record(file: Path) -> str | None:
    beside = _get_record_path(file)
    if not is_present(beside):
        return _seen.get(file.absolute())
    found = re.match(r"[0-9a-f]{64}\b", beside.read_text("utf-8", "replace").lower())
    if found is None:
        raise WeightsError(f"{beside} contains no SHA-256; if you trust {file}, delete the record")
    return found[0]


def _remember(file: Path, digest: str) -> None:
    """Record a file that is seen for the first time."""
    try:
        # Respect a read-only folder even as root.
        if not file.parent.stat().st_mode & 0o222:
            raise PermissionError
        record(file, digest)
    except OSError:
        _seen[file.absolute()] = digest
    else:
        # Another process may have recorded another file at the same moment.
        judge(file, digest)
