"""Embeddings that are there already, with what is known of their clips: what the door gives for files and stores of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import About, Backbone, Floats, load_backbone
from ..core import legacy
from ..core.errors import DataError, EarmarkError
from ..core.renderers import Columns, Shown, counted, shortened
from ..core.spec import Part
from ..data import times
from ..data.clips import Dataset, known
from ..data.joins import join
from ..data.labels import tidy
from ..data.layouts import table as tables
from .make import Embeddings
from .pooling import Pooling

_NAMES = {
    "id": ("id", "ids", "clip", "clips"),
    "label": ("label", "labels", "y"),
    "group": ("group", "groups"),
    "fold": ("fold", "folds", "split"),
    "start": ("start", "starts"),
    "end": ("end", "ends"),
    "path": ("path", "paths"),
    "recording": ("recording", "recordings"),
}


@dataclass(frozen=True, repr=False)
class Embedded(Shown):
    """Clips with embeddings that came from a file or a store: ``dataset`` says what is known of the clips.

    ``X`` (windows, *shape) float32, ``y`` and ``groups`` (windows,), ``ids`` (clips,). Several arrays of a file are told
    apart by name: ``embeddings`` by the name that recipes use, and ``X`` is the first. ``facts`` is what the file says of
    how they were made (``backbone``, ``fingerprint``, ``pool``); ``notes`` is what a reader of figures should know.
    """

    dataset: Dataset
    embeddings: Mapping[str, Embeddings]
    backbones: Mapping[str, Backbone]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """The embeddings know what the clips are, also when that is said later (``told``)."""
        labels, groups = tuple(c.label for c in self.dataset.clips), self.dataset.groups
        every = {id(e): e for e in self.embeddings.values()}  # one may have two names
        told = {key: replace(e, labels=labels, group_names=groups) for key, e in every.items()}
        object.__setattr__(self, "embeddings", {name: told[id(e)] for name, e in self.embeddings.items()})

    @property
    def made(self) -> Embeddings:
        """The embeddings (the first array of several) with labels and groups."""
        return next(iter(self.embeddings.values()))

    @property
    def X(self) -> Floats:  # noqa: N802 - as scikit-learn calls it
        """Embeddings (windows, *shape)."""
        return self.made.X

    @property
    def y(self) -> NDArray[np.str_]:
        """The label of each window (windows,). Raises DataError if one is not known."""
        return self.made.y

    @property
    def groups(self) -> NDArray[np.str_] | None:
        """The group of each window (windows,), or None if no groups are known."""
        return self.made.groups

    @property
    def ids(self) -> tuple[str, ...]:
        """The name of each clip (clips,)."""
        return self.made.ids

    @property
    def labels(self) -> NDArray[np.object_]:
        """The label of each clip (clips,), or None."""
        return self.dataset.labels

    def __len__(self) -> int:
        """How many clips there are."""
        return len(self.dataset)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: Any) -> Embedded:
        """A part of the clips: by number, numbers, slice or mask (clips,), in that order. Raises IndexError."""
        embeddings = {name: one[index] for name, one in self.embeddings.items()}
        return replace(self, dataset=self.dataset[index], embeddings=embeddings)

    def _line(self) -> str:
        made = self.made
        what = f"{counted(len(made.X), 'window')} of {counted(len(self), 'clip')}"
        return f"{shortened(self.dataset.name)!r}, {what}, {'x'.join(map(str, made.X.shape[1:]))} numbers each"

    def _columns(self) -> Columns:
        return self.made._columns()

    def to_frame(self) -> Any:
        """A pandas DataFrame, a line a window. Raises MissingExtraError if pandas is not installed."""
        return self.made.to_frame()

    def told(self, table: Path, columns: Mapping[str, str] | None = None) -> Embedded:
        """Labels, groups and folds from a table of clips (csv, tsv, parquet), found by ``id`` (or ``clip``, ``path``) as
        ``joins.join`` says: by the whole path, else by its longest end that is unique.

        ``columns`` says how the table calls them, e.g. ``{"group": "artist"}``. A clip whose group is empty there is a
        group of its own, which is noted. Raises DataError for a column or a clip that the table does not have, or that may
        be several.
        """
        lines, notes = _table(table, columns or {})
        clips, alone = [], 0
        for clip, line in zip(self.dataset.clips, join([c.id for c in self.dataset.clips], lines, table), strict=True):
            group = ((known(line["group"]) and line["group"]) or f"only {clip.id}") if "group" in line else clip.group
            alone += "group" in line and known(line["group"]) is None
            label, fold = line.get("label") or clip.label, line.get("fold") or clip.fold
            clips.append(replace(clip, label=label, group=group, fold=fold))
        note = f"{alone} of {len(clips)} clips have no group in {table.name}: each counts as a group of its own."
        notes = (*self.dataset.notes, *notes, *([note] if alone else []))
        return replace(self, dataset=replace(self.dataset, clips=tuple(clips), notes=notes))


def made_by(facts: Mapping[str, Any], where: str) -> tuple[Part, Pooling, Backbone]:
    """What made embeddings, by what their file or store says: the part, the pooling, and the backbone built.

    Raises DataError if that is not said, or if the backbone here is another; WeightsError.
    """
    if not {"backbone", "fingerprint"} <= facts.keys():
        raise DataError(
            f"{where}: does not say which backbone made its embeddings, and a model hears with it. Wanted: what `earmark embed` "
            "writes; compare and study evaluate such embeddings without a backbone"
        )
    told: Mapping[str, Any] = facts.get("params", {})  # all of them: a recipe names only those that are not usual
    parts = dict.fromkeys(Part.of(facts["backbone"], params) for params in ({}, told))
    for part in parts:
        built = load_backbone(part)
        if built.fingerprint == facts["fingerprint"]:
            break
    else:
        raise DataError(
            f"{where}: its embeddings were made by another {part} than the one installed here (fingerprints "
            f"{facts['fingerprint'][:12]} and {built.fingerprint[:12]}). Wanted: the same weights and version"
        )
    return part, Pooling(facts.get("pool", "windows")), built


def file_backbone(key: str, X: Floats, window: float, facts: Mapping[str, Any]) -> Backbone:
    """What can be said of the net that made the embeddings. It cannot hear: the file holds embeddings, not the net."""

    def deaf(samples: Floats) -> Floats:  # noqa: ARG001
        raise EarmarkError("these embeddings came from a file: there is no backbone that could hear a new sound")

    made_by = str(facts.get("backbone", "embeddings"))
    about = About(f"embeddings from a file ({made_by})", "unknown: embeddings from a file", "unknown", "")
    apart = {
        "format",
        "task",
        "classes",
        *([] if "holds" in facts else ["params"]),
    }  # a store always told its parameters
    made_as = {name: value for name, value in facts.items() if name not in apart}
    rate = 1000  # the file knows seconds at most
    samples = round(window * rate) if np.isfinite(window) and window > 0 else 1
    return Backbone(
        name=made_by if made_by != "embeddings" else key,
        sample_rate=rate,
        window_samples=samples,
        hop_samples=samples,
        shape=X.shape[1:],
        front=deaf,
        facts=legacy.file_identity(made_as, key),
        about=about,
    )


def _table(path: Path, columns: Mapping[str, str]) -> tuple[list[tuple[str, dict[str, str]]], tuple[str, ...]]:
    """Names of clips in a table (csv, tsv, parquet) with what it says of each, and notes."""
    head: list[str] = []
    lines = list(tables.read(path, head.extend))
    missing = [c for c in columns.values() if c not in head]
    wrong = sorted(set(columns) - {"id", "label", "group", "fold"})
    if missing or wrong:
        raise DataError(
            f"{path}: no column {', '.join(missing or wrong)}. It has: {', '.join(head)}; wanted id, label, group, fold"
        )
    used = {
        k: columns.get(k) or next((c for c in head if c.lower() in _NAMES[k]), None) for k in ("label", "group", "fold")
    }
    key = columns.get("id") or next((c for c in head if c.lower() in (*_NAMES["id"], *_NAMES["path"])), None)
    if key is None:
        raise DataError(f"{path}: found the columns {', '.join(head)}; wanted one called id, clip or path")
    facts = [{k: tidy(line.get(c)) for k, c in used.items() if c} for _, line in lines]
    notes = tables.predicted(path, head, any(fact.get("label") for fact in facts))
    if key.lower() not in _NAMES["path"]:  # it says which part of the file it is; a path does not
        return list(zip([line.get(key, "") for _, line in lines], facts, strict=True)), notes
    seconds = times.times_of(head, lines, path)
    parts = [(line.get(key, ""), seconds.part(line, f"{path}, line {number}")) for number, line in lines]
    return list(zip(times.names(parts), facts, strict=True)), (*seconds.notes, *notes)
