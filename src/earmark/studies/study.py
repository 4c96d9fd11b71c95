"""What every study says of itself: of which data, which recipe, evaluated how, by what, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from ..core.provenance import versions
from ..core.renderers import Reported, counted, shortened
from ..data.clips import Dataset
from ..models.prepare import Data
from ..recipes.recipe import Recipe


@dataclass(frozen=True, kw_only=True, repr=False)
class Study(Reported):
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

    def _line(self) -> str:
        recipe = f"{shortened(self.recipe.short)!r} on {counted(len(self.dataset.clips), 'clip')}"
        return ", ".join([recipe, *self._found(), f"under {str(self.protocol)!r}"])

    def _found(self) -> list[str]:
        """What was found, in a few words."""
        return []

    def data_facts(self) -> dict[str, object]:
        """What the JSON of a study says of its data."""
        return {
            "name": self.dataset.name,
            "clips": len(self.dataset.clips),
            "classes": list(self.dataset.classes),
            "fingerprint": self.fingerprint,
        }


class Common(TypedDict):
    """What every study has, however it evaluates."""

    dataset: Dataset
    recipe: Recipe
    seed: int
    majority: float
    fingerprint: str
    versions: Mapping[str, str]
    seconds: float
    command: str


def common(data: Data, recipe: Recipe, seed: int, began: float, command: str) -> Common:
    """``began``: what ``time.perf_counter`` said then."""
    return {
        "dataset": data.dataset,
        "recipe": recipe,
        "seed": seed,
        "majority": max(np.unique(data.labels, return_counts=True)[1]) / len(data.labels),
        "fingerprint": data.fingerprint,
        "versions": versions(),
        "seconds": time.perf_counter() - began,
        "command": command,
    }
