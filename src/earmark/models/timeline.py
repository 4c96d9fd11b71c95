"""A sound judged piece by piece: the pieces, and which rows belong to each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..backbones.base import Backbone, Floats
from ..embeddings.pooling import image_rows
from .branch import Branch, Prediction


class Judge(Protocol):
    """What a sound is judged piece by piece by: a model."""

    @property
    def branches(self) -> tuple[Branch, ...]: ...

    @property
    def backbones(self) -> dict[str, Backbone]: ...

    def judge(self, rows: Mapping[str, Floats], name: str = "") -> Prediction: ...


@dataclass(frozen=True)
class Grid:
    """Pieces of ``length`` seconds every ``step`` seconds. ``by_row``: each row is a piece."""

    step: float
    length: float
    by_row: bool

    @classmethod
    def of(cls, model: Judge, seconds: float | None) -> Grid:
        """The backbone's own windows, or pieces of ``seconds`` (an image's length or 3 s where clips are pooled)."""
        branch = model.branches[0]
        first = branch.backbones[0]
        if seconds is None and len(model.branches) == 1 and branch.pool == "rows":
            return cls(first.hop, first.window, by_row=True)
        step = seconds or first.hop * image_rows(branch.pool) or 3.0
        return cls(step, step, by_row=False)

    def count(self, rows: int, covered: float) -> int:
        """Pieces of a sound of which ``rows`` rows look at ``covered`` seconds."""
        return rows if self.by_row else max(1, round(covered / self.step))

    def sure(self, rows: int, backbone: Backbone) -> int:
        """Pieces to which no row after the first ``rows`` can belong."""
        return rows if self.by_row else max(0, int((backbone.hop * (rows - 1) + backbone.window / 2) / self.step))

    def within(self, k: int, rows: Floats, backbone: Backbone, before: int = 0) -> Floats:
        """Of ``rows``, which ``before`` others precede, those whose middle lies in piece ``k``; else the nearest one."""
        if self.by_row:
            return rows[[k - before]]
        start, end = k * self.step, (k + 1) * self.step
        middle = backbone.hop * np.arange(before, before + len(rows)) + backbone.window / 2
        inside = np.flatnonzero((middle >= start) & (middle < end))
        return rows[inside] if len(inside) else rows[[int(np.abs(middle - (start + end) / 2).argmin())]]

    def at(self, k: int, said: Prediction) -> Prediction:
        """What was said of piece ``k``, with its place."""
        return replace(said, start=round(k * self.step, 6), end=round(k * self.step + self.length, 6))


def pieces(model: Judge, rows: Mapping[str, Floats], name: str, seconds: float | None) -> Iterator[Prediction]:
    """Judge the pieces of a sound whose rows are there."""
    grid, backbones = Grid.of(model, seconds), model.backbones
    covered = max(b.hop * (len(rows[k]) - 1) + b.window for k, b in backbones.items())
    for k in range(grid.count(len(next(iter(rows.values()))), covered)):
        yield grid.at(k, model.judge({f: grid.within(k, r, backbones[f]) for f, r in rows.items()}, name))


def follow(
    model: Judge, blocks: Iterable[tuple[str, Floats]], name: str, seconds: float | None
) -> Iterator[Prediction]:
    """The same while the rows of the only backbone go by in blocks: what was judged is not kept."""
    grid = Grid.of(model, seconds)
    ((key, backbone),) = model.backbones.items()
    held, before, told = np.zeros((0, *backbone.shape), np.float32), 0, 0

    def up_to(count: int) -> Iterator[Prediction]:
        for k in range(told, count):
            yield grid.at(k, model.judge({key: grid.within(k, held, backbone, before)}, name))

    for _, rows in blocks:
        held = np.concatenate([held, rows])
        sure = grid.sure(before + len(held), backbone)
        yield from up_to(sure)
        told = max(told, sure)
        # The first row that a later piece can look at: its own first, or the one before where it has none.
        past = told if grid.by_row else int(max(0.0, told * grid.step - backbone.window / 2) / backbone.hop) - 2
        if past > before:
            held, before = held[past - before :], past
    heard = before + len(held)
    yield from up_to(grid.count(heard, backbone.hop * (heard - 1) + backbone.window))
