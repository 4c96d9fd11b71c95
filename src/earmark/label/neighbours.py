"""The clips that sound most like a clip, as the backbones hear them that the audit used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import load_backbone
from ..core.errors import WeightsError
from ..data.cache import Cache
from ..data.clips import Dataset
from ..embeddings.make import embed


@dataclass(frozen=True)
class Neighbours:
    """``unit`` (clips, d): standardised means of embeddings, of length 1; zeros for clips that cannot be heard."""

    unit: NDArray[np.float32]

    def of(self, clip: int, among: Sequence[int], most: int = 3) -> list[tuple[int, float]]:
        """The nearest clips of ``among`` with their cosine, the nearest first; never the clip itself."""
        others = np.array([i for i in among if i != clip and self.unit[i].any()], np.int64)
        if not len(others) or not self.unit[clip].any():
            return []
        near = self.unit[others] @ self.unit[clip]
        order = np.argsort(-near, kind="stable")[:most]
        return [(int(others[i]), float(near[i])) for i in order]


def neighbours(dataset: Dataset, backbones: Sequence[str], cache: Cache | None) -> Neighbours | None:
    """Listen to all clips, or take their embeddings from the cache. None if no backbone's weights are there."""
    views = []
    place = {clip.id: i for i, clip in enumerate(dataset.clips)}
    for name in backbones:
        try:
            backbone = load_backbone(name)
        except WeightsError:
            continue
        embeddings = embed(dataset.clips, backbone, cache=cache)
        if not embeddings.ids:
            continue
        means = np.stack(
            [
                embeddings.X[embeddings.clip == i].reshape(-1, int(np.prod(backbone.shape))).mean(axis=0)
                for i in range(len(embeddings.ids))
            ]
        )
        means = (means - means.mean(axis=0)) / np.maximum(means.std(axis=0), 1e-6)
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        view = np.zeros((len(dataset.clips), means.shape[1]), np.float32)
        view[[place[i] for i in embeddings.ids]] = means
        views.append(view)
    if not views:
        return None
    joined = np.concatenate(views, axis=1)
    return Neighbours(np.asarray(joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-9), np.float32))
