"""How common the classes are where a model is used: told, or estimated from what the model says of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..core.errors import DataError
from ..data import lines
from ..metrics.calibration import Calibration
from ..metrics.counts import calibrated_shares, estimated_prior, named_shares
from ..metrics.intervals import Array, Interval
from .branch import Prediction

if TYPE_CHECKING:
    from .model import Model

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


def with_prior(model: Model, prior: Prior) -> Model:
    """The same model, for classes as common as ``prior`` says. Raises DataError if it cannot know what they were."""
    if prior == ESTIMATE:
        raise DataError("shares are estimated from a batch: give prior='estimate' to predict_many")
    if model.calibration is None:
        raise DataError("the model has no calibrated scores, so no prior can be put in; leave out the prior")
    if prior == TRAIN:
        return replace(model, calibration=replace(model.calibration, prior=()))
    known = model.calibration.with_prior(model.calibration.shares)  # or it is told that there are none
    return replace(model, calibration=known.with_prior(shares_of(prior, known)))


def estimated(model: Model, said: Iterable[Prediction | Any]) -> tuple[Model, list[Prediction | Any]]:
    """The model for shares re-estimated on a batch (Saerens, Latinne & Decaestecker 2002), and what it says of that batch.

    ``said`` by the model for the shares of training. What is no prediction with a label is handed on.
    """
    answers = list(said)
    heard = [a for a in answers if isinstance(a, Prediction) and not a.reason]
    model = with_prior(model, TRAIN)
    if model.calibration is None or not model.calibration.shares:
        with_prior(model, BALANCED)  # says why not
    if not heard or model.calibration is None:
        return model, answers
    found = estimated_prior(_scores(heard, model.classes), model.calibration.shares)
    other = replace(model, calibration=model.calibration.with_prior(found))
    return other, [_again(other, a) if isinstance(a, Prediction) and not a.reason else a for a in answers]


def shares_heard(model: Model, said: Sequence[Prediction]) -> dict[str, Interval]:
    """How common each class is in a batch, with a 90 % interval, if the classes sound as they did in training.

    The sounds of one file are drawn together. Empty for fewer than 20 sounds, and for models whose scores are not calibrated.
    """
    calibration = model.calibration
    heard = [a for a in said if not a.reason]
    if calibration is None or not calibration.draws or len(heard) < _FEWEST:
        return {}
    scores = calibration.for_training(_scores(heard, model.classes))
    found = calibrated_shares(scores, [a.path for a in heard], calibration.shares, calibration.draws)
    return dict(zip(model.classes, found, strict=True))


def _again(model: Model, said: Prediction) -> Prediction:
    """What a model says where the model for the shares of training said ``said``."""
    if model.calibration is None:
        return said
    scores = model.calibration.for_prior(_scores([said], model.classes))
    best = int(scores[0].argmax())
    named = dict(zip(model.classes, map(float, scores[0]), strict=True))
    labels = model.calibration.sets(scores)[0]
    return replace(said, label=model.classes[best], score=float(scores[0, best]), scores=named, set=labels)


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
