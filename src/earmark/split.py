"""What may not be cut is the protocol.

=============  ====================================================================================
``rows``       nothing is protected: windows of one clip may lie on both sides (what much published work does)
``clips``      a clip stays whole
``groups``     an artist, session or speaker stays whole (the default wherever groups are known)
``published``  the folds or the split that came with the data
=============  ====================================================================================

Clips of one recording (the same samples; or re-encoded, cut, shifted, louder: ``Clip.recording``) are never cut apart,
except under ``rows`` and ``published``.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .data import Clip, Dataset, Excluded
from .errors import DataError, LeakError

PROTOCOLS = ("rows", "clips", "groups", "published")
Ints = NDArray[np.int64]
Labels = NDArray[np.str_]


@dataclass(frozen=True)
class Split:
    """Indices of the training side and the test side; of clips, or of rows under the protocol ``rows``."""

    train: Ints
    test: Ints

    def check(self, units: NDArray[np.generic]) -> None:
        """Raise LeakError if a unit (clip, group) has members on both sides."""
        both = np.intersect1d(units[self.train], units[self.test])
        if len(both):
            raise LeakError(f"{len(both)} of what must stay whole lie on both sides of a split, e.g. {both[0]!r}")


def choose_protocol(dataset: Dataset) -> str:
    """Published folds if the data have numbered ones, else groups if known, else clips."""
    if dataset.has_folds and all(str(c.fold).isdigit() for c in dataset.clips):
        return "published"
    return "groups" if dataset.has_groups else "clips"


def units(dataset: Dataset, protocol: str, digests: Sequence[str] = ()) -> Labels:
    """What must not be cut apart: one name per clip. Clips of equal ``digests`` or of one recording get the same
    name.

    Under ``clips`` and ``rows`` the name is the file's (parts of one file are one recording), so that intervals
    resample files. Under ``published`` it is the group where groups are known.
    """
    grouped = protocol == "groups" or (protocol == "published" and dataset.has_groups)
    if protocol == "groups" and not dataset.has_groups:
        missing = [c.id for c in dataset.clips if not c.group]
        raise DataError(
            f"the protocol 'groups' needs a group for every clip; {len(missing)} of {len(dataset.clips)} have none, e.g. "
            f"{missing[0]!r}. Add a column 'group' (artist, recording session, speaker) to the table, or judge with "
            "--protocol clips and read the accuracy as an upper bound"
        )
    name = [str(c.group) if grouped and c.group else c.path.as_posix() for c in dataset.clips]
    # Union of groups that share a recording: follow each name to the smallest it is joined with.
    joined: dict[str, str] = {}

    def root(x: str) -> str:
        while x in joined:
            x = joined[x]
        return x

    first: dict[tuple[str, str], str] = {}
    same = [(unit, ("samples", digest)) for unit, digest in zip(name, digests, strict=False)]
    same += [(u, ("recording", c.recording)) for u, c in zip(name, dataset.clips, strict=True) if c.recording]
    for unit, what in same:
        a, b = root(first.setdefault(what, unit)), root(unit)
        if a != b:
            joined[max(a, b)] = min(a, b)
    return np.array([root(n) for n in name])


def clip_splits(
    dataset: Dataset, protocol: str, *, folds: int = 5, seed: int = 0, digests: Sequence[str] = ()
) -> tuple[Split, ...]:
    """Splits of the clips of a labelled data set, under ``clips``, ``groups`` or ``published``.

    Raises DataError if the data do not allow it (with what to do), LeakError never unless there is a fault here.
    """
    labels = np.array([str(c.label) for c in dataset.clips])
    if protocol == "published":
        return published_splits(dataset)
    names = units(dataset, protocol, digests)
    _check_possible(dataset, labels, names, protocol, folds)
    splits = stratified(labels, names, folds=folds, seed=seed)
    for split in splits:
        split.check(names)
    return splits


def row_splits(labels: Labels, *, folds: int = 5, seed: int = 0) -> tuple[Split, ...]:
    """Splits of rows that protect nothing: windows of one clip lie on both sides. Kept to show what that does."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return tuple(Split(train, test) for train, test in splitter.split(labels, labels))


