"""Pieces of clips as clips of their own, and what a split lets through from one side to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...core.spec import Part
from ...data.clips import Clip
from ...data.split import Split
from ...models.prepare import Data


@dataclass(frozen=True)
class Leak:
    """Shares of what is evaluated of which training knows the track, some of the very samples, the artist (None: unknown)."""

    track: float
    samples: float
    artist: float | None


def pieces(data: Data, part: Part) -> Data:
    """Every embedding of the backbone ``part`` as a clip of its own, with the label, group and file of the clip it is of."""
    embeddings, window = data.embeddings[part], data.backbones[part].window
    clips = tuple(
        replace(data.dataset.clips[c], id=f"{data.dataset.clips[c].id} from {s:.2f} s", start=s, duration=window)
        for c, s in zip(embeddings.clip.tolist(), embeddings.start.tolist(), strict=True)
    )
    each = replace(
        embeddings, clip=np.arange(len(clips)), ids=tuple(c.id for c in clips),
        digest=tuple(f"{embeddings.digest[c]}+{s:.6f}" for c, s in zip(embeddings.clip.tolist(), embeddings.start.tolist(), strict=True)),
    )  # fmt: skip
    return Data(
        replace(data.dataset, clips=clips), {part: each}, {part: data.backbones[part]}, {part: data.seconds[part]}
    )


def leak(clips: Sequence[Clip], split: Split, *, groups: bool) -> Leak:
    """What ``split`` of the clips lets through. ``groups``: whether the clips' groups are known."""
    learnt = [clips[i] for i in split.train]
    evaluated = [clips[i] for i in split.test]
    spans: dict[Any, list[tuple[float, float]]] = {}
    for clip in learnt:
        spans.setdefault(clip.path, []).append(_span(clip))
    artists = {clip.group for clip in learnt}

    def share(yes: Sequence[bool]) -> float:
        return float(np.mean(yes)) if len(yes) else float("nan")

    return Leak(
        track=share([c.path in spans for c in evaluated]),
        samples=share([_meets(_span(c), spans.get(c.path, [])) for c in evaluated]),
        artist=share([c.group in artists for c in evaluated]) if groups else None,
    )


def _span(clip: Clip) -> tuple[float, float]:
    return clip.start, clip.start + (clip.duration if clip.duration is not None else float("inf"))


def _meets(span: tuple[float, float], others: Sequence[tuple[float, float]]) -> bool:
    # Windows that only touch share nothing; a millisecond is for rounding.
    return any(min(span[1], end) - max(span[0], start) > 1e-3 for start, end in others)
