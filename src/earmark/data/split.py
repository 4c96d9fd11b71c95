"""What may not be cut is the protocol.

=============  ====================================================================================
``windows``       nothing is protected: windows of one clip may lie on both sides (what much published work does)
``clips``      a clip stays whole
``groups``     an artist, session or speaker stays whole (the default wherever groups are known)
``published``  the folds or the split that came with the data
=============  ====================================================================================

Clips of one recording (the same samples; or re-encoded, cut, shifted, louder: ``Clip.recording``) are never cut apart,
except under ``windows`` and ``published``.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DataError, LeakError
from ..core.text import count
from ..core.union import united
from .clips import Clip, Dataset, Excluded, known_fold
from .sides import REMOVED, SIDES, pair

_MOST_FOLDS = 20  # that are tried where fewer do not do
Ints = NDArray[np.int64]
Labels = NDArray[np.str_]


class Protocol(StrEnum):
    """What is kept whole when a recipe is evaluated."""

    WINDOWS = "windows"
    CLIPS = "clips"
    GROUPS = "groups"
    PUBLISHED = "published"

    @classmethod
    def of(cls, name: str) -> Protocol:
        """A protocol by its name. Raises DataError."""
        try:
            return cls(name)
        except ValueError:
            raise DataError(f"no protocol is called {name!r}. There are: {', '.join(cls)}") from None

    @classmethod
    def wholest(cls, dataset: Dataset) -> Protocol:
        """Groups where they are known, else clips."""
        return cls.GROUPS if dataset.has_groups else cls.CLIPS

    @property
    def of_clips(self) -> Protocol:
        """The same for whole clips: windows, which cut them apart, have the splits of clips."""
        return Protocol.CLIPS if self is Protocol.WINDOWS else self


@dataclass(frozen=True)
class Split:
    """Indices of the training side and the test side; of clips, or of embeddings under the protocol ``windows``."""

    train: Ints
    test: Ints

    def check(self, units: NDArray[np.generic]) -> None:
        """Raise LeakError if a unit (clip, group) has members on both sides."""
        both = np.intersect1d(units[self.train], units[self.test])
        if len(both):
            raise LeakError(f"{len(both)} of what must stay whole lie on both sides of a split, e.g. {both[0]!r}")


def choose_protocol(dataset: Dataset) -> Protocol:
    """Published folds if the data have numbered ones that keep groups and files whole, else groups if known, else clips."""
    if dataset.has_folds and not why_not_published(dataset):
        return Protocol.PUBLISHED
    return Protocol.wholest(dataset)


def why_not_published(dataset: Dataset) -> str:
    """Why the folds that came with the data are not what is evaluated by unless asked for, in words, or ""."""
    folds = [f for f in dataset.folds if f]
    missing, kinds = len(dataset.clips) - len(folds), set(folds)
    if not all(f.isdecimal() for f in kinds):
        return f"they are not numbered (found {', '.join(map(repr, sorted(kinds)[:4]))})"
    if len(kinds) < 2:
        return f"there is the one fold {folds[0]!r} only"
    if missing >= len(folds):
        return f"{missing} of {len(dataset.clips)} clips have none"
    cut, of = cut_groups(dataset)
    # Where a class has one group only, groups cannot evaluate: the folds do, and a note says what they cut.
    if cut and spared(np.array([str(c.label) for c in dataset.clips]), _owners(dataset)):
        what = "groups" if dataset.has_groups else "files"
        return f"they put {len(cut)} of {of} {what} on both sides of a split, e.g. {cut[0]!r}"
    return ""


def cut_groups(dataset: Dataset) -> tuple[list[str], int]:
    """Groups (files, where no groups are known) that the published folds put on both sides of a split, sorted, and how
    many there are in all that are learnt or evaluated.
    """
    sides, evaluated = defaultdict(set), _judged_folds(dataset)
    for name, fold in zip(_owners(dataset).tolist(), dataset.folds, strict=True):
        if fold in evaluated:
            sides[name].add(fold)
    return sorted(name for name, found in sides.items() if len(found) > 1), len(sides)


def _owners(dataset: Dataset) -> Labels:
    """Of each clip its group, or its file if it has none."""
    return np.array([g or c.path.as_posix() for g, c in zip(dataset.groups, dataset.clips, strict=True)])


def _judged_folds(dataset: Dataset) -> set[str]:
    """Folds whose clips are learnt from or evaluated."""
    folds = {f for f in dataset.folds if f}
    return set(pair(folds) or folds - {REMOVED})


def groups_of(dataset: Dataset, protocol: str, digests: Sequence[str] = ()) -> Labels:
    """What must not be cut apart: one name per clip. Clips of equal ``digests`` or of one recording get the same
    name.

    Under ``clips`` and ``windows`` the name is the file's (parts of one file are one recording), so that intervals
    resample files. Under ``groups``, and under ``published`` where groups are known, it is the group; a clip that has
    none is, with its file, a group of its own.
    """
    protocol = Protocol.of(protocol)
    grouped = protocol == Protocol.GROUPS or (protocol == Protocol.PUBLISHED and dataset.has_groups)
    if protocol == Protocol.GROUPS and not dataset.has_groups:
        raise DataError(
            f"the protocol 'groups' needs groups; none of the {len(dataset.clips)} clips has one. Add a column 'group' "
            "(artist, recording session, speaker) to the table, or evaluate with --protocol clips and read the accuracy as an "
            "upper bound"
        )
    files = [c.path.as_posix() for c in dataset.clips]
    name = [group if grouped and group else file for group, file in zip(dataset.groups, files, strict=True)]
    first: dict[tuple[str, str], str] = {}
    same = [(unit, ("samples", digest)) for unit, digest in zip(name, digests, strict=False)]
    same += [(u, ("recording", c.recording)) for u, c in zip(name, dataset.clips, strict=True) if c.recording]
    alone = {
        file for unit, file in zip(name, files, strict=True) if unit == file
    }  # another part of it may have a group
    same += [(unit, ("file", file)) for unit, file in zip(name, files, strict=True) if file in alone]
    # Groups that share a recording are one, called by the smallest of their names.
    whole = united(sorted(set(name)), ((first.setdefault(what, unit), unit) for unit, what in same))
    return np.array([whole[n] for n in name])


def clip_splits(
    dataset: Dataset, protocol: str, *, folds: int = 5, seed: int = 0, digests: Sequence[str] = (), least: int = 1
) -> tuple[Split, ...]:
    """Splits of the clips of a labelled data set, under ``clips``, ``groups`` or ``published``.

    As many as ``folds``, or as the data allow (``stratified``). ``least``: units of each class that every training side
    should hold where the classes have more. Raises DataError if the data do not allow it (with what to do), LeakError never
    unless there is a fault here.
    """
    labels = np.array([str(c.label) for c in dataset.clips])
    check_classes(dataset)
    if protocol == Protocol.PUBLISHED:
        return published_splits(dataset)
    names = groups_of(dataset, protocol, digests)
    _check_possible(dataset, labels, names, protocol, folds)
    if _lonely_classes(labels.tolist(), names, least):
        least = 1
    splits = stratified(labels, names, folds=folds, seed=seed, least=least)
    for split in splits:
        split.check(names)
    return splits


def window_splits(labels: Labels, *, folds: int = 5, seed: int = 0) -> tuple[Split, ...]:
    """Splits of embeddings that protect nothing: windows of one clip lie on both sides. Kept to show what that does.

    No more folds than the largest class has embeddings. Raises DataError where a fold would leave fewer than two classes.
    """
    from sklearn.model_selection import StratifiedKFold

    most = max(Counter(labels.tolist()).values())
    splitter = StratifiedKFold(max(2, min(folds, most)), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer members than folds: evaluated out of fold all the same
        splits = tuple(Split(train, test) for train, test in splitter.split(labels, labels)) if most > 1 else ()
    if not splits or any(len(set(labels[s.train].tolist())) < 2 for s in splits):
        raise DataError("too few embeddings: what is learnt from is never evaluated, so two of each class are needed")
    return splits


def published_splits(dataset: Dataset) -> tuple[Split, ...]:
    """The folds of the data ("1", "2", …: each is tested once) or their one split ("train" learnt, "test" evaluated).

    Sides have many names, and one of the three may be missing (``sides``). Of a split, the other clips ("valid") are neither
    learnt nor evaluated, so that figures compare with published ones; nor are those that are "removed" or have no fold.
    Raises DataError, also where folds and sides are mixed.
    """
    if not dataset.has_folds:
        raise DataError(
            f"the protocol 'published' needs folds that came with the data; none of the {len(dataset.clips)} clips has one. "
            "Add a column 'fold' or 'split', or use --protocol groups"
        )
    fold = np.array([f or "" for f in dataset.folds])
    kinds = set(fold.tolist()) - {"", REMOVED}
    if sides := pair(kinds):
        learnt, evaluated = sides
        splits: tuple[Split, ...] = (Split(np.flatnonzero(fold == learnt), np.flatnonzero(fold == evaluated)),)
    elif len(kinds) > 1 and kinds.isdisjoint(SIDES):
        order = sorted(kinds, key=lambda f: (len(f), f))
        used = np.isin(fold, order)
        splits = tuple(Split(np.flatnonzero(used & (fold != f)), np.flatnonzero(fold == f)) for f in order)
    else:
        found = (
            f"folds {', '.join(map(repr, sorted(kinds)[:6]))}"
            if len(kinds) > 1
            else f"one fold {min(kinds, default='')!r}"
        )
        raise DataError(f"found the {found}; wanted two folds or more, or 'train' and 'test'")
    labels = np.array([str(c.label) for c in dataset.clips])
    for split in splits:
        name = ", ".join(sorted(set(fold[split.test].tolist())))
        _check_learnable(
            labels,
            split,
            f"the fold {name!r} that came with the data",
            "leave them out, spread them over folds, or evaluate by other folds with --protocol groups or clips",
        )
    return splits


def cut_by_folds(dataset: Dataset, clips: Iterable[Clip]) -> bool:
    """True if the folds that came with the data put some of ``clips`` on the training side and some on the test side."""
    if not dataset.has_folds:
        return False
    return len({known_fold(c.fold) for c in clips} & _judged_folds(dataset)) > 1


def _lonely_classes(labels: Sequence[str], names: Labels, least: int) -> list[str]:
    """Classes of at most ``least`` units, sorted: some training side would hold fewer than that."""
    owners = defaultdict(set)
    for label, name in zip(labels, names.tolist(), strict=True):
        owners[label].add(name)
    return sorted(label for label, found in owners.items() if len(found) <= least)


def spared(labels: Labels, names: Labels) -> bool:
    """True if one unit of each class can be held out and another learnt from: two of each, or more."""
    return not _lonely_classes(labels.tolist(), names, 1)


def check_classes(dataset: Dataset) -> None:
    """Raise DataError if there is one class only."""
    classes = dataset.classes
    if len(classes) > 1:
        return
    raise DataError(
        f"{dataset.name}: found the one class {next(iter(classes), 'none')!r}; wanted two or more: there is nothing to tell "
        f"apart{_gone(dataset.excluded)}"
    )


def _gone(excluded: Sequence[Excluded]) -> str:
    """What was excluded, in brackets: that may be why there is too little."""
    if not excluded:
        return ""
    were = count(len(excluded), "clip was", "clips were")
    return f" ({were} excluded, e.g. {excluded[0].path}: {excluded[0].reason})"


def _check_possible(dataset: Dataset, labels: Labels, names: Labels, protocol: str, folds: int) -> None:
    if folds < 2:
        raise DataError(f"folds is {folds}; wanted 2 or more")
    lonely = _lonely_classes(labels.tolist(), names, 1)
    if lonely:
        raise DataError(_lonely(lonely, Counter(labels.tolist()), protocol) + _gone(dataset.excluded))


def _lonely(lonely: Sequence[str], count: Mapping[str, int], protocol: str) -> str:
    """Why classes with one unit cannot be evaluated, and what to do."""
    shown = ", ".join(f"{label!r} ({count[label]})" for label in lonely[:5]) + (" …" if len(lonely) > 5 else "")
    which = f"{len(lonely)} of {len(count)} classes {'has' if len(lonely) == 1 else 'have'}"
    why = "what is learnt from is never evaluated, so two are needed"
    it, rest = ("It", "or leave the class out") if len(lonely) == 1 else ("They", "or leave these classes out")
    if protocol == Protocol.CLIPS:
        return (
            f"{which} one clip only, or copies of one: {shown} (clips in brackets). {it} cannot be learnt and evaluated at "
            f"once: {why}. Add clips of other recordings, {rest}"
        )
    if len(lonely) == len(count):
        return (
            f"every class has one group only: {shown} (clips in brackets). Whether a head knows the class or the group "
            "(artist, session, speaker) cannot be told from such data. Add clips of other groups, or evaluate with --protocol "
            "clips and read the accuracy as an upper bound"
        )
    return (
        f"{which} one group only: {shown} (clips in brackets). A group stays whole, and {why}. Add clips of other "
        f"groups, {rest}, or evaluate with --protocol clips and read the accuracy as an upper bound"
    )


def stratified(labels: Labels, names: Labels, *, folds: int, seed: int, least: int = 1) -> tuple[Split, ...]:
    """Folds of whole units with classes spread evenly (scikit-learn's StratifiedGroupKFold).

    Where classes have few units, a fold may leave a class unlearnt; other shuffles are tried, then fewer folds, then
    more, and in the end each unit is held out by itself, which can be done wherever each class has units to spare.
    The folds that were found can be asked for: they are found again.
    """
    whole, most = len(set(names.tolist())), max(Counter(labels.tolist()).values())
    limit = min(whole, most)  # scikit-learn: no class may have fewer members than there are folds
    for n in (*range(min(folds, limit), 1, -1), *range(folds + 1, min(limit, _MOST_FOLDS) + 1)):
        for attempt in range(20):
            splits = _shuffled(labels, names, n, seed + 1000 * attempt)
            if all(len(s.test) and _learnt(labels, names, s, least) for s in splits):
                return splits
    apart = [np.flatnonzero(names == name) for name in sorted(set(names.tolist()))[:_MOST_FOLDS]]
    splits = tuple(Split(np.setdiff1d(np.arange(len(names)), test), test) for test in apart)
    for split in splits:
        _check_learnable(labels, split, "a fold", "add clips of other groups, or leave them out")
    if whole > _MOST_FOLDS:
        raise DataError(
            f"no folds were found that leave a part of each class to learn from, in 2 to {_MOST_FOLDS} folds of {whole} units. "
            "Wanted: more units (groups, clips) of the smallest classes"
        )
    return splits


def _shuffled(labels: Labels, names: Labels, folds: int, seed: int) -> tuple[Split, ...]:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer members than folds: evaluated out of fold all the same
        return tuple(Split(train, test) for train, test in splitter.split(labels, labels, names))


def _learnt(labels: Labels, names: Labels, split: Split, least: int) -> bool:
    """True if the training side holds every class, and ``least`` units of it."""
    if set(labels[split.train]) != set(labels):
        return False
    return least < 2 or not _lonely_classes(labels[split.train].tolist(), names[split.train], least - 1)


def _check_learnable(labels: Labels, split: Split, evaluated: str, advice: str) -> None:
    unlearnt = sorted(set(labels[split.test].tolist()) - set(labels[split.train].tolist()))
    if not len(split.train) or not len(split.test):
        raise DataError(f"{evaluated} has an empty side; use fewer folds or more data")
    if unlearnt:
        shown = ", ".join(map(repr, unlearnt[:5])) + (" …" if len(unlearnt) > 5 else "")
        raise DataError(
            f"{evaluated} holds all clips of {len(unlearnt)} {'class' if len(unlearnt) == 1 else 'classes'} ({shown}), which "
            f"then cannot be learnt. Wanted: each class in two folds or more; {advice}"
        )
