"""A sound evaluated piece by piece. What is said of a piece was heard between its start and its end, and nowhere else.

A piece is heard as a clip of that length would be: by the windows of each backbone that lie in it, and by one that ends
where it ends if they leave a rest. The last piece ends with the sound; if less than a window is left, it begins earlier.
Pieces shorter than a window cannot be heard by themselves: windows follow each other in steps of that length instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from .. import audio
from ..audio.memory import as_bytes
from ..audio.silence import SILENCE
from ..backbones.base import Backbone, Floats
from ..core.storage import at_hand
from .branch import NOTHING, Branch, Prediction

CLIP = 3.0  # seconds of a piece where clips are pooled, about
RING = 0.005  # seconds for which a resampler rings beside a step
LEAST = 0.01  # seconds: a rest that is shorter is none


class Predictor(Protocol):
    """What a sound is evaluated piece by piece by: a model."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def branches(self) -> tuple[Branch, ...]: ...

    @property
    def backbones(self) -> dict[str, Backbone]: ...

    def predict_embeddings(self, embeddings: Mapping[str, Floats], name: str = "") -> Prediction: ...


@dataclass(frozen=True)
class Grid:
    """Pieces of ``length`` seconds every ``step`` seconds."""

    step: float
    length: float

    @classmethod
    def of(cls, model: Predictor, seconds: float | None) -> Grid:
        """The backbone's own windows, or pieces of ``seconds`` (an image's length or about 3 s where clips are pooled)."""
        branch = model.branches[0]
        first, window = branch.backbones[0], max(b.window for b in model.backbones.values())
        if seconds is not None:
            return cls(seconds, max(seconds, window))
        if branch.pool.height:
            return cls(first.hop * branch.pool.height, first.hop * (branch.pool.height - 1) + first.window)
        if branch.pool.by_vector or len(model.branches) > 1:
            length = window + max(0, round((CLIP - window) / first.hop)) * first.hop
            return cls(length, length)
        return cls(first.hop, first.window)


def moved(piece: Prediction, seconds: float) -> Prediction:
    """A piece of a part of a sound, with its place in the sound: the part begins at ``seconds``."""
    start, end = ((at or 0.0) + seconds for at in (piece.start, piece.end))
    return replace(piece, start=round(start, 6), end=round(end, 6))


@dataclass(frozen=True)
class Piece:
    """What one backbone made of the sound from ``start`` to ``end`` seconds, and whether there is something to hear."""

    start: float
    end: float
    embeddings: Floats
    audible: bool


