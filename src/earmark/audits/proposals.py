"""What the sounds themselves propose: groups that nobody named, and labels that look wrong."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..audio.fingerprint import BANDS
from ..backbones.base import load_backbone
from ..backbones.weights import offline
from ..core.errors import WeightsError
from ..data.cache import Cache
from ..data.clips import Clip
from ..data.duplicates.facts import Facts
from ..embeddings.make import embed
from .groups import proposed_groups
from .labels import Suspicion, enough, suspicion

BACKBONES = ("yamnet", "musicnn")  # those that are installed; two find more wrong labels than one


@dataclass(frozen=True)
class Views:
    """Mean and deviation of the embeddings of each of ``backbones``, for the clips ``ids`` that all could use."""

    backbones: tuple[str, ...]
    views: list[tuple[NDArray[np.float32], NDArray[np.float32]]]
    ids: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Proposals:
    """What backbones tell: of every clip its proposed group (-1: none), and of ``clips`` (indices) doubts in labels."""

    groups: NDArray[np.int64]
    suspicion: Suspicion | None
    clips: NDArray[np.int64]
    backbones: tuple[str, ...]
    notes: tuple[str, ...]


def propose(
    clips: Sequence[Clip],
    facts: Sequence[Facts],
    unit: NDArray[np.str_],
    given: Views,
    *,
    groups: bool,
    labels: bool,
    seed: int,
) -> Proposals:
    """Groups that the sounds propose, and labels that they doubt."""
    notes = list(given.notes)
    place = {clip.id: i for i, clip in enumerate(clips)}
    at = np.array([place[i] for i in given.ids], np.int64)
    label = np.array([clips[i].label or "" for i in at])
    proposed = np.full(len(clips), -1)
    suspects: Suspicion | None = None
    if given.backbones and groups:
        both = [np.concatenate([mean, std], axis=1) for mean, std in given.views]
        proposed[at] = proposed_groups([*both, spectra([facts[i] for i in at])], label, seed=seed)
    if given.backbones and labels and not enough(label, unit[at]):
        notes.append("Labels were not looked at: too few clips. Wanted: a class of three clips, and two groups.")
    elif given.backbones and labels:
        suspects = suspicion([mean for mean, _ in given.views], label, unit[at], seed=seed)
    return Proposals(proposed, suspects, at, given.backbones, tuple(notes))


def views_of(clips: Sequence[Clip], names: Sequence[str] | None, cache: Cache | None, workers: int | None) -> Views:
    """Clips by those of ``names`` whose weights are there. Raises WeightsError for a backbone that was named and has none."""

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
        return Views((), [], (), (*notes, "Groups and labels were not looked at: they need a backbone."))
    common = set(embeddings[0].ids).intersection(*(r.ids for r in embeddings[1:]))
    ids = tuple(i for i in embeddings[0].ids if i in common)
    if not ids:
        return Views((), [], (), (*notes, "Groups and labels were not looked at: no clip could be read."))
    embeddings = [r.select(ids) for r in embeddings]
    flat = [r if r.X.ndim == 2 else replace(r, X=r.X.reshape(len(r.X), -1)) for r in embeddings]
    return Views(tuple(heard), [(r.vectors("mean"), r.vectors("std")) for r in flat], ids, tuple(notes))


def spectra(facts: Sequence[Facts]) -> NDArray[np.float32]:
    """Mean and deviation of each band of the coarse spectrogram, each on one scale; the mean level taken away."""
    embeddings = []
    for f in facts:
        bands = f.fingerprint.bands.astype(np.float32) if f.fingerprint is not None else np.zeros((0, 1), np.float32)
        mean = bands.mean(axis=0) if len(bands) else np.zeros(BANDS, np.float32)
        spread = bands.std(axis=0) if len(bands) else np.zeros(BANDS, np.float32)
        embeddings.append(np.concatenate([mean - mean.mean(), spread]))
    table = np.stack(embeddings)
    return np.asarray((table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6), np.float32)
