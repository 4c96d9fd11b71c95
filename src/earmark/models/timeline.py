"""A sound evaluated piece by piece: the pieces, and which embeddings belong to each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..backbones.base import Backbone, Floats
from .branch import Branch, Prediction


class Predictor(Protocol):
    """What a sound is evaluated piece by piece by: a model."""

    @property
    def branches(self) -> tuple[Branch, ...]: ...

    @property
    def backbones(self) -> dict[str, Backbone]: ...

    def predict_embeddings(self, embeddings: Mapping[str, Floats], name: str = "") -> Prediction: ...


@dataclass(frozen=True)
class Grid:
    """Pieces of ``length`` seconds every ``step`` seconds. ``by_window``: each window is a piece."""

    step: float
    length: float
    by_window: bool

    @classmethod
    def of(cls, model: Predictor, seconds: float | None) -> Grid:
        """The backbone's own windows, or pieces of ``seconds`` (an image's length or 3 s where clips are pooled)."""
        branch = model.branches[0]
        first = branch.backbones[0]
        if seconds is None and len(model.branches) == 1 and branch.pool == "windows":
            return cls(first.hop, first.window, by_window=True)
        step = seconds or first.hop * branch.pool.height or 3.0
        return cls(step, step, by_window=False)

    def count(self, embeddings: int, covered: float) -> int:
        """Pieces of a sound of which ``windows`` embeddings look at ``covered`` seconds."""
        return embeddings if self.by_window else max(1, round(covered / self.step))

    def sure(self, embeddings: int, backbone: Backbone) -> int:
        """Pieces to which no embedding after the first ``windows`` can belong."""
        return (
            embeddings
            if self.by_window
            else max(0, int((backbone.hop * (embeddings - 1) + backbone.window / 2) / self.step))
        )

    def within(self, k: int, embeddings: Floats, backbone: Backbone, before: int = 0) -> Floats:
        """Of ``windows``, which ``before`` others precede, those whose middle lies in piece ``k``; else the nearest one."""
        if self.by_window:
            return embeddings[[k - before]]
        start, end = k * self.step, (k + 1) * self.step
        middle = backbone.hop * np.arange(before, before + len(embeddings)) + backbone.window / 2
        inside = np.flatnonzero((middle >= start) & (middle < end))
        return embeddings[inside] if len(inside) else embeddings[[int(np.abs(middle - (start + end) / 2).argmin())]]

    def at(self, k: int, said: Prediction) -> Prediction:
        """What was said of piece ``k``, with its place."""
        return replace(said, start=round(k * self.step, 6), end=round(k * self.step + self.length, 6))


def moved(piece: Prediction, seconds: float) -> Prediction:
    """A piece of a part of a sound, with its place in the sound: the part begins at ``seconds``."""
    start, end = ((at or 0.0) + seconds for at in (piece.start, piece.end))
    return replace(piece, start=round(start, 6), end=round(end, 6))


def pieces(
    model: Predictor, embeddings: Mapping[str, Floats], name: str, seconds: float | None
) -> Iterator[Prediction]:
    """Evaluate the pieces of a sound whose embeddings are there."""
    grid, backbones = Grid.of(model, seconds), model.backbones
    covered = max(b.hop * (len(embeddings[k]) - 1) + b.window for k, b in backbones.items())
    for k in range(grid.count(len(next(iter(embeddings.values()))), covered)):
        yield grid.at(
            k, model.predict_embeddings({f: grid.within(k, r, backbones[f]) for f, r in embeddings.items()}, name)
        )


def follow(
    model: Predictor, blocks: Iterable[tuple[str, Floats]], name: str, seconds: float | None
) -> Iterator[Prediction]:
    """The same while the embeddings of the only backbone go by in blocks: what was evaluated is not kept."""
    grid = Grid.of(model, seconds)
    ((key, backbone),) = model.backbones.items()
    held, before, told = np.zeros((0, *backbone.shape), np.float32), 0, 0

    def up_to(count: int) -> Iterator[Prediction]:
        for k in range(told, count):
            yield grid.at(k, model.predict_embeddings({key: grid.within(k, held, backbone, before)}, name))

    for _, embeddings in blocks:
        held = np.concatenate([held, embeddings])
        sure = grid.sure(before + len(held), backbone)
        yield from up_to(sure)
        told = max(told, sure)
        # The first window that a later piece can look at: its own first, or the one before where it has none.
        past = told if grid.by_window else int(max(0.0, told * grid.step - backbone.window / 2) / backbone.hop) - 2
        if past > before:
            held, before = held[past - before :], past
    heard = before + len(held)
    yield from up_to(grid.count(heard, backbone.hop * (heard - 1) + backbone.window))
