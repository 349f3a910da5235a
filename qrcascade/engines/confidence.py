"""Estimate the probability that a payload is exactly right from the evidence for it.

The evidence is: which engine read it, what share of the error correction was left unused, and which
independent engines read the same, or something else, at the same place. A detector's score is not part of
it: that says where a symbol is, not what it says.

Reed-Solomon decoding at the limit of its capacity can land on a wrong codeword; the more correction is left
unused, the less likely that is. zxing-cpp reports the unused share. The other engines do not, and guess the
character set. So what they read is checked against the module grid
(`qrcascade.strategies.regions.verify_codes`), whose evidence becomes their confidence
(`qrcascade.grid.evidence`). Until then, and if no grid confirms them, they have a prior below the threshold:
the reading goes on, and ends if another engine agrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["MIXED", "UNCHECKED", "agree", "contradict", "of_engine", "of_unused_correction"]

# Probability that one uncontradicted reading is exactly right. `agree` counts engines that share a library
# once: see `_FAMILY`. Of 1,089 readings of zbar and OpenCV in the ZXing, jsQR and synthetic sets, the grid's
# first stage confirmed or corrected 1,079, and the other 10 were right (`python -m benchmarks claims`). These
# are too few to prove much: the priors of the last four are not measured but chosen, so that an unconfirmed
# reading does not end the search.
_PRIOR = {"zxing": 0.95, "zbar": 0.6, "qreader": 0.6, "opencv": 0.5, "aruco": 0.5}
# For an engine that was never measured; also below the threshold.
_UNKNOWN = 0.5
# QReader decodes with zbar; OpenCV's two detectors share a decoder.
_FAMILY = {"qreader": "zbar", "aruco": "opencv"}
CERTAIN = 0.999
# For a symbol that says a second message beside the decoded one (`qrcascade.symbology.mixture`): which of the
# two is meant is open, and so is whether each block was decoded to the same. Chosen.
MIXED = 0.25

UNCHECKED = 0.3
"""Confidence of an ITF symbol without a check digit, of which a part reads as a shorter one.

Of 268 readings of drawn ITF symbols that were turned, blurred and struck through, 183 were wrong; of other
symbologies without error correction, 9 of 1,560.
"""


def of_engine(engine: str, guessed: bool = False) -> float:
    """Return the confidence of a reading of which nothing but the engine is known; 0.5 for an unknown engine.

    zbar and OpenCV have this confidence until the module grid confirms them.

    Parameters
    ----------
    engine : str
        Its name.
    guessed : bool
        Whether the text depends on the engine's own guess of the character set. zbar's guess was wrong in
        every photograph of the BoofCV set where it had to guess, OpenCV's in every one of the jsQR set.
    """
    return 0.3 if guessed else _PRIOR.get(engine, _UNKNOWN)


def of_unused_correction(share: float) -> float:
    """Return the confidence of a reading from the share of error correction left unused.

    Parameters
    ----------
    share : float
        0 (all of the correction was used, in some block) to 1 (none was).

    Returns
    -------
    float
        0.9 to 0.99.
    """
    return 0.9 + 0.09 * min(max(share, 0.0), 1.0)


def agree(readings: Iterable[tuple[str, float]]) -> float:
    """Return the confidence in a payload that several readings of one symbol agree on.

    Parameters
    ----------
    readings : iterable of (engine, confidence)
        Only the best of each family of engines counts, since views of one engine fail together. A mixture
        misleads all engines alike: agreement among them does not outweigh one that found it.
    """
    readings = tuple(readings)
    if any(confidence <= MIXED for _, confidence in readings):
        return min(confidence for _, confidence in readings)
    best: dict[str, float] = {}
    for engine, confidence in readings:
        family = _FAMILY.get(engine, engine)
        best[family] = max(best.get(family, 0.0), confidence)
    if len(best) == 1:
        return next(iter(best.values()))
    return min(CERTAIN, 1.0 - math.prod(1.0 - c for c in best.values()))


def contradict(confidence: float, other: float) -> float:
    """Return the confidence in a payload if another was read at the same place with confidence ``other``."""
    return confidence * (1.0 - other) / max(1.0 - confidence * other, 1e-9)
