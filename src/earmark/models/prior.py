"""How common the classes are where a model is used: told, or estimated from what the model says of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..core.errors import DataError
from ..data import lines
from ..metrics.calibration import Calibration
from ..metrics.counts import calibrated_shares, estimated_prior, named_shares
from ..metrics.intervals import Array, Interval
from .branch import Prediction

Prior: TypeAlias = str | Path | Mapping[str, float]
ESTIMATE, BALANCED, TRAIN = "estimate", "balanced", "train"
_FEWEST = 20  # sounds, from which shares are told


def shares_of(prior: Prior, calibration: Calibration) -> Array:
    """Shares (k,) of a model's classes: "balanced", "train" (as in training), by label, or a table with label and share.

    Raises DataError for what fits none.
    """
    classes = calibration.classes
    if prior == BALANCED:
        return np.full(len(classes), 1 / len(classes))
    if prior == TRAIN:
        return np.asarray(calibration.shares)
    if isinstance(prior, Mapping):
        return named_shares(list(prior.items()), classes)
    return named_shares(_table(Path(prior)), classes)


def with_prior(calibration: Calibration | None, prior: Prior) -> Calibration:
    """The same, for classes as common as ``prior`` says. Raises DataError if it cannot know what they were."""
    if prior == ESTIMATE:
        raise DataError("shares are estimated from a batch: give prior='estimate' to predict_many")
    if calibration is None:
        raise DataError("the model has no calibrated scores, so no prior can be put in; leave out the prior")
    if prior == TRAIN:
        return replace(calibration, prior=())
    known = calibration.with_prior(calibration.shares)  # or it is told that there are none
    return known.with_prior(shares_of(prior, known))


def estimated(
    calibration: Calibration | None, said: Iterable[Prediction | Any]
) -> tuple[Calibration, list[Prediction | Any]]:
    """The calibration for shares re-estimated on a batch (Saerens, Latinne & Decaestecker 2002), and what it says of that batch.

    ``said`` by the model for the shares of training. What is no prediction with a label is handed on.
    """
    known, answers = with_prior(calibration, BALANCED), list(said)
    heard = [a for a in answers if isinstance(a, Prediction) and not a.reason]
    if not heard:
        return replace(known, prior=()), answers
    other = known.with_prior(estimated_prior(_scores(heard, known.classes), known.shares))
    return other, [_again(other, a) if isinstance(a, Prediction) and not a.reason else a for a in answers]


def shares_heard(calibration: Calibration | None, said: Sequence[Prediction]) -> dict[str, Interval]:
    """How common each class is in a batch, with a 90 % interval, if the classes sound as they did in training.

    The sounds of one file are drawn together. Empty for fewer than 20 sounds, and for models whose scores are not calibrated.
    """
    heard = [a for a in said if not a.reason]
    if calibration is None or not calibration.draws or len(heard) < _FEWEST:
        return {}
    scores = calibration.for_training(_scores(heard, calibration.classes))
    found = calibrated_shares(scores, [a.path for a in heard], calibration.shares, calibration.draws)
    return dict(zip(calibration.classes, found, strict=True))


def _again(calibration: Calibration, said: Prediction) -> Prediction:
    """What a model says for another prior, where it said ``said`` for the shares of training."""
    scores = calibration.for_prior(_scores([said], calibration.classes))
    best = int(scores[0].argmax())
    named = dict(zip(calibration.classes, map(float, scores[0]), strict=True))
    label, labels = calibration.classes[best], calibration.sets(scores)[0]
    return replace(said, label=label, score=float(scores[0, best]), scores=named, set=labels)


def _scores(said: Sequence[Prediction], classes: Sequence[str]) -> Array:
    return np.array([[a.scores[c] for c in classes] for a in said], np.float64)


def _table(path: Path) -> list[tuple[str, float]]:
    def columns(found: list[str]) -> None:
        if not {"label", "share"} <= set(found):
            raise DataError(f"{path}: found the columns {', '.join(found) or 'none'}; wanted label and share")

    if not path.is_file():
        raise DataError(
            f"prior: found no table {str(path)!r}; wanted one with label and share, or {BALANCED} or {TRAIN}"
        )
    found = []
    for number, line in lines.read(path, columns):
        try:
            found.append((line["label"], float(line["share"])))
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: found the share {line['share']!r}; wanted a number from 0 to 1, such as 0.25"
            ) from error
    return found
