"""The audit of a data set: what is wrong with it, and what would make its numbers too good.

======================  =============================================================================================
``files``               unreadable, truncated, silent, clipped, DC offset, dead channel, narrow band, odd formats
``duplicates``          the same recording twice: re-encoded, resampled, shifted, cut, made louder
``groups``              clips that sound like one session or artist (proposed)
``confounds``           facts beside the sound that give the label away
``silence``             how well the quietest moment of each clip tells the classes apart
``labels``              labels that look wrong
======================  =============================================================================================

    >>> found = audit("clips.csv")        # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core.errors import need_extra
from ..core.renderers import Columns, Reported, counted
from ..core.union import united
from ..data.cache import Cache
from ..data.clips import Clip, Dataset, known
from ..data.duplicates import copies_in, find
from ..data.duplicates.facts import Facts
from ..data.duplicates.find import Pair
from ..data.duplicates.measure import measure_all
from ..data.ends import past_the_end
from ..data.few import few_notes, kind_of
from ..data.load import load_dataset
from ..data.notes import group_notes
from ..data.sources import Source
from ..data.split import Protocol, cut_by_folds
from . import confounds as _confounds
from . import files
from .confounds import Confound
from .files import SERIOUS, Flag
from .labels import Suspicion
from .proposals import Proposals, propose, views_of
from .silence import Silence, silence


@dataclass(frozen=True, repr=False)
class Audit(Reported):
    """What was found; everything is in the order of ``dataset.clips``.

    ``pairs``: duplicates, across labels first. ``same``: number of the set of duplicates a clip is in, -1 for none;
    ``proposed``: the same for proposed groups. ``suspicion`` speaks of the clips ``evaluated`` (indices), None if labels
    were not looked at. ``notes``: what was left undone, and why.
    """

    dataset: Dataset
    facts: tuple[Facts, ...]
    flags: tuple[tuple[Flag, ...], ...]
    pairs: tuple[Pair, ...]
    same: NDArray[np.int64]
    proposed: NDArray[np.int64]
    confounds: tuple[Confound, ...]
    suspicion: Suspicion | None
    evaluated: NDArray[np.int64]
    backbones: tuple[str, ...]
    notes: tuple[str, ...]
    seed: int
    seconds: float
    silence: Silence | None = None

    def _line(self) -> str:
        flagged = sum(map(bool, self.flags))
        told = [
            counted(len(self.dataset.clips), "clip"),
            f"{flagged} flagged",
            f"{counted(len(self.pairs), 'pair')} of duplicates",
            counted(len(self.suspects()), "suspect label"),
            counted(sum(c.found for c in self.confounds), "confound"),
        ]
        return ", ".join(told)

    def _columns(self) -> Columns:
        """A line a clip."""
        clips = self.dataset.clips
        likelier = {clip: label for clip, label, _, _ in self.suspects()}
        return {
            "id": [c.id for c in clips],
            "label": [c.label for c in clips],
            "flags": ["; ".join(dict.fromkeys(f.kind for f in flags)) for flags in self.flags],
            "duplicate_group": [int(n) if n >= 0 else None for n in self.same],
            "proposed_group": [int(n) if n >= 0 else None for n in self.proposed],
            "proposed_label": [likelier.get(i) for i in range(len(clips))],
        }

    def conflict(self, pair: Pair) -> bool:
        """True if one recording has two labels."""
        a, b = self.dataset.clips[pair.a].label, self.dataset.clips[pair.b].label
        return a is not None and b is not None and a != b

    def cut_apart(self, pair: Pair) -> bool:
        """True if the groups as given would let the two copies fall on two sides of a split."""
        a, b = self.dataset.groups[pair.a], self.dataset.groups[pair.b]
        return a is None or b is None or a != b

    def cut_by_folds(self, pair: Pair) -> bool:
        """True if the folds that came with the data learn from one copy and are evaluated by the other."""
        return cut_by_folds(self.dataset, (self.dataset.clips[pair.a], self.dataset.clips[pair.b]))

    def suspects(self) -> list[tuple[int, str, float, float]]:
        """Clips whose label looks wrong, worst first: (clip, likelier label, its probability, its own label's)."""
        if self.suspicion is None:
            return []
        s = self.suspicion
        order = [i for i in np.argsort(s.rank, kind="stable") if s.flagged[i]]
        return [(int(self.evaluated[i]), str(s.other[i]), float(s.likely[i]), float(s.own[i])) for i in order]


def audit(
    source: Source,
    *,
    backbones: Sequence[str] | None = None,
    groups: bool = True,
    labels: bool = True,
    confounds: bool = True,
    cache: Cache | None = None,
    workers: int | None = None,
    seed: int = 0,
) -> Audit:
    """Audit a data set, or the sounds that ``source`` names (see ``load_dataset``). A bad file never ends it; same seed and data, same findings.

    ``backbones`` (recipe names) are what groups and labels are looked for with; default: those of ``proposals.BACKBONES`` whose
    weights are installed. Raises MissingExtraError without the 'train' extra, WeightsError for a backbone that was
    named and has no weights.
    """
    need_extra("earmark audit", "scipy", "sklearn", "jinja2")
    began = time.perf_counter()
    dataset = load_dataset(source)
    clips = dataset.clips
    facts = measure_all(clips, cache=cache, workers=workers)
    pairs, heard = copies_in(dataset, facts)
    same = _numbered(united(range(len(clips)), ((p.a, p.b) for p in pairs)))
    unit = _units(clips, same)
    usable = np.array(
        [not f.error and f.peak > find.SILENT and bool(c.label) for f, c in zip(facts, clips, strict=True)]
    )
    found = Proposals(np.full(len(clips), -1), None, np.zeros(0, np.int64), (), ())
    if (groups or labels) and len(dataset.classes) > 1:
        given = views_of([c for c, ok in zip(clips, usable, strict=True) if ok], backbones, cache, workers)
        found = propose(clips, facts, unit, given, groups=groups, labels=labels, seed=seed)
    told: tuple[Confound, ...] = ()
    silent: Silence | None = None
    if confounds and usable.any():
        at = np.flatnonzero(usable)
        names, label = [clips[i].path.stem for i in at], np.array([clips[i].label or "" for i in at])
        told = _confounds.confounds([facts[i] for i in at], names, label, unit[at], seed=seed)
        silent = silence([clips[i] for i in at], unit[at], cache=cache, workers=workers, seed=seed)
    result = Audit(
        dataset=dataset,
        facts=facts,
        flags=_flags(clips, facts, pairs),
        pairs=pairs,
        same=same,
        proposed=found.groups,
        confounds=told,
        suspicion=found.suspicion,
        evaluated=found.clips,
        backbones=found.backbones,
        notes=(*_notes(dataset), *_few_notes(dataset, unit, usable), *heard, *found.notes),
        seed=seed,
        seconds=time.perf_counter() - began,
        silence=silent,
    )
    ordered = sorted(
        pairs, key=lambda p: (not result.conflict(p), not result.cut_by_folds(p), not result.cut_apart(p), p.a, p.b)
    )
    return replace(result, pairs=tuple(ordered))


def _notes(dataset: Dataset) -> list[str]:
    """What the data do not allow to be looked at."""
    notes = [*dataset.notes, *past_the_end(dataset.clips)]
    notes += (f"Found and not used: {gone.path}: {gone.reason}." for gone in dataset.excluded)
    if not dataset.classes:
        notes.append("No clip has a label: confounds and labels were not looked at.")
    notes += group_notes(dataset)
    if not dataset.has_groups:
        notes.append(
            "Groups are not known: confounds and labels were evaluated as though each clip came from another session. "
            "Intervals are too narrow, and faults that a whole session shares are overlooked."
        )
    return notes


def _few_notes(dataset: Dataset, unit: NDArray[np.str_], usable: NDArray[np.bool_]) -> tuple[str, ...]:
    """What so little can show, of the clips that can be used."""
    label = np.array([c.label or "" for c in dataset.clips])
    shows = "so little can show damage and copies, but hardly what gives a label away, or which label is wrong"
    return few_notes(label[usable], unit[usable], kind_of(dataset, Protocol.wholest(dataset)), shows=shows)


def _flags(clips: Sequence[Clip], facts: Sequence[Facts], pairs: Sequence[Pair]) -> tuple[tuple[Flag, ...], ...]:
    """What is wrong with each file, and whether a copy of it has another label."""
    usual = files.usual(facts)
    flags = [list(files.flags(f, usual)) for f in facts]
    for pair in pairs:
        a, b = clips[pair.a], clips[pair.b]
        if a.label and b.label and a.label != b.label:
            flags[pair.a].append(Flag("label conflict", f"the same recording as {b.id}, which is '{b.label}'", SERIOUS))
            flags[pair.b].append(Flag("label conflict", f"the same recording as {a.id}, which is '{a.label}'", SERIOUS))
    return tuple(map(tuple, flags))


def _numbered(first: dict[int, int]) -> NDArray[np.int64]:
    """Clip -> first of its set, as numbers 0, 1, …; -1 for clips that are alone."""
    roots = np.array([first[i] for i in range(len(first))], np.int64)
    size = np.bincount(roots, minlength=len(roots))
    several = np.flatnonzero(size > 1)
    number = np.full(len(roots), -1, np.int64)
    number[several] = np.arange(len(several))
    return number[roots]


def _units(clips: Sequence[Clip], same: NDArray[np.int64]) -> NDArray[np.str_]:
    """What must not be cut apart: groups, joined where they share a recording."""
    groups = [known(c.group) for c in clips]
    names = [f"group {group}" if group else f"clip {c.id}" for group, c in zip(groups, clips, strict=True)]
    sets = [f"same {s}" for s in same if s >= 0]
    links = [(name, f"same {s}") for name, s in zip(names, same, strict=True) if s >= 0]
    root = united([*names, *sets], links)
    return np.array([root[name] for name in names])
