"""What a model is worth to somebody who acts on it: thresholds by cost, and decision curves.

Who says what a miss and what a false alarm cost has said the threshold, too, if scores are probabilities: act where
acting is cheaper (Elkan 2001). A decision curve (Vickers & Elkin 2006) does so for every ratio of costs: net benefit is
the share of clips rightly acted on less that of false alarms, weighted by the odds of the threshold. A model is of use at
a threshold if it lies above acting always and never.

>>> cost_threshold(false_alarm=1, miss=4)
0.2
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DataError
from .clips import checked
from .intervals import Array, Groups, t_quantile


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at each threshold, in clips rightly acted on per clip; ``low`` and ``high`` by group.

    ``always``: of acting on every clip; never acting has 0. ``gain_low``, ``gain_high``: the interval of ``benefit`` less
    the better of the two.
    """

    thresholds: Array
    benefit: Array
    low: Array
    high: Array
    always: Array
    gain_low: Array
    gain_high: Array

    @property
    def useful(self) -> NDArray[np.bool_]:
        """Where the model is surely better than acting always and than never acting."""
        return np.asarray(self.gain_low > 0)


def cost_threshold(*, false_alarm: float, miss: float) -> float:
    """The probability from which acting is cheaper: ``false_alarm / (false_alarm + miss)``."""
    if not (np.isfinite([false_alarm, miss]).all() and min(false_alarm, miss) >= 0 and false_alarm + miss > 0):
        raise DataError(f"found the costs {false_alarm} and {miss}; wanted two numbers of 0 or more, not both 0")
    return false_alarm / (false_alarm + miss)


def cheapest(proba: ArrayLike, costs: ArrayLike) -> NDArray[np.int64]:
    """The answer (n,) of least expected cost; ``costs`` (k, answers): of each answer where each class is true."""
    scores, prices = np.asarray(proba, np.float64), np.asarray(costs, np.float64)
    if scores.ndim != 2 or prices.ndim != 2 or scores.shape[1] != len(prices) or not np.isfinite(prices).all():
        raise DataError(
            f"found scores of shape {scores.shape} and costs of shape {prices.shape}; wanted (n, k), (k, m)"
        )
    return np.asarray((scores @ prices).argmin(axis=1))


def decision_curve(
    y: ArrayLike,
    proba: ArrayLike,
    of: int,
    groups: ArrayLike | None,
    *,
    thresholds: ArrayLike | None = None,
    level: float = 0.95,
) -> DecisionCurve:
    """Net benefit of acting where the score of class ``of`` reaches a threshold. Thresholds lie inside 0 … 1."""
    truth, stack = checked(y, proba)
    if not 0 <= of < stack.shape[2]:
        raise DataError(f"found the class {of}; wanted one from 0 to {stack.shape[2] - 1}")
    at = np.linspace(0.01, 0.99, 99) if thresholds is None else np.asarray(thresholds, np.float64)
    if at.ndim != 1 or not len(at) or not (np.isfinite(at).all() and at.min() > 0 and at.max() < 1):
        raise DataError("wanted thresholds above 0 and below 1")
    units, own = Groups.of(groups, len(truth)), (truth == of).astype(np.float64)
    acts = (stack[:, :, of, None] >= at).mean(axis=0)  # (n, thresholds)
    odds = at / (1 - at)
    gains = acts * (own[:, None] - (1 - own[:, None]) * odds)
    always = own[:, None] - (1 - own[:, None]) * odds
    better = gains - np.where(always.mean(axis=0) > 0, always, 0.0)
    (value, low, high), (_, gain_low, gain_high) = _means(gains, units, level), _means(better, units, level)
    return DecisionCurve(at, value, low, high, always.mean(axis=0), gain_low, gain_high)


# ------------------------------------------------------------------------------------------------- inner parts
def _means(values: Array, units: Groups, level: float) -> tuple[Array, Array, Array]:
    """Means (m,) of values (n, m) with the ends of their intervals by group."""
    mean, clips, count = values.mean(axis=0), len(values), len(units)
    if count < 2:
        return mean, np.full(len(mean), -np.inf), np.full(len(mean), np.inf)
    rest = np.stack([units.sums(column) for column in (values - mean).T])
    error = np.sqrt((rest**2).sum(axis=1) * count / (count - 1)) / clips
    reach = t_quantile((1 + level) / 2, (count + units.effective) / 2 - 1) * error
    return mean, mean - reach, mean + reach
