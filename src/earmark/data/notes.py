"""What a reader should know of a protocol on a data set before believing the figures, in words."""

from __future__ import annotations

from . import split
from .clips import Clip, Dataset, known
from .sides import REMOVED, pair
from .split import Protocol


def protocol_notes(dataset: Dataset, protocol: str) -> tuple[str, ...]:
    """What a reader should know of a protocol on these data before believing the figures."""
    found = list(dataset.notes)
    if protocol == Protocol.WINDOWS:
        found.append(
            "The protocol 'windows' puts pieces of one clip on both sides of the split. Its figures are not what you will see "
            "on new sounds; they are here to show how much they flatter."
        )
    if protocol == Protocol.CLIPS and dataset.has_groups:
        found.append(
            "Groups are known but not protected: figures under 'groups' are usually lower and nearer the truth."
        )
    if protocol == Protocol.CLIPS and not dataset.has_groups:
        found.append(
            "No groups are known, so clips of one artist, session or speaker may lie on both sides of the split: figures are of "
            "the same sessions. Read the accuracy as an upper bound, and add a column 'group' if you can."
        )
    if protocol in (Protocol.GROUPS, Protocol.PUBLISHED):
        found += group_notes(dataset)
    if protocol == Protocol.PUBLISHED:
        found += published_notes(dataset)
    return (*found, *copy_notes(dataset, protocol))


def group_notes(dataset: Dataset) -> tuple[str, ...]:
    """What to say where some clips have a group and others none."""
    alone = [c.id for c, group in zip(dataset.clips, dataset.groups, strict=True) if group is None]
    if not alone or not dataset.has_groups:
        return ()
    return (
        f"{len(alone)} of {len(dataset.clips)} clips {'has' if len(alone) == 1 else 'have'} no group, e.g. {alone[0]}: each "
        "counts as a group of its own. If that is wrong, clips of one artist, session or speaker may lie on both sides of a "
        "split and figures flatter: fill in the column 'group'.",
    )


def published_notes(dataset: Dataset) -> tuple[str, ...]:
    """What the published folds leave out, and what they cut apart."""
    found = [*_sides(dataset)]
    gone = [c.id for c, fold in zip(dataset.clips, dataset.folds, strict=True) if fold is None]
    if gone:
        found.append(
            f"{len(gone)} of {len(dataset.clips)} clips {'has' if len(gone) == 1 else 'have'} no fold, e.g. {gone[0]}: neither "
            "learnt from nor evaluated under the protocol 'published'. Fill in the column 'fold', or evaluate by other folds with "
            "--protocol groups or clips."
        )
    return (*found, *cut_notes(dataset))


def cut_notes(dataset: Dataset) -> tuple[str, ...]:
    """What to say where the published folds cut groups apart (files, where no groups are known)."""
    cut, of = split.cut_groups(dataset)
    if not cut:
        return ()
    what, other = ("groups", "groups") if dataset.has_groups else ("files", "clips")
    return (
        f"The protocol 'published' puts {len(cut)} of {of} {what} on both sides of a split, e.g. {cut[0]!r}: a model may "
        f"know the {what[:-1]} instead of the class. Its figures are not what you will see on sounds of new {what}; "
        f"--protocol {other} keeps {what} whole.",
    )


def _sides(dataset: Dataset) -> tuple[str, ...]:
    """Which side of a split is learnt, which is evaluated, and what is neither; nothing where there are folds."""
    names: dict[str, dict[str, int]] = {}
    for clip, fold in zip(dataset.clips, dataset.folds, strict=True):
        if fold is not None:
            called = names.setdefault(fold, {})
            called[str(known(clip.fold))] = called.get(str(known(clip.fold)), 0) + 1
    sides = pair(names)
    used = sides or tuple(f for f in names if f != REMOVED)
    other = [name for fold, called in sorted(names.items()) if fold not in used for name in called.items()]
    left = " and ".join(f"{count} clips of {name!r}" for name, count in other)
    if sides is None:
        return (f"{left} are neither learnt from nor evaluated under 'published'.",) if left else ()
    learnt, evaluated = (", ".join(map(repr, names[side])) for side in sides)
    told = f"Under 'published', {learnt} is learnt from and {evaluated} evaluated"
    return (f"{told}; {left} are neither." if left else f"{told}.",)


def copy_notes(dataset: Dataset, protocol: str) -> tuple[str, ...]:
    """What is known of clips that hold the same recording."""
    sets: dict[str, list[Clip]] = {}
    for clip in dataset.clips:
        if clip.recording:
            sets.setdefault(clip.recording, []).append(clip)
    if not sets:
        return ()
    clips = sum(map(len, sets.values()))
    told = f"{clips} clips hold {len(sets)} recordings between them (the same, re-encoded, cut, shifted or louder)"
    torn = [m for m in sets.values() if len({c.label for c in m}) > 1]
    if torn:
        a, b = torn[0][0], next(c for c in torn[0] if c.label != torn[0][0].label)
        told += (
            f", and {len(torn)} of these carry more than one label, of which no score can be right about all, e.g. "
            f"{a.id} ({a.label}) and {b.id} ({b.label})"
        )
    listen = "`earmark audit` lets you hear them."
    if protocol in (Protocol.CLIPS, Protocol.GROUPS):
        return (f"{told}; each recording was kept on one side of every split. {listen}",)
    cut = [m for m in sets.values() if protocol == Protocol.WINDOWS or split.cut_by_folds(dataset, m)]
    if not cut:
        return ()
    return (
        f"{told}, and the protocol '{protocol}' puts {len(cut)} of these recordings on both sides of a split, e.g. "
        f"{cut[0][0].id} and {cut[0][1].id}. {listen}",
    )
