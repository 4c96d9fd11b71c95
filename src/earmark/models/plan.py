"""How the clips at hand are evaluated: the protocol, the splits, and what a reader should know of both.

What was not asked for is chosen by the data, and what was asked for and cannot be had is told: never in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import DataError
from ..data import split
from ..data.few import few_notes, kind_of
from ..data.notes import protocol_notes
from ..data.split import Labels, Protocol, Split
from ..recipes.recipe import Recipe
from .prepare import Data


@dataclass(frozen=True)
class Plan:
    """A protocol, its splits of the clips, the ``groups`` that stay whole (clips,), and notes for whoever reads figures."""

    protocol: Protocol
    splits: tuple[Split, ...]
    groups: Labels
    notes: tuple[str, ...]
    new_groups: bool = False  # whether no known group lies on both sides of a split, and groups are known


def planned(
    data: Data, protocol: str | None, folds: int, seed: int, *, recipes: Sequence[Recipe] = (), least: int = 1
) -> Plan:
    """The plan under ``protocol``, or under the one that suits the data (None), with as many ``folds`` as these allow.

    ``least``: groups of each class that every training side should hold (2 where that is split again). Raises DataError if
    the data cannot be evaluated so.
    """
    chosen = Protocol.of(protocol) if protocol else split.choose_protocol(data.dataset)
    splits = splits_of(data, chosen, folds, seed, least)
    groups = split.groups_of(data.dataset, chosen, data.digests)
    notes = [*data.notes, *protocol_notes(data.dataset, chosen)]
    if protocol is None and chosen != Protocol.PUBLISHED and data.dataset.has_folds:
        notes.append(
            f"The folds that came with the data were not used: {split.why_not_published(data.dataset)}. Evaluated under the "
            f"protocol '{chosen}' instead; --protocol published takes the folds as they are."
        )
    notes += [*fold_notes(data, chosen, folds, splits), *_stack_notes(data, groups, splits, recipes)]
    sides = [np.unique(np.concatenate([getattr(s, side) for s in splits])) for side in ("train", "test")]
    notes += few_notes(data.labels, groups, kind_of(data.dataset, chosen), sides)
    return Plan(chosen, splits, groups, tuple(notes), _keeps_groups(data, chosen))


def _keeps_groups(data: Data, protocol: Protocol) -> bool:
    if protocol == Protocol.PUBLISHED:
        return data.dataset.has_groups and not split.cut_groups(data.dataset)[0]
    return protocol == Protocol.GROUPS


def refuse_windows(protocol: str | None, why: str = "evaluates no clips") -> None:
    """Raise DataError for the protocol 'windows', where what is made of scores out of fold must not leak."""
    if protocol == Protocol.WINDOWS:
        raise DataError(f"the protocol 'windows' {why}; take clips, groups or published")


def splits_of(data: Data, protocol: Protocol, folds: int, seed: int, least: int = 1) -> tuple[Split, ...]:
    """Splits of the clips under a protocol (``windows``, which cuts clips apart, has those of ``clips``: as many).

    They are kept with the data: all recipes are evaluated on the same. ``least``: see ``split.clip_splits``.
    """
    whole = protocol.of_clips
    key = (whole, folds, seed, least)
    if key not in data.splits:
        data.splits[key] = split.clip_splits(
            data.dataset, whole, folds=folds, seed=seed, digests=data.digests, least=least
        )
    return data.splits[key]


def fold_notes(data: Data, protocol: Protocol, folds: int, splits: Sequence[Split]) -> tuple[str, ...]:
    """What to say where the data do not allow the folds that were asked for."""
    if protocol == Protocol.PUBLISHED or len(splits) == folds:
        return ()
    what = kind_of(data.dataset, protocol)
    owners: dict[str, set[str]] = {}
    groups = split.groups_of(data.dataset, protocol.of_clips, data.digests)
    for label, unit in zip(data.labels.tolist(), groups.tolist(), strict=True):
        owners.setdefault(label, set()).add(unit)
    sizes = [len(found) for found in owners.values()]
    between = f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
    return (f"Evaluated in {len(splits)} folds, not {folds}: the data allow no better, with {between} {what} a class.",)


def _stack_notes(data: Data, groups: Labels, splits: Sequence[Split], recipes: Sequence[Recipe]) -> list[str]:
    """What to say where a stacked recipe cannot weigh its branches."""
    stacked = [r.name for r in recipes if r.combine == "stack"]
    even = sum(not split.spared(data.labels[s.train], groups[s.train]) for s in splits) if stacked else 0
    if not even:
        return []
    return [
        f"{', '.join(stacked)}: in {even} of {len(splits)} folds a class has one clip (or group) to learn from, so how far to "
        "trust each branch cannot be learnt there: their mean was taken."
    ]
