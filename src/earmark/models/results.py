"""Results of cross-validation and of comparisons, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.clips import Dataset
from ..data.split import Ints, Labels
from ..metrics.evaluation import Evaluation
from ..metrics.paired import Pair
from ..recipes.recipe import Recipe


@dataclass(frozen=True)
class Run:
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


@dataclass(frozen=True)
class Comparison:
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
