"""The runtimes of QReader's detectors: torch, or a model exported once for OpenVINO or ONNX Runtime.

Which are installed, what is exported for them, and which one to use. Nothing heavy is imported before a model
is loaded; an exported model never imports torch.

An export is one or two files beside the weights and a record of them, ``qrdet-<size>.<runtime>.json``: the
SHA-256 of the weights that it was made from, the names of the files, and the size of the network's input.
The record is written last, and the files are named after their content: a reader always sees a complete
export, old or new.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from qrcascade.errors import OptionError, WeightsError
from qrcascade.image.frame import Gray
from qrcascade.image.quad import Quad
from qrcascade.neural import weights

__all__ = [
    "DECODING",
    "EXPORTS",
    "PACKAGES",
    "RUNTIMES",
    "Decoder",
    "Detector",
    "Exported",
    "choose",
    "find_export",
    "find_missing",
    "is_installed",
    "name_files",
    "record_path",
    "remedy",
    "sha256",
]

EXPORTS = ("openvino", "onnx")
"""The runtimes that models are exported for, fastest first."""
RUNTIMES = ("torch", *EXPORTS)
"""All runtimes."""
DECODING = ("torch",)
"""The runtimes in which QReader itself runs, so that it can decode what it locates."""

PACKAGES = {"torch": ("qreader", "torch"), "openvino": ("openvino",), "onnx": ("onnxruntime",)}
"""The packages that each runtime needs."""

_EXTRAS = {"torch": "qreader", "openvino": "openvino", "onnx": "onnx"}


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model for one of `EXPORTS`: see `letterbox` for the side and stride of its input."""

    runtime: str
    # The one that the runtime opens.
    file: Path
    side: int
    stride: int


class Detector(Protocol):
    """The interface of a detector in any runtime."""

    def detect(self, rgb: Gray, threads: int | None = None) -> list[tuple[Quad, float]]:
        """Locate symbols.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (H, W, 3)
            The picture.
        threads : int, optional
            Number of threads to use; None leaves it to the runtime.

        Returns
        -------
        list of (Quad, float)
            Outlines in the picture's pixels, which may extend beyond it, and scores from 0 to 1; best first.
        """
        ...


@runtime_checkable
class Decoder(Protocol):
    """A detector that can also read what it locates: QReader itself."""

    def decode(self, rgb: Gray, quad: Quad) -> str | None:
        """Return the text of the symbol in an outline, or None."""
        ...


def find_missing(runtime: str) -> list[str]:
    """Return the packages of a runtime that are not installed; imports none of them."""
    return [name for name in PACKAGES[runtime] if importlib.util.find_spec(name) is None]


def is_installed(runtime: str) -> bool:
    """Return whether the packages of a runtime are installed; imports none of them."""
    return not find_missing(runtime)


def remedy(runtime: str) -> str:
    """Return the command that installs a runtime."""
    return f"pip install 'qrcascade[{_EXTRAS[runtime]}]'"


def record_path(size: str, runtime: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return where the record of an export is, or would be."""
    return weights.folder(folder) / f"qrdet-{size}.{runtime}.json"


def choose(
    size: str,
    runtime: str = "auto",
    folder: str | os.PathLike[str] | None = None,
    device: str | None = None,
) -> str:
    """Return the runtime to use for a size.

    "auto" is the value of ``QRCASCADE_RUNTIME``, else the first of `EXPORTS` that is installed and exported
    from the present weights, else "torch". A torch ``device`` means "torch", too. Raises `OptionError` if
    there is no such runtime, or a device is given for an exported model.
    """
    if runtime == "auto":
        runtime = os.environ.get("QRCASCADE_RUNTIME") or "auto"
    if runtime not in ("auto", *RUNTIMES):
        raise OptionError(f"runtime must be one of auto, {', '.join(RUNTIMES)}, got {runtime!r}")
    if device is not None and runtime not in ("auto", "torch"):
        raise OptionError(f"device is only for torch; runtime {runtime!r} does not take {device!r}")
    if runtime != "auto":
        return runtime
    usable = (
        name for name in EXPORTS if device is None and is_installed(name) and _is_usable(size, name, folder)
    )
    return next(usable, "torch")


def _is_usable(size: str, runtime: str, folder: str | os.PathLike[str] | None) -> bool:
    try:
        find_export(size, runtime, folder)
    except WeightsError:
        return False
    return True


def find_export(size: str, runtime: str, folder: str | os.PathLike[str] | None = None) -> Exported:
    """Return the export of a size for a runtime.

    Its files must have the content that they are named after, and if the weights are present, it must have
    been made from them. Raises `WeightsError` if there is none, or if loading it is not allowed; the message
    has the command that makes it.
    """
    record = record_path(size, runtime, folder)
    into = f" --folder {shlex.quote(os.fspath(folder))}" if folder else ""
    mend = f"to export it: qrcascade weights export --size {size} --runtime {runtime}{into}"
    try:
        found = json.loads(record.read_text("utf-8"))
        files = [record.parent / Path(name).name for name in found["files"]]
        model = Exported(runtime, files[0], int(found["side"]), int(found["stride"]))
        source = str(found["source"])
    except FileNotFoundError:
        raise WeightsError(f"QReader {size} is not exported for {runtime}: no {record}; {mend}") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise WeightsError(f"{record} is not the record of an export ({error!r}); {mend}") from error
    for file in files:
        if not file.is_file():
            raise WeightsError(f"{record} names {file.name}, which is missing; {mend}")
        weights.refuse_writable(file)
    if [file.name for file in files] != name_files(files, record):
        raise WeightsError(f"{files[0]} is damaged: its content is not what it is named after; {mend}")
    original = weights.path(size, folder)
    if original.is_file() and sha256(original) != source:
        raise WeightsError(f"{record} was made from other weights than {original}; {mend}")
    return model


def name_files(files: Sequence[Path], record: Path) -> list[str]:
    """Return the names of an export's files, which have a digest of their content in them."""
    digest = hashlib.sha256("".join(sha256(file) for file in files).encode()).hexdigest()[:12]
    return [f"{record.stem}-{digest}{file.suffix}" for file in files]


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, computing it again only if the file has changed."""
    now = file.stat()
    return _sha256(file, now.st_mtime_ns, now.st_size)


@functools.lru_cache(maxsize=32)
def _sha256(file: Path, _changed: int, _size: int) -> str:
    return weights.sha256(file)
