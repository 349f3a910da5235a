"""Check weights files before they are loaded.

A file's SHA-256 must match the one pinned here, else the one in the record beside it: a ``.sha256`` file, as
``sha256sum`` writes it. If there is neither, the first use that succeeds writes the record.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from qrcascade.errors import WeightsError
from qrcascade.neural.staging import replace_atomically

__all__ = [
    "PINNED",
    "check",
    "compare",
    "is_present",
    "judge",
    "record",
    "refuse_writable",
    "sha256",
    "verify",
]

# SHA-256 by file name. The release publishes none: to pin one, this project must have seen the file.
PINNED: dict[str, str] = {}
# Hashes of files in read-only folders, kept while the process lives.
_seen: dict[Path, str] = {}


@contextlib.contextmanager
def check(file: Path, copy: Path) -> Iterator[Path]:
    """Check that a file may be loaded: not world-writable, and with the pinned or recorded hash.

    Yield a copy, made while the hash was computed: what is loaded is what was checked. If the block succeeds,
    a new hash is recorded: beside the file, or for this process if the folder is read-only. So the hash of a
    file that cannot be loaded, such as one that is still being copied, is not.

    Raises
    ------
    WeightsError
        If the file cannot be read or may not be loaded; the message says why, and how to fix it.
    """
    digest, standing = _examine(file, copy)
    yield copy
    if standing == "unrecorded":
        _remember(file, digest)


def verify(file: Path) -> str:
    """Return the status of an existing file: "pinned", "recorded" or "unrecorded"; record nothing.

    Raises `WeightsError` as `check` does.
    """
    return _examine(file)[1]


def _examine(file: Path, copy: Path | None = None) -> tuple[str, str]:
    """Return a file's hash and status."""
    try:
        refuse_writable(file)
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
        raise WeightsError(
            f"{file} is not the known file: its SHA-256 is {digest}, but {known} is {kind}; {mend}"
        )


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


def refuse_writable(file: Path) -> None:
    """Raise a `WeightsError` for a file that every user of the machine can change; links are followed."""
    if os.name == "posix" and file.stat().st_mode & stat.S_IWOTH:
        target = shlex.quote(str(file.resolve()))
        raise WeightsError(
            f"{file} is world-writable, so anybody can decide what it does; to fix it: chmod o-w {target}"
        )


def _get_record_path(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _read_record(file: Path) -> str | None:
    beside = _get_record_path(file)
    if not is_present(beside):
        return _seen.get(file.absolute())
    found = re.match(r"[0-9a-f]{64}\b", _read_text(beside).lower())
    if found is None:
        raise WeightsError(f"{beside} contains no SHA-256; if you trust {file}, delete the record")
    return found[0]


def _read_text(file: Path) -> str:
    """Return a text that may have a byte order mark, as those that Windows' tools write do."""
    data = file.read_bytes()
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if is_wide else "utf-8-sig", "replace")


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
