"""Which runtimes are installed, what is exported for them, and which one is taken.

An export is one or two files beside the weights and a record of them, ``qrdet-<size>.<runtime>.json``:
the SHA-256 of the weights that it was made of, the names of the files, and the size of the network's
input. The record is written last, and the files are named by what is in them: whoever looks sees a whole
export, old or new.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from qrcascade.errors import OptionError, WeightsError
from qrcascade.neural import weights

__all__ = [
    "CHOICES",
    "DECODING",
    "EXPORTS",
    "RUNTIMES",
    "Exported",
    "choose",
    "command",
    "exported",
    "installed",
    "missing",
    "record_path",
    "remedy",
    "sha256",
]

EXPORTS = ("openvino", "onnx")
"""The runtimes that models are exported for, fastest first."""
RUNTIMES = ("torch", *EXPORTS, "openvino-bf16")
"""All of them; the last is OpenVINO with 16-bit arithmetic, which runs what is exported for OpenVINO."""
CHOICES = ("auto", *RUNTIMES)
DECODING = ("torch",)
"""Those in which QReader itself runs, so that it can decode what it locates."""

_EXTRAS = {"torch": "qreader", "openvino": "openvino", "onnx": "onnx", "openvino-bf16": "openvino"}
_PACKAGES = {
    "torch": ("qreader", "torch"),
    "openvino": ("openvino",),
    "onnx": ("onnxruntime",),
    "openvino-bf16": ("openvino",),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model.

    Parameters
    ----------
    runtime : str
        One of `RUNTIMES`, but torch.
    file : Path
        What the runtime opens.
    side : int
        The longer side of the network's input, in pixels.
    stride : int
        What both sides are a multiple of.
    """

    runtime: str
    file: Path
    side: int
    stride: int


def missing(runtime: str) -> list[str]:
    """The packages of a runtime that are not installed; imports none of them."""
    return [name for name in _PACKAGES[runtime] if importlib.util.find_spec(name) is None]


def installed(runtime: str) -> bool:
    """Whether the packages of a runtime are there; imports none of them."""
    return not missing(runtime)


def remedy(runtime: str) -> str:
    """The command that installs a runtime."""
    return f"pip install 'qrcascade[{_EXTRAS[runtime]}]'"


def command(size: str, runtime: str, folder: str | os.PathLike[str] | None = None) -> str:
    """The command that exports a size for a runtime."""
    into = f" --folder {shlex.quote(os.fspath(folder))}" if folder else ""
    return f"qrcascade weights export --size {size} --runtime {_format(runtime)}{into}"


def record_path(size: str, runtime: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Where the record of an export is, or would be."""
    return weights.folder(folder) / f"qrdet-{size}.{_format(runtime)}.json"


def _format(runtime: str) -> str:
    """Which of `EXPORTS` a runtime runs."""
    return runtime.removesuffix("-bf16")


def choose(
    size: str,
    runtime: str = "auto",
    folder: str | os.PathLike[str] | None = None,
    device: str | None = None,
) -> str:
    """The runtime that is taken for a size.

    Parameters
    ----------
    size : str
        One of `weights.SIZES`.
    runtime : str
        One of `CHOICES`. "auto" is what ``QRCASCADE_RUNTIME`` says, else the first of `EXPORTS` that is
        installed and exported from the weights that are there, else "torch".
    folder : path, optional
        Where the weights are; see `qrcascade.neural.weights.folder`.
    device : str, optional
        As torch names it; where one is asked for, "auto" is "torch".

    Raises
    ------
    OptionError
        If there is no such runtime, or an exported one is to run on a device.
    """
    if runtime == "auto":
        runtime = os.environ.get("QRCASCADE_RUNTIME") or "auto"
    if runtime not in CHOICES:
        raise OptionError(f"runtime must be one of {', '.join(CHOICES)}, got {runtime!r}")
    if device is not None and runtime not in ("auto", "torch"):
        raise OptionError(f"device is for torch; runtime {runtime!r} does not take {device!r}")
    if runtime != "auto":
        return runtime
    usable = (name for name in EXPORTS if device is None and installed(name) and _usable(size, name, folder))
    return next(usable, "torch")


def _usable(size: str, runtime: str, folder: str | os.PathLike[str] | None) -> bool:
    try:
        exported(size, runtime, folder)
    except WeightsError:
        return False
    return True


def exported(size: str, runtime: str, folder: str | os.PathLike[str] | None = None) -> Exported:
    """The export of a size for a runtime.

    Where the weights are there too, it must have been made of them.

    Raises
    ------
    WeightsError
        If there is none, or it was made of other weights; names the command that makes it.
    """
    record = record_path(size, runtime, folder)
    mend = f"to make it: {command(size, runtime, folder)}"
    try:
        found = json.loads(record.read_text("utf-8"))
        files = [record.parent / Path(name).name for name in found["files"]]
        model = Exported(runtime, files[0], int(found["side"]), int(found["stride"]))
        source = str(found["source"])
    except FileNotFoundError:
        raise WeightsError(f"QReader {size} is not exported for {runtime}: no {record}; {mend}") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise WeightsError(f"{record} is no record of an export ({error!r}); {mend}") from error
    for file in files:
        if not file.is_file():
            raise WeightsError(f"{record} names {file.name}, which is not there; {mend}")
    original = weights.path(size, folder)
    if original.is_file() and sha256(original) != source:
        raise WeightsError(f"{record} was made of other weights than {original}; {mend}")
    return model


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; computed again only where it changed."""
    now = file.stat()
    return _sha256(file, now.st_mtime_ns, now.st_size)


@functools.lru_cache(maxsize=32)
def _sha256(file: Path, _changed: int, _size: int) -> str:
    return weights.sha256(file)
