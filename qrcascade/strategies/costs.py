"""What an attempt is likely to cost, so that none is begun that the deadline would cut off."""

from __future__ import annotations

__all__ = ["foreseen_s"]

# Milliseconds by the beginning of "strategy step" or of the step, the longest that fits. Whole-picture steps:
# docs/benchmarks/schedule.json, means over all pictures; regions: the dearest step of the shipped ones; the
# grid reader: means over the BoofCV development set; detections: docs/benchmarks/runtimes.md, between torch
# and the exports, without loading the model. `Scan.begin` scales them by the pace of this picture.
_MS = {
    "zxing": 7.0,
    "zxing x2": 14.0,
    "zxing x0.5": 1.0,
    "zxing draft": 2.0,
    "zxing region": 3.0,
    "zbar": 10.0,
    "zbar <=800px": 4.0,
    "zbar region": 4.0,
    "opencv": 100.0,
    "aruco": 100.0,
    "finders": 7.0,
    "texture": 10.0,
    "grid fit": 40.0,
    "grid local": 50.0,
    "grid deblur": 200.0,
    "grid verify": 3.0,
    "qreader detect": 250.0,
    "nano qreader detect": 100.0,
    "medium qreader detect": 500.0,
    "large qreader detect": 900.0,
    "qreader decode": 150.0,
}
_PREFIXES = sorted(_MS, key=len, reverse=True)
# A step of which nothing is known.
_OTHER_MS = 5.0


def foreseen_s(strategy: str, step: str) -> float:
    """Seconds that a step is likely to take on a picture of middling size.

    Parameters
    ----------
    strategy, step : str
        As in `Attempt`.
    """
    whole = f"{strategy} {step}"
    known = (_MS[prefix] for prefix in _PREFIXES if step.startswith(prefix) or whole.startswith(prefix))
    return next(known, _OTHER_MS) / 1000