def published_splits(dataset: Dataset) -> tuple[Split, ...]:
    """The folds of the data ("1", "2", …: each is tested once) or their one split ("train" learnt, "test" judged).

    Of a split, "valid" and "removed" clips are neither learnt nor judged, so that figures compare with published ones.
    """
    if not dataset.has_folds:
        missing = sum(not c.fold for c in dataset.clips)
        raise DataError(
            f"the protocol 'published' needs folds that came with the data; {missing} of {len(dataset.clips)} clips have "
            "none. Add a column 'fold' or 'split', or use --protocol groups"
        )
    fold = np.array([str(c.fold) for c in dataset.clips])
    kinds = set(fold.tolist())
    if {"train", "test"} <= kinds:
        splits: tuple[Split, ...] = (Split(np.flatnonzero(fold == "train"), np.flatnonzero(fold == "test")),)
    elif len(kinds) > 1:
        order = sorted(kinds, key=lambda f: (len(f), f))
        splits = tuple(Split(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in order)
    else:
        raise DataError(f"found the one fold {kinds.pop()!r}; wanted two folds or more, or 'train' and 'test'")
    labels = np.array([str(c.label) for c in dataset.clips])
    if len(set(labels.tolist())) < 2:
        _check_possible(dataset, labels, labels, "published", 2)
    for split in splits:
        judged = ", ".join(sorted(set(fold[split.test].tolist())))
        _check_learnable(
            labels,
            split,
            f"the fold {judged!r} that came with the data",
            "leave them out, spread them over folds, or judge by other folds with --protocol groups or clips",
        )
    return splits


def cut_by_folds(dataset: Dataset, clips: Iterable[Clip]) -> bool:
    """True if the folds that came with the data put some of ``clips`` on the training side and some on the test side."""
    if not dataset.has_folds:
        return False
    folds = {c.fold for c in dataset.clips}
    judged = {"train", "test"} if {"train", "test"} <= folds else folds
    return len({c.fold for c in clips} & judged) > 1


def _check_possible(dataset: Dataset, labels: Labels, names: Labels, protocol: str, folds: int) -> None:
    count = Counter(labels.tolist())
    if len(count) < 2:
        gone = len(dataset.excluded)
        why = f" ({gone} clips were left out, e.g. {_told(dataset.excluded[0])})" if gone else ""
        raise DataError(
            f"{dataset.name}: found the one class {next(iter(count), 'none')!r}; wanted two or more: there is nothing to "
            f"tell apart{why}"
        )
    if folds < 2:
        raise DataError(f"folds is {folds}; wanted 2 or more")
    owners = defaultdict(set)
    for label, name in zip(labels, names, strict=True):
        owners[str(label)].add(str(name))
    lonely = sorted(label for label, found in owners.items() if len(found) < 2)
    if lonely:
        raise DataError(_lonely(lonely, count, protocol))
    whole = len(set(names.tolist()))
    if whole < folds:
        raise DataError(f"{folds} folds need {folds} {protocol} or more; found {whole}. Use --folds {whole}")


def _lonely(lonely: Sequence[str], count: Mapping[str, int], protocol: str) -> str:
    """Why classes with one unit cannot be judged, and what to do."""
    shown = ", ".join(f"{label!r} ({count[label]})" for label in lonely[:5]) + (" …" if len(lonely) > 5 else "")
    which = f"{len(lonely)} of {len(count)} classes {'has' if len(lonely) == 1 else 'have'}"
    why = "what is learnt from is never judged, so two are needed"
    rest = "or leave the class out" if len(lonely) == 1 else "or leave these classes out"
    if protocol == "clips":
        return (
            f"{which} one clip only, or copies of one: {shown} (clips in brackets). It cannot be learnt and judged at "
            f"once: {why}. Add clips of other recordings, {rest}"
        )
    if len(lonely) == len(count):
        return (
            f"every class has one group only: {shown} (clips in brackets). Whether a head knows the class or the group "
            "(artist, session, speaker) cannot be told from such data. Add clips of other groups, or judge with --protocol "
            "clips and read the accuracy as an upper bound"
        )
    return (
        f"{which} one group only: {shown} (clips in brackets). A group stays whole, and {why}. Add clips of other "
        f"groups, {rest}, or judge with --protocol clips and read the accuracy as an upper bound"
    )


def _told(gone: Excluded) -> str:
    return f"{gone.path}: {gone.reason}"


def stratified(labels: Labels, names: Labels, *, folds: int, seed: int) -> tuple[Split, ...]:
    """Folds of whole units with classes spread evenly (scikit-learn's StratifiedGroupKFold).

    Where classes have few units, a fold may leave a class unlearnt; other shuffles are tried before giving up.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    for attempt in range(20):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed + 1000 * attempt)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fewer members than folds: judged out of fold all the same
            splits = tuple(Split(train, test) for train, test in splitter.split(labels, labels, names))
        if all(set(labels[s.train]) == set(labels) and len(s.test) for s in splits):
            return splits
    for split in splits:
        _check_learnable(labels, split, "a fold", "use fewer folds, add clips of other groups, or leave them out")
    return splits


def _check_learnable(labels: Labels, split: Split, judged: str, advice: str) -> None:
    unlearnt = sorted(set(labels[split.test].tolist()) - set(labels[split.train].tolist()))
    if not len(split.train) or not len(split.test):
        raise DataError(f"{judged} has an empty side; use fewer folds or more data")
    if unlearnt:
        shown = ", ".join(map(repr, unlearnt[:5])) + (" …" if len(unlearnt) > 5 else "")
        raise DataError(
            f"{judged} holds all clips of {len(unlearnt)} {'class' if len(unlearnt) == 1 else 'classes'} ({shown}), which "
            f"then cannot be learnt. Wanted: each class in two folds or more; {advice}"
        )
