"""Embeddings of a clip -> what a head sees of it, and scores of embeddings -> one score: the only place where that happens.

============  =====================================================================================
``windows``      the head sees each window by itself; the clip's score is their mean
``mean+std``  one vector: statistics of the embeddings, one after another
``image(31)`` images of 31 embeddings that follow each other, for heads that look at how sounds go on
============  =====================================================================================

Where functions take embeddings of many clips, ``clip`` (windows,) is the index of the clip each window belongs to, ascending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import RecipeError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

STATISTICS: dict[str, Callable[[Floats], Floats]] = {
    "mean": lambda embeddings: embeddings.mean(axis=0),
    "std": lambda embeddings: embeddings.std(axis=0),
    "max": lambda embeddings: embeddings.max(axis=0),
    "min": lambda embeddings: embeddings.min(axis=0),
    "median": lambda embeddings: np.median(embeddings, axis=0),
}

_IMAGE = re.compile(r"image\((\d+)\)")


class Pooling(str):
    """How embeddings of a clip are pooled, e.g. ``"mean+std"``: a text that names a pooling there is.

    Raises RecipeError for any other.
    """

    __slots__ = ()

    def __new__(cls, text: str = "windows") -> Pooling:
        made = super().__new__(cls, text)
        wrong = [name for name in made.split("+") if name not in STATISTICS] if made.by_vector else []
        if wrong:
            raise RecipeError(
                f"no pooling is called {wrong[0]!r}. There are: windows, image(31) (of that many windows), and "
                f"{', '.join(STATISTICS)}, joined by +"
            )
        return made

    @property
    def height(self) -> int:
        """Embeddings in one image: 31 of ``"image(31)"``, 0 of any other pooling."""
        found = _IMAGE.fullmatch(self)
        return int(found[1]) if found else 0

    @property
    def by_vector(self) -> bool:
        """Whether it makes one vector of a clip, so that those of several backbones can be joined."""
        return self != "windows" and not self.height

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names in ``STATISTICS`` of what the vector is made of; empty if it makes none."""
        return tuple(self.split("+")) if self.by_vector else ()


WINDOWS = Pooling("windows")


def _names(how: str) -> tuple[str, ...]:
    """Names of the statistics of a pooling. Raises RecipeError if it makes no vector."""
    names = Pooling(how).statistics
    if not names:
        raise RecipeError(f"the pooling {how!r} makes no vector of a clip; wanted {', '.join(STATISTICS)}, joined by +")
    return names


def pool_vector(embeddings: Floats, how: str) -> Floats:
    """Embeddings (windows, *shape) of one clip -> its vector (d,) float32, the statistics one after another."""
    flat = embeddings.reshape(len(embeddings), -1)
    return np.concatenate([STATISTICS[name](flat) for name in _names(how)]).astype(np.float32)


class Running:
    """``pool_vector`` of embeddings that come in blocks, in bounded memory, but for "median": it has to keep all embeddings.

    Means and deviations are summed in double precision, blocks joined by Chan, Golub and LeVeque (1979).
    """

    def __init__(self, how: str) -> None:
        self.names = _names(how)
        self.count = 0
        self.embeddings: list[Floats] = []
        self.found: dict[str, NDArray[np.float64]] = {}

    def add(self, embeddings: Floats) -> None:
        """The next embeddings (windows, *shape) of the sound."""
        if not len(embeddings):
            return
        flat = embeddings.reshape(len(embeddings), -1)
        if "median" in self.names:
            self.embeddings.append(flat)
        block = {"mean": flat.mean(axis=0, dtype=np.float64), "max": flat.max(axis=0), "min": flat.min(axis=0)}
        if "std" in self.names:
            block["squares"] = len(flat) * flat.var(axis=0, dtype=np.float64)
        if self.count:
            old, joined = self.found, self.count + len(flat)
            apart = block["mean"] - old["mean"]
            if "std" in self.names:
                block["squares"] += old["squares"] + apart**2 * (self.count * len(flat) / joined)
            block["mean"] = old["mean"] + apart * (len(flat) / joined)
            block["max"] = np.maximum(block["max"], old["max"])
            block["min"] = np.minimum(block["min"], old["min"])
        self.found = block
        self.count += len(flat)

    def vector(self) -> Floats:
        """The vector (d,) float32 of all embeddings so far."""
        parts: list[NDArray[np.floating[Any]]] = []
        for name in self.names:
            if name == "median":
                parts.append(np.median(np.concatenate(self.embeddings), axis=0))
            elif name == "std":
                parts.append(np.sqrt(self.found["squares"] / self.count))
            else:
                parts.append(self.found[name])
        return np.concatenate(parts).astype(np.float32)


