"""What a model keeps of a sound that goes by in blocks: sums instead of embeddings, so that its length costs no memory.

Ten hours of sound give 75,000 embeddings of YAMNet, 300 MB; the sums of their scores are ten numbers. Only the pooling
"median" has to keep the embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from ..embeddings.pooling import Floats, Running, by_vector, image_windows, images
from .branch import Branch, Scores


class Heard(Protocol):
    """A branch that listens to one sound."""

    def add(self, backbone: str, embeddings: Floats) -> None:
        """The next embeddings (windows, *shape) of the backbone with that fingerprint; those of others are passed over."""

    def scores(self) -> Scores:
        """Scores (classes,) of all that was heard."""


def listener(branch: Branch) -> Heard:
    """What listens for a branch, by the way it pools."""
    if by_vector(branch.pool):
        return _Vectors(branch)
    return _Images(branch) if image_windows(branch.pool) else _Windows(branch)


class _Windows:
    """Mean of the scores of single windows."""

    def __init__(self, branch: Branch) -> None:
        self.branch, self.key = branch, branch.backbones[0].fingerprint
        self.total: Scores | float = 0.0
        self.count = 0

    def add(self, backbone: str, embeddings: Floats) -> None:
        if backbone == self.key and len(embeddings):
            scores = self.branch.score(embeddings)
            self.total = self.total + scores.sum(axis=0)
            self.count += len(scores)

    def scores(self) -> Scores:
        return np.asarray(self.total) / self.count


class _Images(_Windows):
    """Mean of the scores of images of embeddings that follow each other; see ``pool.images`` for what becomes of the rest."""

    def __init__(self, branch: Branch) -> None:
        super().__init__(branch)
        self.height = image_windows(branch.pool)
        self.rest: Floats = np.zeros((0, *branch.backbones[0].shape), np.float32)

    def add(self, backbone: str, embeddings: Floats) -> None:
        if backbone == self.key:
            embeddings = np.concatenate([self.rest, embeddings])
            whole = len(embeddings) - len(embeddings) % self.height
            self.rest = embeddings[whole:]
            super().add(backbone, embeddings[:whole].reshape(-1, self.height, *embeddings.shape[1:]))

    def scores(self) -> Scores:
        if not self.count or 2 * len(self.rest) >= self.height:
            super().add(self.key, images(self.rest, self.height))
            self.rest = self.rest[:0]
        return super().scores()


class _Vectors:
    """Score of the statistics of all embeddings, joined over backbones."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.kept: Mapping[str, Running] = {b.fingerprint: Running(branch.pool) for b in branch.backbones}

    def add(self, backbone: str, embeddings: Floats) -> None:
        if backbone in self.kept:
            self.kept[backbone].add(embeddings)

    def scores(self) -> Scores:
        parts: Sequence[Floats] = [self.kept[b.fingerprint].vector() for b in self.branch.backbones]
        return np.asarray(self.branch.score(np.concatenate(parts)[None])[0])
