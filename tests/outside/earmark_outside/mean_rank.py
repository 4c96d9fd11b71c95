"""A metric that has no worst value: with more classes it grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earmark.metrics.clips import metric


@metric(best=1)
def mean_rank(y: NDArray[np.int64], proba: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean place of the true class among the classes by score; 1 is the best."""
    own = np.take_along_axis(proba, y[:, None], axis=1)
    places = 1 + (proba > own).sum(axis=1)
    return np.asarray((weights @ places) / weights.sum(axis=-1))
