"""One configuration in its own process: ``python -m qrcascade.profile.child NAME RUNTIME FOLDER ROUNDS``.

Reads the pictures that `measure` has written into the folder, and prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

_START = time.perf_counter()
_Calls = list[tuple[str, float, float]]


def main(name: str, runtime: str, folder: str, rounds: str) -> dict[str, Any]:
    """Load, warm up and read every picture; return what that cost and what was read."""
    start_mb, _ = memory()
    from qrcascade.errors import QRCascadeError

    try:
        cascade, models, calls = _load(name, runtime)
    except QRCascadeError as error:
        return {"error": str(error)}
    load_s = time.perf_counter() - _START
    loaded_mb, _ = memory()
    index = json.loads(Path(folder, "index.json").read_text("utf-8"))
    # Warm up: the first picture fills caches.
    cascade.read(Path(folder, index[0]))
    read: list[list[dict[str, Any]]] = [[] for _ in index]
    for _ in range(int(rounds)):
        for file, takes in zip(index, read, strict=True):
            calls.clear()
            wall, cpu = time.perf_counter(), time.process_time()
            result = cascade.read(Path(folder, file))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            # A missing zbar is acceptable; a tier that cannot run at all has no figures.
            if broken := [a.error for a in result.attempts if a.error and a.kind in ("", "detect")]:
                return {"error": broken[0]}
            takes.append({"wall": wall, "cpu": cpu, "texts": result.texts, "detections": list(calls)})
    peak_mb = memory()[1]
    return {
        "load_s": load_s,
        "rss_start_mb": start_mb,
        "rss_loaded_mb": loaded_mb,
        "rss_peak_mb": peak_mb,
        "parameters": sum(map(_count_parameters, models.values())) if runtime == "torch" else None,
        "detection": {
            size: _time_detection(model, index, Path(folder), calls) for size, model in models.items()
        },
        "read": read,
    }


def _load(name: str, runtime: str) -> tuple[Any, dict[str, Any], _Calls]:
    """Return the warm cascade, its detectors by size, and a log of their calls with both times."""
    import numpy as np

    from qrcascade import Cascade, MissingDependencyError, QReaderStrategy
    from qrcascade.neural import models, runtimes
    from qrcascade.neural.weights import SIZES

    alone = name in SIZES
    if not alone and runtime in runtimes.RUNTIMES:
        # A preset leaves out the tiers whose runtime is not installed, and would be measured without them.
        if not runtimes.is_installed(runtime):
            raise MissingDependencyError(f"QReader in {runtime}", runtimes.remedy(runtime))
        os.environ["QRCASCADE_RUNTIME"] = runtime
    preset: Any = name
    cascade = Cascade([QReaderStrategy(name, runtime=runtime)]) if alone else Cascade.preset(preset)
    blank = np.full((640, 640, 3), 255, np.uint8)
    calls: _Calls = []
    detectors: dict[str, Any] = {}
    for strategy in cascade.strategies:
        if isinstance(strategy, QReaderStrategy):
            strategy.runtime = runtime
            model = detectors[strategy.size] = models.load(strategy.size, runtime=runtime)
            model.detect(blank)
            _record_calls(model, strategy.size, calls)
    cascade.read(blank)
    return cascade, detectors, calls


def _record_calls(model: Any, size: str, calls: _Calls) -> None:
    """Record every detection of a model with its time."""
    detect = model.detect

    def timed(*arguments: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        found = detect(*arguments)
        calls.append((size, time.perf_counter() - wall, time.process_time() - cpu))
        return found

    model.detect = timed


def _time_detection(model: Any, index: list[str], folder: Path, calls: _Calls) -> tuple[float, float]:
    """Return the median seconds and processor seconds of a detection over a few of the pictures."""
    import statistics

    from qrcascade import Frame
    from qrcascade.image.views import limit

    calls.clear()
    for file in index[:: -(-len(index) // 7)]:
        model.detect(limit(2048)(Frame.load(folder / file)).color)
    return statistics.median(c[1] for c in calls), statistics.median(c[2] for c in calls)


def _count_parameters(model: Any) -> int:
    return sum(p.numel() for p in model._reader.detector.model.model.parameters())


def memory() -> tuple[float | None, float | None]:
    """Return the current and peak resident memory in MB; None where the system does not report it."""
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
        return int(found["VmRSS"]) / 1024, int(found["VmHWM"]) / 1024
    except (OSError, KeyError):
        pass
    try:
        import resource
    except ImportError:
        return None, None
    # Bytes on macOS, kilobytes elsewhere.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return None, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(*sys.argv[1:])) + "\n")