@dataclass
class Cutter:
    """Cuts a sound that goes by in blocks into the pieces of a grid; what was heard is not kept.

    ``known`` are embeddings of the sound's windows, where they were made before.
    """

    backbone: Backbone
    grid: Grid
    known: Floats | None = None
    held: Floats = field(init=False)
    begin: int = 0  # of what is held, in samples of the sound with its padding
    count: int = 0  # pieces so far

    def __post_init__(self) -> None:
        self.held = np.zeros(self.backbone.pad_left, np.float32)
        rate = self.backbone.sample_rate
        self.step = max(1.0, self.grid.step * rate)
        self.length = max(self.backbone.window_samples, round(self.grid.length * rate))

    def pieces(self, blocks: Iterable[Floats]) -> Iterator[Piece]:
        """All pieces of a sound."""
        for block in blocks:
            self.held = np.concatenate([self.held, block])
            yield from self._ready(self._heard)
            drop = min(self._bounds(self.count)[0], self._covered) - self.begin
            drop = min(drop, len(self.held) - self.length)  # the last piece may begin earlier
            if drop > 0:
                self.held, self.begin = self.held[drop:].copy(), self.begin + drop
        yield from self._ready(self._heard + self.backbone.pad_left, last=True)
        yield from self._rest()

    @property
    def _heard(self) -> int:
        """Samples of the sound so far."""
        return self.begin + len(self.held) - self.backbone.pad_left

    @property
    def _covered(self) -> int:
        """Where the last piece so far ends."""
        return self._bounds(self.count - 1)[1] if self.count else 0

    def _bounds(self, number: int) -> tuple[int, int]:
        """Where a piece begins and ends."""
        start, end = number * self.step, number * self.step + self.grid.length * self.backbone.sample_rate
        return round(start), max(round(start) + self.backbone.window_samples, round(end))

    def _ready(self, heard: int, last: bool = False) -> Iterator[Piece]:
        """The pieces that end before ``heard``."""
        found = []
        while self._bounds(self.count)[1] <= heard:
            found.append(self._bounds(self.count))
            self.count += 1
        yield from self._made(found, last)

    def _rest(self) -> Iterator[Piece]:
        """The last piece: what no other one covers."""
        end, window = self.begin + len(self.held), self.backbone.window_samples
        if not self.count and end < window:  # shorter than a window, which the backbone fills up
            sound = self.held[self.backbone.pad_left :]
            embeddings = replace(self.backbone, trim_db=None).embed(sound)
            yield Piece(0.0, len(sound) / self.backbone.sample_rate, embeddings, True)
            return
        covered = self._covered
        if self.count and end - covered < LEAST * self.backbone.sample_rate:
            return
        start = end - self.length if self._bounds(self.count)[0] < covered else min(covered, end - window)
        yield from self._made([(max(0, start), end)], True)

    def _made(self, bounds: list[tuple[int, int]], last: bool) -> Iterator[Piece]:
        """The pieces between these samples; their windows go through the net together."""
        places = [self._places(start, end) for start, end in bounds]
        every = sorted({p for some in places for p in some})
        embeddings = self._embeddings(every) if every else self.held
        index = {p: i for i, p in enumerate(every)}
        for (start, end), some in zip(bounds, places, strict=True):
            rate, sound = self.backbone.sample_rate, self._heard if last else end
            found = embeddings[[index[p] for p in some]]
            yield Piece(
                round(start / rate, 6), round(min(end, sound) / rate, 6), found, self._audible(start, end, last)
            )

    def _places(self, start: int, end: int) -> list[int]:
        """Where the windows of a piece begin."""
        window, hop = self.backbone.window_samples, self.backbone.hop_samples
        found = list(range(start, end - window + 1, hop))
        return [*found, end - window] if end - window - found[-1] >= LEAST * self.backbone.sample_rate else found

    def _embeddings(self, places: list[int]) -> Floats:
        """Embeddings of the windows that begin there, in ascending order."""
        window, hop, known = self.backbone.window_samples, self.backbone.hop_samples, self.known
        made: list[Floats] = []
        runs: list[list[int]] = []
        asked = [p for p in places if known is None or p % hop or p // hop >= len(known)]
        for place in asked:
            if runs and place == runs[-1][-1] + hop:
                runs[-1].append(place)
            else:
                runs.append([place])
        for run in runs:
            made.append(self.backbone.front(self.held[run[0] - self.begin : run[-1] + window - self.begin]))
        inputs = np.concatenate(made) if made else None
        new = inputs if inputs is None or self.backbone.net is None else self.backbone.net(inputs)
        order = {p: i for i, p in enumerate(asked)}
        found = [new[order[p]] if new is not None and p in order else known[p // hop] for p in places]  # type: ignore[index]
        return np.stack(found)

    def _audible(self, start: int, end: int, last: bool) -> bool:
        """Whether there is something to hear: not next to a piece's ends, into which a resampler rings from outside."""
        rate, pad = self.backbone.sample_rate, self.backbone.pad_left
        ring = round(RING * rate)
        first, stop = start + ring, end - ring
        first = max(first, pad + round(audio.EDGE * rate))
        if last:
            stop = min(stop, self._heard + pad - round(audio.EDGE * rate))
        within = self.held[first - self.begin : max(0, stop - self.begin)]
        return not len(within) or bool(np.ptp(within) >= 2 * SILENCE)


def follow(
    model: Predictor,
    source: audio.Source,
    name: str,
    seconds: float | None,
    *,
    part: tuple[float, float | None] = (0.0, None),
    watch: Callable[[float], None] | None = None,
    known: Mapping[str, Floats] | None = None,
) -> Iterator[Prediction]:
    """Evaluate the pieces of a sound while it is read. ``part``: where it begins, and its duration if it ends before the
    sound. ``watch`` as in ``embedding_blocks``; ``known``: the embeddings of the part.
    """
    backbones, (start, duration) = model.backbones, part
    if isinstance(source, (str, Path)):
        source = at_hand(source)
    if len(backbones) > 1 and not isinstance(source, (str, Path)):  # each backbone reads it
        source = as_bytes(source)

    def blocks(backbone: Backbone) -> Iterator[Floats]:
        read = 0
        for block in audio.blocks(source, backbone.sample_rate, start=start, duration=duration):
            read += len(block)
            if watch is not None:
                watch(read / backbone.sample_rate)
            yield block

    every = {key: blocks(backbone) for key, backbone in backbones.items()}
    for piece in told(model, every, name, seconds, known or {}):
        yield moved(piece, start) if start else piece


def told(
    model: Predictor,
    blocks: Mapping[str, Iterable[Floats]],
    name: str,
    seconds: float | None,
    known: Mapping[str, Floats],
) -> Iterator[Prediction]:
    """What is said of each piece of a sound that comes in blocks of samples, for each backbone at its rate."""
    grid = Grid.of(model, seconds)
    cut = {k: Cutter(b, grid, None if b.trim_db else known.get(k)) for k, b in model.backbones.items()}
    for found in zip(*(cut[k].pieces(blocks[k]) for k in cut), strict=False):
        pieces = dict(zip(cut, found, strict=True))
        if any(p.audible for p in found):
            said = model.predict_embeddings({k: p.embeddings for k, p in pieces.items()}, name)
        else:
            said = Prediction(name, "", 0.0, dict.fromkeys(model.classes, 0.0), unknown=True, reason=NOTHING)
        yield replace(said, start=found[0].start, end=found[0].end)
