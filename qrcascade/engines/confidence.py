"""From the evidence for a payload to the probability that it is exactly right.

The evidence is: which engine read it, what share of the error correction it left unused, and
which independent engines read the same, or something else, at the same place. A detector's
score is no part of it: that says where a symbol is, not what it says.

Reed-Solomon decoding that has to use its whole capacity can land on a wrong codeword; every
symbol that is left uncorrected makes that less likely. zxing-cpp tells the share left unused;
the other engines do not, and take liberties with the character set. So what they read is looked
up in the module grid (`qrcascade.strategies.regions.verify_codes`), and its evidence is their
confidence (`qrcascade.grid.evidence`). Until then, and where no grid bears them out, they have a
prior under the threshold: the reading goes on, and ends if another engine agrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["agree", "contradict", "of_engine", "of_unused_correction"]

# Probability that one uncontradicted reading is exactly right. Where an engine of the same
# library stands behind two names, `agree` counts it once: see `_FAMILY`. Of 1,089 readings of zbar and
# OpenCV in the ZXing, jsQR and synthetic sets the grid's first stage bore out or put right 1,079, and the
# other 10 were right (`python -m benchmarks claims`). So few of so few pictures prove little: the priors
# of these four are not measured but chosen, so that what is not borne out does not end a reading.
_PRIOR = {"zxing": 0.95, "zbar": 0.6, "qreader": 0.6, "opencv": 0.5, "aruco": 0.5}
# Of an engine that nobody has measured: like theirs, under the threshold.
_UNKNOWN = 0.5
# QReader decodes with zbar; OpenCV's two detectors share a decoder.
_FAMILY = {"qreader": "zbar", "aruco": "opencv"}
CERTAIN = 0.999


def of_engine(engine: str, guessed: bool = False) -> float:
    """Confidence of a reading of which only the engine is known; 0.5 for an unknown one.

    For zbar and OpenCV it is what they have until the module grid has borne them out.

    Parameters
    ----------
    engine : str
        Its name.
    guessed : bool
        Whether the text rests on the engine's own guess of the character set. zbar's guess
        was wrong in every such photograph of the BoofCV set, OpenCV's in every one of jsQR's.
    """
    return 0.3 if guessed else _PRIOR.get(engine, _UNKNOWN)


def of_unused_correction(share: float) -> float:
    """Confidence of a reading by the share of error correction left unused.

    Parameters
    ----------
    share : float
        0 (every correctable error was there) to 1 (none was), as zxing-cpp's ``UEC``.

    Returns
    -------
    float
        0.9 to 0.99.
    """
    return 0.9 + 0.09 * min(max(share, 0.0), 1.0)


def agree(readings: Iterable[tuple[str, float]]) -> float:
    """Confidence in one payload that several readings of one symbol gave.

    Parameters
    ----------
    readings : iterable of (engine, confidence)
        Only the best of each family of engines counts: views of one engine fail together.
    """
    best: dict[str, float] = {}
    for engine, confidence in readings:
        family = _FAMILY.get(engine, engine)
        best[family] = max(best.get(family, 0.0), confidence)
    if len(best) == 1:
        return next(iter(best.values()))
    return min(CERTAIN, 1.0 - math.prod(1.0 - c for c in best.values()))


def contradict(confidence: float, other: float) -> float:
    """Confidence in a payload where another was read at the same place with ``other``."""
    return confidence * (1.0 - other) / max(1.0 - confidence * other, 1e-9)
