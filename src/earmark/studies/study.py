"""What every study says of itself: of which data, which recipe, evaluated how, by what, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..data.clips import Dataset
from ..recipes.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Study:
    """The base of ``Curve``, ``Ladder``, ``Stress`` and ``Tuned``."""

    dataset: Dataset
    recipe: Recipe
    """What was studied; of a search, the one to keep."""
    protocol: str
    """What was kept whole (``split.Protocol``), or "held out"; of a ladder, what its intervals resample."""
    folds: int
    seed: int
    majority: float
    """Accuracy of naming the most frequent class each time."""
    fingerprint: str
    """Of the data."""
    versions: Mapping[str, str]
    seconds: float
    command: str = ""
    notes: tuple[str, ...] = ()
