"""How far a recipe's scores carry, in sentences: calibration, groups, and whether acting on them pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..metrics.decisions import decision_curve
from . import words

if TYPE_CHECKING:
    from ..metrics.evaluation import Evaluation
    from ..models.results import Run


def lines(run: Run) -> list[str]:
    """What is known, most general first."""
    return [*_calibration(run.evaluation), *_groups(run.evaluation), *_acting(run)]


def _calibration(evaluation: Evaluation) -> list[str]:
    if not evaluation.calibration:
        return []
    error, floor = evaluation.scores["calibration_error"].value, evaluation.calibration["floor"]
    return [
        f"Calibration error {words.percent(error)}; a perfectly calibrated model would show {words.percent(floor)} on as "
        "many clips."
    ]


def _groups(evaluation: Evaluation) -> list[str]:
    between = evaluation.between
    if between is None:
        return []
    value, low, high = (f"{100 * x:.1f}" for x in (between.spread.value, between.spread.low, between.spread.high))
    return [
        f"Beyond chance, the accuracy of groups spreads by {value} points (standard deviation, {low} to {high}). The worst "
        f"is {between.worst}: {between.worst_right:g} of {between.worst_clips} clips right, so about "
        f"{words.percent(between.worst_accuracy, 0)} is likely of it."
    ]


def _acting(run: Run) -> list[str]:
    """Of two classes: for which costs it pays to act on the scores for the rarer one."""
    if len(run.classes) != 2 or len(np.unique(run.y)) < 2:
        return []
    rare = int(np.bincount(run.y, minlength=2).argmin())
    found = decision_curve(run.y, run.proba, rare, run.groups)
    useful = found.thresholds[found.useful]
    label = run.classes[rare]
    if not len(useful):
        return [f"Acting on its scores for {label} is not shown to pay more than acting always, or never, at any cost."]
    least, most = ((1 - t) / t for t in (useful.max(), useful.min()))
    return [
        f"Acting on its scores for {label} pays more than acting always, or never, where missing one costs from "
        f"{least:.2g} to {most:.2g} times as much as a false alarm."
    ]
