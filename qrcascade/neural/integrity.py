"""What is asked of a weights file before it is loaded, and how files are put in their place.

A file's SHA-256 must be the one that is pinned here, else the one in the record beside it: a ``.sha256``
file, as ``sha256sum`` writes it. Where there is neither, the first use makes the record.
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

__all__ = ["PINNED", "checked", "compare", "judged", "present", "record", "replacing", "sha256", "verify"]

# SHA-256 by file name. The release publishes none: a pin needs a file from it, seen by this project.
PINNED: dict[str, str] = {}
# Hashes of files in folders that cannot be written, for as long as the process lives.
_seen: dict[Path, str] = {}


def checked(file: Path, copy: Path | None = None) -> Path:
    """A file that may be loaded: not for everybody to write, and of the hash that is pinned or recorded.

    A hash that is neither is recorded: beside the file, or for this process where the folder is
    read-only.

    Parameters
    ----------
    file : Path
        The weights, or a link to them; the record is beside what is named here.
    copy : Path, optional
        Where its bytes go while they are sha256, so that what is loaded is what was checked.

    Returns
    -------
    Path
        `copy` where it is given, else `file`.

    Raises
    ------
    WeightsError
        If it cannot be read or may not be loaded; says why, and what mends it.
    """
    digest, standing = _examined(file, copy)
    if standing == "unrecorded":
        _remember(file, digest)
    return copy or file


def verify(file: Path) -> str:
    """How a file that is there stands: "pinned", "recorded" or "unrecorded"; records nothing.

    Raises
    ------
    WeightsError
        As `checked`.
    """
    return _examined(file)[1]


def _examined(file: Path, copy: Path | None = None) -> tuple[str, str]:
    """Its hash, and how it stands."""
    try:
        _refuse_writable(file)
        digest = sha256(file, copy)
        return digest, judged(file, digest)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"cannot read the weights {file} ({error})") from error


def judged(file: Path, digest: str) -> str:
    """How a file of this name and hash stands; as `verify`."""
    for known, kind in ((PINNED.get(file.name), "pinned"), (_recorded(file), "recorded")):
        if known is not None:
            compare(file, digest, known, kind)
            return kind
    return "unrecorded"


def compare(file: Path, digest: str, known: str, kind: str) -> None:
    """Refuse a hash that is not the known one."""
    if digest != known:
        mend = f"if you trust it, delete {_record_of(file)}" if kind == "recorded" else "get it again"
        raise WeightsError(f"{file} is another file: its SHA-256 is {digest}, and {known} is {kind}; {mend}")


def present(file: Path) -> bool:
    """Whether there is such a file, and this user may know of it."""
    try:
        return file.is_file()
    except OSError:
        return False


def sha256(file: Path, copy: Path | None = None) -> str:
    """The SHA-256 of a file in 64 lower-case hexadecimal digits; copies it on the way if wanted."""
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
    """Write the record of a file, in the place of an older one."""
    with replacing(_record_of(file)) as new:
        new.write_text(f"{digest}  {file.name}\n", "utf-8")


@contextlib.contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A new file beside this one, which takes its place in one step when the block ends well."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(handle)
    new = Path(name)
    try:
        yield new
        # For every user to read, as in an image that one user builds and another one runs.
        new.chmod(0o644)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _refuse_writable(file: Path) -> None:
    """Refuse what every user of the machine may change; a link is judged by what it leads to."""
    if os.name == "posix" and file.stat().st_mode & stat.S_IWOTH:
        target = shlex.quote(str(file.resolve()))
        raise WeightsError(
            f"everybody may write {file}, and to load it is to run it; to fix it: chmod o-w {target}"
        )


def _record_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _recorded(file: Path) -> str | None:
    beside = _record_of(file)
    if not present(beside):
        return _seen.get(file.absolute())
    found = re.match(r"[0-9a-f]{64}\b", beside.read_text("utf-8", "replace").lower())
    if found is None:
        raise WeightsError(f"{beside} holds no SHA-256; if you trust {file}, delete the record")
    return found[0]


def _remember(file: Path, digest: str) -> None:
    """Record what is seen for the first time."""
    try:
        # A folder that nobody may write is left alone by root, too, who could.
        if not file.parent.stat().st_mode & 0o222:
            raise PermissionError
        record(file, digest)
    except OSError:
        _seen[file.absolute()] = digest
    else:
        # Another process may have recorded another file in this moment.
        judged(file, digest)
