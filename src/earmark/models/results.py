"""Results of cross-validation and of comparisons, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.renderers import Columns, Reported, Tabular, counted, shortened
from ..data.clips import Dataset
from ..data.split import Ints, Labels
from ..metrics.evaluation import Evaluation
from ..metrics.intervals import columns
from ..metrics.paired import Pair
from ..metrics.promises import Promises
from ..metrics.selection import BestOfMany, best_of_many
from ..recipes.recipe import Recipe


@dataclass(frozen=True, repr=False)
class Run(Tabular):
    """One recipe, evaluated. ``proba`` (seeds, clips, classes) are scores out of fold of the clips ``ids``."""

    recipe: Recipe
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    y: Ints
    groups: Labels
    fold: Ints
    proba: NDArray[np.float64]
    evaluation: Evaluation
    window_accuracy: float
    seconds: Mapping[str, float]
    history: tuple[Mapping[str, list[float]], ...]
    backbones: tuple[Mapping[str, Any], ...]

    def _line(self) -> str:
        told = [f"{shortened(self.recipe.name)!r}", _accuracy(self)]
        return ", ".join(
            [*told, f"{counted(len(self.ids), 'clip')} of {counted(len(self.classes), 'class', 'classes')}"]
        )

    def _columns(self) -> Columns:
        return self.evaluation._columns()


@dataclass(frozen=True, repr=False)
class HeldOut(Tabular):
    """What else a finished model's figures on held-out clips say. ``copies``: clips that it was trained on, also in another
    format; ``known_groups``: other clips of groups that it learnt from. ``without``: the figures without both; None where
    there are none of these, or nothing else. ``promises``: whether sets, scores and "unknown" are what was promised, on
    clips that it does not know; None where there are none.
    """

    copies: tuple[str, ...]
    known_groups: tuple[str, ...]
    without: Evaluation | None
    promises: Promises | None = None

    def _line(self) -> str:
        return f"{len(self.copies)} copies, {len(self.known_groups)} of groups that the model learnt from"

    def _columns(self) -> Columns:
        """A line a clip that the model knows."""
        why = ["copy"] * len(self.copies) + ["group"] * len(self.known_groups)
        return {"id": [*self.copies, *self.known_groups], "known": why}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "copies": list(self.copies),
            "known_groups": list(self.known_groups),
            "without": self.without.to_dict() if self.without else None,
            "promises": self.promises.to_dict() if self.promises else None,
        }


@dataclass(frozen=True)
class Bounds:
    """Between what an accuracy lies if the labels of ``suspects`` clips may be wrong."""

    low: float
    high: float
    suspects: int


@dataclass(frozen=True, repr=False)
class Comparison(Reported):
    """Recipes evaluated on the same folds of the same clips."""

    dataset: Dataset
    protocol: str
    folds: int
    seeds: int
    seed: int
    runs: tuple[Run, ...]
    pairs: tuple[Pair, ...]
    baseline: Mapping[str, float]
    fingerprint: str
    versions: Mapping[str, str]
    seconds: float
    command: str = ""
    notes: tuple[str, ...] = ()
    source: tuple[str, ...] = ()  # where the data lie, for `rerun`; nothing if they were not read from a place
    held_out: HeldOut | None = None  # of a finished model
    label_bounds: Mapping[str, Bounds] = field(default_factory=dict)  # of each recipe, where an audit was given

    @property
    def best(self) -> Recipe:
        """The recipe of the best accuracy; of equals the first."""
        return max(self.runs, key=lambda run: run.evaluation.scores["accuracy"].value).recipe

    @cached_property
    def picked(self) -> BestOfMany | None:
        """What the best accuracy is worth after it was picked; None for fewer than 3 recipes."""
        first = self.runs[0] if self.runs else None
        if first is None or any(run.ids != first.ids for run in self.runs):
            return None
        scores = {run.recipe.name: run.proba for run in self.runs}
        return best_of_many(first.y, scores, first.groups, seed=self.seed)

    def _line(self) -> str:
        told = [f"{counted(len(self.runs), 'recipe')} on {counted(len(self.dataset.clips), 'clip')}"]
        told += [f"best {shortened(self.best.name)!r}"] if self.runs else []
        return ", ".join([*told, f"{counted(self.folds, 'fold')} under {str(self.protocol)!r}"])

    def _columns(self) -> Columns:
        """A line a recipe: each score with its interval, and the seconds it took."""
        told: dict[str, Any] = {"recipe": [run.recipe.name for run in self.runs]}
        for name in self.runs[0].evaluation.scores if self.runs else ():
            told |= columns(name, [run.evaluation.scores[name] for run in self.runs])
        return told | {"window_accuracy": [run.window_accuracy for run in self.runs]}


def _accuracy(run: Run) -> str:
    found = run.evaluation.scores["accuracy"]
    return f"accuracy {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
