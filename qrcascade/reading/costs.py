"""Expected cost of a step, so that none is started that the deadline would cut off."""

from __future__ import annotations

from qrcascade.reading.steps import Step

__all__ = ["estimate_cost_s"]

# Milliseconds of an engine: by view, else by kind, else in general. Whole pictures:
# docs/benchmarks/schedule.json, means over all pictures; regions: the most expensive of the shipped steps;
# the grid reader: means over the BoofCV development set. `Executor` scales them by the pace of this picture.
_MS = {
    "zxing": {"": 7.0, "x2": 14.0, "x0.5": 1.0, "draft": 2.0, "region": 3.0},
    "zbar": {"": 10.0, "<=800px+otsu": 4.0, "region": 4.0},
    "opencv": {"": 100.0},
    "aruco": {"": 100.0},
    "finders": {"": 7.0},
    "texture": {"": 10.0},
    "detector": {"": 30.0},
    "grid": {"fit": 40.0, "local": 50.0, "deblur": 200.0, "verify": 3.0},
}
# Any other step.
_OTHER_MS = 5.0


def estimate_cost_s(step: Step) -> float:
    """Return the seconds that a step is likely to take on a picture of average size."""
    if step.expected_s is not None:
        return step.expected_s
    known = _MS.get(step.engine, {})
    return next((known[key] for key in (step.view, step.kind, "") if key in known), _OTHER_MS) / 1000
