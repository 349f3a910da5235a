"""Doubt what lies near damage: where decoded blocks had errors, their neighbours have some too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qrcascade.grid.blocks import Trial
from qrcascade.grid.fields import smooth
from qrcascade.symbology.interleaving import gather
from qrcascade.symbology.layout import layout

__all__ = ["doubt_nearby"]

# Thresholds, all chosen.
# Modules, the standard deviation of the window in which errors are counted.
_WINDOW = 1.5
# Modules without an error that are assumed in it, and the highest rate of errors.
_ASSUMED, _MOST = 0.01, 0.98


def doubt_nearby(trial: Trial, hypotheses: float) -> Trial:
    """Return a trial that trusts missing blocks less where the decoded ones had errors.

    The blocks' codewords are interleaved all over the symbol, but a scratch or a stain is in one place.

    Parameters
    ----------
    trial : Trial
        Solved; some of its blocks are found.
    hypotheses : float
        How many trials the new one is charged for.
    """
    places, plan = layout(trial.version), trial.plan
    bits = np.zeros((*trial.hidden.shape, 2), np.float32)
    for row, block in enumerate(trial.found):
        if block is not None:
            wrong = np.unpackbits((block.word ^ trial.values[row])[:, None], axis=1)
            bits[row] = np.stack([wrong, np.ones_like(wrong)], axis=-1)
    modules = np.zeros((places.size, places.size, 2), np.float32)
    modules[tuple(places.order.T)] = bits[plan.block, plan.column].reshape(-1, 2)
    errors, decoded = np.moveaxis(smooth(modules, _WINDOW), 2, 0)
    right = 1 - np.minimum(errors / (decoded + _ASSUMED), _MOST)
    log_right = gather(np.log(right), trial.version, trial.level).sum(2)
    missing = np.array([block is None for block in trial.found])
    trust = trial.trust + np.where(missing[:, None], log_right, 0.0)
    return replace(trial, trust=trust, hypotheses=hypotheses)