def pool_vectors(embeddings: Floats, clip: Ints, clips: int, how: str) -> Floats:
    """Embeddings (windows, *shape) of many clips, sorted by clip -> vectors (clips, d)."""
    if not clips:
        return np.zeros((0, prod(embeddings.shape[1:]) * len(_names(how))), np.float32)
    cuts = np.searchsorted(clip, np.arange(clips + 1))
    return np.stack([pool_vector(embeddings[a:b], how) for a, b in zip(cuts, cuts[1:], strict=False)])


def seen(embeddings: Sequence[Floats], how: str) -> Floats:
    """Embeddings (windows, *shape) of one clip by each backbone -> what the head sees of it (m, …); see ``seen_shape``."""
    pooling = Pooling(how)
    if pooling.by_vector:
        return np.concatenate([pool_vector(r, pooling) for r in embeddings])[None]
    return images(embeddings[0], pooling.height) if pooling.height else embeddings[0]


def seen_shape(shapes: Sequence[tuple[int, ...]], how: str) -> tuple[int, ...]:
    """Shape of one thing the head sees, from the shapes of the backbones' embeddings."""
    pooling = Pooling(how)
    if pooling.by_vector:
        return (sum(prod(s) for s in shapes) * len(pooling.statistics),)
    return (pooling.height, *shapes[0]) if pooling.height else shapes[0]


def images(embeddings: Floats, height: int) -> Floats:
    """Embeddings (windows, *shape) of one clip -> images (m, height, *shape) of embeddings that follow each other.

    Zeros are put where embeddings are missing. A rest of less than half an image is excluded, unless there is nothing else.
    """
    whole, rest = divmod(len(embeddings), height)
    count = max(1, whole + (2 * rest >= height))
    made = np.zeros((count * height, *embeddings.shape[1:]), np.float32)
    made[: len(embeddings)] = embeddings[: len(made)]
    return made.reshape(count, height, *embeddings.shape[1:])


def pool_images(embeddings: Floats, clip: Ints, clips: int, height: int) -> tuple[Floats, Ints]:
    """Embeddings of many clips, sorted by clip -> their images (n, height, *shape), and the clip of each (n,)."""
    cuts = np.searchsorted(clip, np.arange(clips + 1))
    made = [images(embeddings[a:b], height) for a, b in zip(cuts, cuts[1:], strict=False)]
    return np.concatenate(made), np.repeat(np.arange(clips), [len(m) for m in made])


def pool_scores(proba: NDArray[np.floating], clip: Ints, clips: int) -> NDArray[np.float64]:
    """Scores of embeddings (windows, classes) -> mean score of each clip (clips, classes)."""
    total = np.zeros((clips, proba.shape[1]))
    np.add.at(total, clip, proba)
    count = np.bincount(clip, minlength=clips)
    return np.asarray(total / np.maximum(count, 1)[:, None])


def stacked(scores: Sequence[NDArray[np.floating]]) -> Floats:
    """Scores of the branches (…, classes) each -> what a combiner sees (…, branches × classes): their logarithms side by side."""
    return np.log(np.concatenate(scores, axis=-1) + 1e-6).astype(np.float32)
