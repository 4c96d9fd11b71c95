"""Limits of nonconformity: up to where a label stays in the set (split-conformal prediction).

One limit for all classes holds over all clips together, and too seldom for rare classes. A class met in 20 groups or more
gets a limit of its own (Vovk 2012); the others share one, as one cluster (Ding et al. 2023: with so few clips of each,
clusters cannot be found without looking at the very clips that set the limit). Groups are what is exchangeable, so the
correction for a finite sample counts groups (after Dunn, Wasserman & Ramdas 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import Array, Groups, Ints

_KEPT = 1000  # order statistics of nonconformity that a bundle holds, of a class a fifth
GROUPS_OF_A_CLASS = 20  # groups of a class, from which it has a limit of its own


@dataclass(frozen=True, slots=True)
class Limit:
    """Nonconformity of the true labels out of fold, sorted, and how many groups they come from."""

    nonconformity: tuple[float, ...]
    groups: int

    def at(self, alpha: float) -> float:
        """What a share ``1 - alpha`` of clips of new groups stay under; infinite where groups are too few."""
        share = (1 - alpha) * (1 + 1 / self.groups) if self.groups else 2.0
        if share > 1 + 1e-12:
            return float("inf")
        return self.nonconformity[max(0, int(np.ceil(share * len(self.nonconformity) - 1e-9)) - 1)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"nonconformity": list(self.nonconformity), "groups": self.groups}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Limit:
        """The reverse. Raises KeyError, TypeError, ValueError for what is none."""
        made = cls(tuple(map(float, facts["nonconformity"])), int(facts["groups"]))
        if made.groups < 0 or not made.nonconformity or not np.isfinite(made.nonconformity).all():
            raise ValueError("a limit of a class holds absurd numbers")
        return made


def limit_of(strange: Array, units: Groups, *, each_group: bool = False, kept: int = _KEPT) -> Limit:
    """The limit by the nonconformity (n,) of true labels. ``each_group``: all groups count the same, else all clips do."""
    count = len(np.unique(units.codes))
    if not each_group and len(strange) <= kept:
        return Limit(_rounded(np.sort(strange)), count)
    sizes = np.bincount(units.codes)[units.codes] if each_group else np.ones(len(strange))
    order = np.argsort(strange, kind="stable")
    passed = np.cumsum(1 / sizes[order])
    marks = np.arange(1, kept + 1) / kept * passed[-1]  # rounded up, so that sets get no smaller
    places = np.minimum(np.searchsorted(passed, marks - 1e-9 * passed[-1]), len(order) - 1)
    return Limit(_rounded(strange[order][places]), count)


def limits_of(
    strange: Array, truth: Ints, units: Groups, classes: int, *, each_group: bool = False
) -> tuple[tuple[Limit, ...], Ints]:
    """A limit for each class, and in how many groups each class was met (classes,)."""
    met = np.array([len(np.unique(units.codes[truth == c])) for c in range(classes)])

    def among(clips: NDArray[np.bool_]) -> Limit:
        of = Groups.of(units.codes[clips], int(clips.sum()))
        return limit_of(strange[clips], of, each_group=each_group, kept=_KEPT // 5)

    few: NDArray[np.bool_] = np.isin(truth, np.flatnonzero(met < GROUPS_OF_A_CLASS))
    together = len(np.unique(units.codes[few]))
    shared = among(few if together >= GROUPS_OF_A_CLASS else np.ones(len(truth), np.bool_))
    return tuple(among(truth == c) if met[c] >= GROUPS_OF_A_CLASS else shared for c in range(classes)), met


def _rounded(strange: Array) -> tuple[float, ...]:
    return tuple(round(float(s), 6) for s in strange)
