"""The quietest moment of a sound: what is left is mostly recorder, room and codec."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SECONDS = 0.25
_STEPS = 10  # places that are looked at in each such stretch
_LEVEL = 0.1


def quietest(samples: Floats, rate: int, seconds: float = SECONDS) -> Floats:
    """The stretch of ``seconds`` of least energy of samples (n,), the first of equals, brought to one level.

    A shorter sound is taken whole. Digital silence stays silent: that it is there may tell a class, too.
    """
    if not len(samples):
        return samples
    length = min(len(samples), max(1, round(seconds * rate)))
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, len(samples) - length + 1, max(1, length // _STEPS))
    energy = np.maximum(sums[starts + length] - sums[starts], 0.0)
    start = int(starts[int(energy.argmin())])
    found = samples[start : start + length].astype(np.float64)
    found -= found.mean()
    level = float(np.sqrt(np.mean(np.square(found))))
    return np.asarray(found * (_LEVEL / level) if level > 1e-7 else np.zeros(length), np.float32)
