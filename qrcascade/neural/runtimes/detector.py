"""An exported model as a detector, in OpenVINO or ONNX Runtime."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.errors import WeightsError, in_words
from qrcascade.image.frame import Gray
from qrcascade.image.quad import Quad
from qrcascade.neural.runtimes import Exported
from qrcascade.neural.runtimes.boxes import find_detections, letterbox

__all__ = ["ExportedDetector"]

Tensor = NDArray[np.float32]
Network = Callable[[Tensor], tuple[Tensor, Tensor]]


class ExportedDetector:
    """An exported model, opened on first use. Safe to share between threads."""

    def __init__(self, model: Exported) -> None:
        self.model = model
        self._networks: dict[int | None, Network] = {}
        self._opening = threading.Lock()

    def detect(self, rgb: Gray, threads: int | None = None) -> list[tuple[Quad, float]]:
        """Locate symbols: see `Detector`. Raises `WeightsError` if the runtime cannot open the model."""
        tensor, placed = letterbox(rgb, self.model.side, self.model.stride)
        boxes, prototypes = self._network(threads)(tensor)
        return find_detections(boxes[0], prototypes[0], (tensor.shape[3], tensor.shape[2]), placed)

    def _network(self, threads: int | None) -> Network:
        with self._opening:
            if threads not in self._networks:
                opener = _OPENERS[self.model.runtime]
                try:
                    self._networks[threads] = opener(self.model.file, threads)
                except Exception as error:
                    raise WeightsError(
                        f"{self.model.runtime} cannot open {self.model.file}; export it again with "
                        f"qrcascade weights export ({in_words(error)})"
                    ) from error
            return self._networks[threads]


def _open_openvino(file: Path, threads: int | None) -> Network:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import openvino

    core = openvino.Core()
    # The same numbers as torch unless asked for otherwise: on some processors the default is 16 bits.
    precision = os.environ.get("QRCASCADE_OPENVINO_PRECISION") or "f32"
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        # It would be emulated, slower than 32 bits.
        precision = "f32"
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    compiled = core.compile_model(file, "CPU", options)
    request = compiled.create_infer_request()
    running = threading.Lock()

    def run(tensor: Tensor) -> tuple[Tensor, Tensor]:
        with running:
            request.infer([tensor])
            boxes, prototypes = (request.get_output_tensor(i).data.copy() for i in range(2))
            # Otherwise each model keeps the memory of its largest picture.
            compiled.release_memory()
        return boxes, prototypes

    return run


def _open_onnx(file: Path, threads: int | None) -> Network:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(tensor: Tensor) -> tuple[Tensor, Tensor]:
        boxes, prototypes = session.run(None, {name: tensor})
        return boxes, prototypes

    return run


_OPENERS = {"openvino": _open_openvino, "onnx": _open_onnx}
