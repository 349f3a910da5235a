"""Convert QReader's weights once for OpenVINO or ONNX Runtime; only this needs torch."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from qrcascade.errors import MissingDependencyError, OptionError, WeightsError, in_words
from qrcascade.neural import weights
from qrcascade.neural.runtimes import EXPORTS, find_missing, name_files, record_path, sha256
from qrcascade.neural.staging import stage

__all__ = ["convert", "export", "publish"]


def export(size: str, runtime: str = "openvino", folder: str | os.PathLike[str] | None = None) -> Path:
    """Export the weights of a size for one of `EXPORTS`, into the same folder; return the export's record.

    Missing weights are fetched. An earlier export is replaced in one step or not at all. OpenVINO's own
    format gets 16-bit weights, half the size of the ONNX file.

    Raises
    ------
    OptionError, MissingDependencyError
        If there is no such size or runtime; if torch, QReader, onnx or the runtime is not installed.
    WeightsError
        If the weights are not available, or the conversion fails.
    """
    _check(size, runtime)
    source = weights.ensure(size, folder)
    try:
        # Beside the weights, since renaming is atomic only within one file system.
        with (
            stage(".qrcascade-", beside=source) as work,
            weights.check(source, work / "model.pt") as staged,
        ):
            shape = _to_onnx(staged)
            files = convert(staged.with_suffix(".onnx"), runtime)
            return publish(files, record_path(size, runtime, folder), {"source": sha256(staged), **shape})
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(f"exporting {source} for {runtime} failed ({in_words(error)})") from error


def _check(size: str, runtime: str) -> None:
    """Raise if there is no such size or runtime, or something is not installed."""
    if size not in weights.SIZES:
        raise OptionError(f"size must be one of {', '.join(weights.SIZES)}, got {size!r}")
    if runtime not in EXPORTS:
        raise OptionError(f"runtime must be one of {', '.join(EXPORTS)}, got {runtime!r}")
    onnx = ["onnx"] if importlib.util.find_spec("onnx") is None else []
    if absent := [*find_missing("torch"), *onnx, *find_missing(runtime)]:
        raise MissingDependencyError(
            f"the export for {runtime}",
            f"pip install 'qrcascade[export,{runtime}]'",
            f"not installed: {', '.join(absent)}",
        )


def _to_onnx(staged: Path) -> dict[str, int]:
    """Write the ONNX model beside a checkpoint; return the side and the stride of its input."""
    from qrcascade.neural.runtimes.torch import quiet

    with quiet():
        import ultralytics

        yolo: Any = ultralytics.YOLO(str(staged), task="segment")
        if len(yolo.names) != 1:
            raise ValueError(f"a detector of one class was expected, this one has {len(yolo.names)}")
        side = yolo.overrides.get("imgsz", 640)
        stride = int(max(yolo.model.stride))
        # Pictures differ in shape; useful simplifications are made by the runtimes themselves.
        yolo.export(format="onnx", dynamic=True, simplify=False, device="cpu", verbose=False)
    return {"side": max(side) if isinstance(side, list | tuple) else int(side), "stride": stride}


def convert(model: Path, runtime: str) -> list[Path]:
    """Convert an ONNX model for a runtime; return the files, first the one that the runtime opens."""
    if runtime == "onnx":
        return [model]
    import openvino

    network = openvino.Core().read_model(model)
    _, channels, *_ = network.input(0).partial_shape
    network.reshape([1, channels, -1, -1])
    xml = model.with_suffix(".xml")
    openvino.save_model(network, xml, compress_to_fp16=True)
    return [xml, xml.with_suffix(".bin")]


def publish(files: list[Path], record: Path, facts: dict[str, Any]) -> Path:
    """Move files beside the weights, named after their content; write the record last."""
    names = name_files(files, record)
    for file, name in reversed(list(zip(files, names, strict=True))):
        file.replace(record.parent / name)
    written = files[0].with_suffix(".json")
    written.write_text(json.dumps({"files": names, **facts}, indent=1) + "\n", "utf-8")
    written.replace(record)
    for file in record.parent.glob(f"{record.stem}-*"):
        if file.name not in names:
            # If a process has it open, the next export removes it.
            with contextlib.suppress(OSError):
                file.unlink()
    return record
