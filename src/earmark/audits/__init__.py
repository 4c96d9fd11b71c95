"""The audit of a data set: what is wrong with it, and what would make its numbers too good.

======================  =============================================================================================
``files``               unreadable, truncated, silent, clipped, DC offset, dead channel, narrow band, odd formats
``duplicates``          the same recording twice: re-encoded, resampled, shifted, cut, made louder
``groups``              clips that sound like one session or artist (proposed)
``confounds``           facts beside the sound that give the label away
``labels``              labels that look wrong
======================  =============================================================================================

    >>> found = audit(load_dataset("clips.csv"))        # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..audio.fingerprint import BANDS
from ..backbones.base import load_backbone
from ..backbones.weights import offline
from ..core.errors import WeightsError, need_extra
from ..core.union import united
from ..data.cache import Cache
from ..data.clips import Clip, Dataset, known
from ..data.duplicates import find
from ..data.duplicates.facts import Facts
from ..data.duplicates.find import Pair
from ..data.duplicates.measure import measure_all
from ..data.notes import group_notes
from ..data.split import cut_by_folds
from ..embeddings.make import embed
from . import confounds as _confounds
from . import files
from .confounds import Confound
from .files import SERIOUS, Flag
from .groups import proposed_groups
from .labels import Suspicion, enough, suspicion

BACKBONES = ("yamnet", "musicnn")  # those that are installed; two find more wrong labels than one


@dataclass(frozen=True)
class Audit:
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
    dataset: Dataset,
    *,
    backbones: Sequence[str] | None = None,
    groups: bool = True,
    labels: bool = True,
    confounds: bool = True,
    cache: Cache | None = None,
    workers: int | None = None,
    seed: int = 0,
) -> Audit:
    """Audit a data set. A bad file never ends it; same seed and data, same findings.

    ``backbones`` (recipe names) are what groups and labels are heard with; default: those of ``BACKBONES`` whose
    weights are installed. Raises MissingExtraError without the 'train' extra, WeightsError for a backbone that was
    named and has no weights.
    """
    need_extra("earmark audit", "scipy", "sklearn", "jinja2")
    began = time.perf_counter()
    clips = dataset.clips
    facts = measure_all(clips, cache=cache, workers=workers)
    set_ = files.usual(facts)
    flags = [list(files.flags(f, set_)) for f in facts]
    found = find.pairs(facts)
    same = _numbered(united(range(len(clips)), ((p.a, p.b) for p in found)))
    unit = _units(clips, same)
    label = np.array([clip.label or "" for clip in clips])
    notes = list(dataset.notes)
    if not dataset.classes:
        notes.append("No clip has a label: confounds and labels were not looked at.")
    notes += group_notes(dataset)
    if not dataset.has_groups:
        notes.append(
            "Groups are not known: confounds and labels were evaluated as though each clip came from another session. "
            "Intervals are too narrow, and faults that a whole session shares are overlooked."
        )
    proposed, evaluated = np.full(len(clips), -1), np.zeros(0, np.int64)
    suspects: Suspicion | None = None
    heard: tuple[str, ...] = ()
    usable = np.array(
        [not f.error and f.peak > find.SILENT and bool(c.label) for f, c in zip(facts, clips, strict=True)]
    )
    if (groups or labels) and len(dataset.classes) > 1:
        heard, views, ids, more = _heard(
            [c for c, ok in zip(clips, usable, strict=True) if ok], backbones, cache, workers
        )
        notes += more
        place = {clip.id: i for i, clip in enumerate(clips)}
        evaluated = np.array([place[i] for i in ids], np.int64)
        if heard and groups:
            spectra = _spectra([facts[i] for i in evaluated])
            both = [np.concatenate([mean, std], axis=1) for mean, std in views]
            proposed[evaluated] = proposed_groups([*both, spectra], label[evaluated], seed=seed)
        if heard and labels and not enough(label[evaluated], unit[evaluated]):
            notes.append("Labels were not looked at: too few clips. Wanted: a class of three clips, and two groups.")
        elif heard and labels:
            suspects = suspicion([mean for mean, _ in views], label[evaluated], unit[evaluated], seed=seed)
    told: tuple[Confound, ...] = ()
    if confounds and usable.any():
        at = np.flatnonzero(usable)
        names = [clips[i].path.stem for i in at]
        told = _confounds.confounds([facts[i] for i in at], names, label[at], unit[at], seed=seed)
    for pair in found:
        a, b = clips[pair.a], clips[pair.b]
        if a.label and b.label and a.label != b.label:
            flags[pair.a].append(Flag("label conflict", f"the same recording as {b.id}, which is '{b.label}'", SERIOUS))
            flags[pair.b].append(Flag("label conflict", f"the same recording as {a.id}, which is '{a.label}'", SERIOUS))
    result = Audit(
        dataset, facts, tuple(map(tuple, flags)), found, same, proposed, told, suspects, evaluated, heard,
        tuple(notes), seed, time.perf_counter() - began,
    )  # fmt: skip
    ordered = sorted(
        found, key=lambda p: (not result.conflict(p), not result.cut_by_folds(p), not result.cut_apart(p), p.a, p.b)
    )
    return replace(result, pairs=tuple(ordered))


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


def _heard(
    clips: Sequence[Clip], names: Sequence[str] | None, cache: Cache | None, workers: int | None
) -> tuple[tuple[str, ...], list[tuple[NDArray[np.float32], NDArray[np.float32]]], tuple[str, ...], list[str]]:
    """(backbones, mean and deviation of the embeddings for each, ids of the clips that all could hear, notes)."""

    heard, embeddings, notes = [], [], []
    for name in names if names is not None else BACKBONES:
        try:
            with nullcontext() if names is not None else offline():  # what nobody asked for is not fetched
                backbone = load_backbone(name)
        except WeightsError as error:
            if names is not None:
                raise
            notes.append(f"{name} was not used: {error}")
            continue
        embeddings.append(embed(clips, backbone, cache=cache, workers=workers))
        heard.append(name)
    if not heard:
        return (), [], (), [*notes, "Groups and labels were not looked at: they need a backbone."]
    common = set(embeddings[0].ids).intersection(*(r.ids for r in embeddings[1:]))
    ids = tuple(i for i in embeddings[0].ids if i in common)
    if not ids:
        return (), [], (), [*notes, "Groups and labels were not looked at: no clip could be heard."]
    embeddings = [r.select(ids) for r in embeddings]
    flat = [r if r.X.ndim == 2 else replace(r, X=r.X.reshape(len(r.X), -1)) for r in embeddings]
    return tuple(heard), [(r.vectors("mean"), r.vectors("std")) for r in flat], ids, notes


def _spectra(facts: Sequence[Facts]) -> NDArray[np.float32]:
    """Mean and deviation of each band of the coarse spectrogram, each on one scale; the mean level taken away."""
    embeddings = []
    for f in facts:
        bands = f.fingerprint.bands.astype(np.float32) if f.fingerprint is not None else np.zeros((0, 1), np.float32)
        mean = bands.mean(axis=0) if len(bands) else np.zeros(BANDS, np.float32)
        spread = bands.std(axis=0) if len(bands) else np.zeros(BANDS, np.float32)
        embeddings.append(np.concatenate([mean - mean.mean(), spread]))
    table = np.stack(embeddings)
    return np.asarray((table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6), np.float32)
