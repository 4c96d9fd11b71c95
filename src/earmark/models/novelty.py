"""By what a model tells sounds unlike those it was trained on: the vectors of all its backbones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod

from ..backbones.base import Backbone, Floats
from ..data.split import Labels
from ..embeddings.pooling import Running, pool_vectors
from ..metrics.intervals import Array
from ..metrics.out_of_distribution import Novelty, joined
from ..recipes.recipe import Recipe
from .prepare import Data

MOST = 4096  # numbers in an embedding: patches of a spectrogram are none, distances between them say nothing


def compared(backbones: Mapping[str, Backbone], width: int | None = None) -> tuple[str, ...]:
    """Fingerprints of the backbones whose vectors are compared; none if these do not have ``width`` numbers together.

    Models of Earmark 0.1 compare those of their first backbone alone.
    """
    sizes = {key: prod(backbone.shape) for key, backbone in backbones.items()}
    every = tuple(key for key, size in sizes.items() if size <= MOST)
    for chosen in (every, tuple(sizes)[:1]):
        if width is None or sum(sizes[key] for key in chosen) == width:
            return chosen
    return ()


def fitted(recipe: Recipe, data: Data, groups: Labels) -> Novelty | None:
    """What the clips are like, by all backbones of a recipe; None where none of these makes embeddings."""
    parts = {data.backbones[part].fingerprint: part for part in recipe.backbones}
    vectors = []
    for key in compared({key: data.backbones[part] for key, part in parts.items()}):
        given = data.embeddings[parts[key]]
        vectors.append(pool_vectors(given.X.reshape(len(given.X), -1), given.clip, len(given.ids), "mean"))
    return Novelty.fit(joined(vectors), data.labels, groups) if vectors else None


class Watch:
    """Hears the embeddings of one sound as they go by, and says whether it is unknown."""

    def __init__(self, novelty: Novelty | None, backbones: Mapping[str, Backbone]) -> None:
        self.novelty = novelty
        keys = () if novelty is None else compared(backbones, novelty.means.shape[1])
        self.means = {key: Running("mean") for key in keys}

    def through(self, blocks: Iterable[tuple[str, Floats]]) -> Iterator[tuple[str, Floats]]:
        """The same blocks (fingerprint, embeddings)."""
        for key, embeddings in blocks:
            if key in self.means:
                self.means[key].add(embeddings)
            yield key, embeddings

    @property
    def vector(self) -> Array:
        """(1, d) what was heard so far."""
        return joined([mean.vector()[None] for mean in self.means.values()])

    @property
    def unknown(self) -> bool:
        """Whether what was heard is unlike the training sounds; False for a model that cannot tell."""
        return self.novelty is not None and bool(self.novelty.is_unknown(self.vector)[0])
