"""Where there is little to go by, what so little can show: one sentence, the same for every command."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..core.text import listed
from .clips import Dataset
from .split import Ints, Labels, Protocol

FEW = 5  # clips (groups) of a class: with fewer, not every one of the usual five folds evaluates the class
FIGURES = "so little can show that classes differ, but not how often a model is right"


def few_notes(
    labels: Labels, units: Labels, kind: str, sides: Sequence[Ints] = (), *, shows: str = FIGURES
) -> tuple[str, ...]:
    """What a reader should know where a class has fewer than ``FEW`` units ("clips", "groups": ``kind``), or nothing.

    ``labels`` (clips,), ``units`` (clips,). ``sides``: indices of what is learnt from and what is evaluated, if these are
    not all clips; the smaller counts.
    """
    sizes: dict[str, int] = {}
    for side in sides or [np.arange(len(labels))]:
        for label, size in _sizes(labels[side], units[side]).items():
            sizes[label] = min(size, sizes.get(label, size))
    few = sorted((size, label) for label, size in sizes.items() if size < FEW)
    if not few:
        return ()
    least = few[0][0]
    named = listed([f"{label!r} {size}" for size, label in few], most=5)
    share = (
        "all that is known"
        if least == 1
        else f"{'' if least == few[-1][0] else 'up to '}{100 / least:.0f} % of what is known"
    )
    return (f"Few {kind} ({named}): {shows}, for one {kind[:-1]} is {share} of its class.",)


def kind_of(dataset: Dataset, protocol: str) -> str:
    """What is counted under a protocol: "groups" where these stay whole, else "clips"."""
    grouped = protocol == Protocol.GROUPS or (protocol == Protocol.PUBLISHED and dataset.has_groups)
    return "groups" if grouped else "clips"


def _sizes(labels: Labels, units: Labels) -> dict[str, int]:
    """How many units each class has."""
    owners: dict[str, set[str]] = defaultdict(set)
    for label, unit in zip(labels.tolist(), units.tolist(), strict=True):
        owners[label].add(unit)
    return {label: len(found) for label, found in owners.items()}
