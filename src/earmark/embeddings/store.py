"""Embeddings of a corpus, read from a store: all of them, or as many whole clips as fit into memory.

Heads learn from embeddings at hand. Where a folder holds more than the limit, clips are drawn: whole, by label in their
shares, the same ones for the same seed. That is told wherever figures are shown. To see every clip, let ``embed`` write
one vector a clip (``--pool mean``): that is 1/62 of the memory for YAMNet and 30 s.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import Backbone, Floats
from ..core import legacy
from ..core.errors import DataError
from ..core.spec import Part
from ..core.storage import Place, place
from ..data.annotation_files import from_lines
from ..data.annotations import Annotated, Annotation, Span, annotated_by
from ..data.clips import Clip, Dataset, Excluded
from ..data.targets import Targets, task
from .embedded import Embedded, file_backbone, made_by
from .make import Embeddings
from .pooling import Pooling
from .tables import (
    ERRORS,
    Recordings,
    embedding_width,
    facts,
    numbered,
    read_columns,
    read_targets,
    shards_of,
)

_One = TypeVar("_One", Annotation, Span)
MEMORY = 4 * 2**30  # bytes of embeddings that are held; heads that copy them need as much again


@dataclass(frozen=True)
class Folder:
    """What lies in a store of embeddings, without the embeddings."""

    where: Place
    facts: dict[str, Any]
    clips: tuple[Clip, ...]
    counts: NDArray[np.int64]  # (clips,) embeddings of each
    shard: NDArray[np.int64]  # (clips,) index into shards
    shards: tuple[Place, ...]
    excluded: tuple[Excluded, ...]
    recordings: tuple[str, ...] = ()  # of each clip
    annotations: tuple[Annotation, ...] = ()
    annotated: Annotated = None

    @property
    def bytes(self) -> int:
        """Of all embeddings in memory."""
        return 4 * embedding_width(self.facts) * int(self.counts.sum())

    def told(self, table: Path) -> Folder:
        """With labels, groups and folds from a table of clips. Raises DataError; see ``Embedded.told``."""
        return replace(self, clips=Embedded(Dataset(self.where.name, self.clips), {}, {}).told(table).dataset.clips)

    def backbone(self) -> tuple[Part, Pooling, Backbone]:
        """What made the embeddings (``made_by``). Raises DataError, WeightsError."""
        return made_by(self.facts, str(self.where))

    def draw(self, memory: int, seed: int) -> NDArray[np.int64]:
        """Indices of the clips whose embeddings fit into ``memory`` bytes, ascending: all, or of each label its share."""
        share = memory / self.bytes
        if share >= 1:
            return np.arange(len(self.clips))
        labels = np.array([c.label or "" for c in self.clips])
        random = np.random.default_rng(seed)
        drawn = []
        for label in sorted(set(labels.tolist())):
            own = random.permutation(np.flatnonzero(labels == label))
            held = np.cumsum(self.counts[own])
            drawn.append(own[: max(1, int(np.searchsorted(held, share * held[-1], side="right")))])
        return np.sort(np.concatenate(drawn))

    def read(self, *, memory: int = MEMORY, seed: int = 0) -> tuple[Embedded, str]:
        """Embeddings of the clips that were drawn, and a sentence that says so, or "" if it was all of them."""
        drawn = self.draw(memory, seed)
        counts = self.counts[drawn]
        width, cuts = embedding_width(self.facts), np.concatenate([[0], np.cumsum(counts)])
        X, start, end = np.empty((int(cuts[-1]), width), np.float32), np.empty(int(cuts[-1])), np.empty(int(cuts[-1]))
        said = np.empty((len(X), len(self.facts.get("classes", ()))), np.float32)
        vector = legacy.COLUMN if self.facts["format"] == 1 else "embedding"
        for number in np.unique(self.shard[drawn]):
            own = np.flatnonzero(self.shard[drawn] == number)
            table = read_columns(self.shards[number], ["id", "start", "end", vector])
            names, index = numbered(table.column("id"))
            at = {name: k for k, name in enumerate(names)}
            order = np.argsort(index, kind="stable")
            begins = np.searchsorted(index[order], np.arange(len(names) + 1))
            values = np.asarray(table.column(vector).combine_chunks().flatten()).reshape(len(table), -1)
            starts, ends = np.asarray(table.column("start")), np.asarray(table.column("end"))
            targets = read_targets(self.where, self.shards[number], self.facts, table) if said.shape[1] else None
            for i in own:
                k = at[self.clips[drawn[i]].id]
                lines, place_of = order[begins[k] : begins[k + 1]], slice(cuts[i], cuts[i + 1])
                X[place_of], start[place_of], end[place_of] = values[lines], starts[lines], ends[lines]
                if targets is not None:
                    said[place_of] = targets.values[lines]
        if not np.isfinite(X).all():
            raise DataError(f"{self.where}: holds embeddings that are not finite")
        ready = self._ready(drawn, X, (start, end), said)
        if len(drawn) == len(self.clips):
            return ready, ""
        return ready, (
            f"{len(drawn)} of the {len(self.clips)} clips of {self.where} were drawn, whole clips, of each label its share, "
            f"with the seed {seed}: their {cuts[-1]} of {self.counts.sum()} embeddings fit into the {memory / 2**30:.3g} GiB that "
            f"were allowed, all need {self.bytes / 2**30:.3g} GiB. The figures are those of the clips that were drawn"
        )

    def _ready(
        self, drawn: NDArray[np.int64], X: Floats, times: tuple[NDArray[np.float64], NDArray[np.float64]], said: Floats
    ) -> Embedded:
        clips, counts = tuple(self.clips[i] for i in drawn), self.counts[drawn]
        pooled = Pooling(self.facts["pool"]).by_vector
        X = X.reshape(len(X), *([-1] if pooled else self.facts["shape"]))
        cuts = np.concatenate([[0], np.cumsum(counts)])
        window = float(times[1][-1] - times[0][-1]) if len(X) else float("nan")
        known = {k: v for k, v in self.facts.items() if not (pooled and k == "shape")}
        backbone = file_backbone("embeddings", X, window, known)
        kind = task(self.facts["task"])
        made = Embeddings(
            X=X,
            clip=np.repeat(np.arange(len(clips)), counts),
            ids=tuple(c.id for c in clips),
            start=times[0],
            end=times[1],
            recordings=tuple(self.recordings[i] for i in drawn),
            digest=tuple(hashlib.sha256(X[a:b].tobytes()).hexdigest() for a, b in pairwise(cuts)),
            fingerprint=backbone.fingerprint,
            excluded={},
            targets=Targets(tuple(self.facts["classes"]), said, kind) if said.shape[1] else None,
        )
        name = self.where.name.rstrip("/").rpartition("/")[2] or "embeddings"
        dataset = Dataset(
            name, clips, excluded=self.excluded, task=kind, annotations=self.annotations, annotated=self.annotated
        )
        both = (self.facts["backbone"], "embeddings")
        return Embedded(dataset, dict.fromkeys(both, made), dict.fromkeys(both, backbone), self.facts)


def open_store(source: str | Path, table: str | Path | None = None) -> Folder:
    """Look through a store of embeddings: who is in it, not the embeddings; ``table`` gives other labels, groups and folds.

    Raises DataError if it is none, or a clip is in it twice.
    """
    where = place(source)
    found = facts(where)
    if found["holds"] != "embeddings":
        raise DataError(
            f"{where}: holds {found['holds']}; wanted embeddings, as `earmark embed … --out FOLDER/` writes"
        )
    shards = tuple(shards_of(where, found))
    recordings = Recordings(where, found)
    there = [(clip, name, n, number) for number, file in enumerate(shards) for clip, name, n in recordings.of(file)]
    if not there:
        raise DataError(f"{where}: there are no embeddings in it")
    errors = [e for file in (where / ERRORS).below() for e in read_columns(file, ["id", "reason"]).to_pylist()]
    # By name: figures do not depend on how the clips were cut into shards.
    there.sort(key=lambda one: one[0].id)
    clips, names, counts, shard = zip(*there, strict=True)
    folder = Folder(
        where=where,
        facts=found,
        clips=clips,
        counts=np.array(counts),
        shard=np.array(shard),
        shards=shards,
        excluded=tuple(Excluded(e["id"], e["reason"]) for e in errors),
        recordings=names,
        annotations=_told(where, "annotations", Annotation),
        annotated=annotated_by(_told(where, "annotated", Span)),
    )
    _once(folder)
    return folder if table is None else folder.told(Path(table))


def _once(folder: Folder) -> None:
    seen: dict[str, int] = {}
    for clip, number in zip(folder.clips, folder.shard, strict=True):
        if clip.id in seen:
            raise DataError(
                f"{folder.where}: the clip {clip.id!r} lies in {folder.shards[seen[clip.id]].name} and in "
                f"{folder.shards[number].name}: two runs wrote at once. Delete one of the shards and run embed again"
            )
        seen[clip.id] = int(number)


def _told(where: Place, table: str, kind: type[_One]) -> tuple[_One, ...]:
    """Annotations or spans of a store; what stands in two files counts once."""
    files = (where / table).below()
    return tuple(dict.fromkeys(one for f in files for one in from_lines(read_columns(f).to_pylist(), kind, str(f))))
