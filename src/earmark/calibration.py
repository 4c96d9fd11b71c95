"""Scores that mean what they say: temperature, prediction sets, and "unknown".

Fitted on scores out of fold, stored as numbers in the bundle, applied with numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Temperature of the scores and the threshold of prediction sets at error rate ``alpha``.

    Temperature: Guo et al., On calibration of modern neural networks, 2017. Sets: split conformal on scores out of
    fold, adaptive (Romano, Sesia & Candès, Classification with valid and adaptive coverage, 2020).
    """

    classes: tuple[str, ...]
    temperature: float
    threshold: float
    alpha: float = 0.1

    @classmethod
    def fit(
        cls,
        proba: ArrayLike,
        y: ArrayLike,
        classes: Sequence[str],
        groups: ArrayLike | None = None,  # noqa: ARG003
        *,
        alpha: float = 0.1,
    ) -> Calibration:
        """Fit on scores out of fold (n, k) with truth y (n,).

        The temperature is one number, so the same clips serve for the threshold. ``groups`` are taken for the sake of
        one signature: one number cannot learn a group.
        """
        scores, truth = np.asarray(proba, float), np.asarray(y)
        grid = np.geomspace(0.25, 8.0, 141)
        losses = [-np.log(_own(_tempered(scores, t), truth)).mean() for t in grid]
        best = float(grid[int(np.argmin(losses))])
        miss = 1 - _own(_tempered(scores, best), truth)
        rank = min(1.0, np.ceil((len(truth) + 1) * (1 - alpha)) / len(truth))
        return cls(tuple(classes), best, float(np.quantile(miss, rank, method="higher")), alpha)

    def apply(self, proba: ArrayLike) -> Array:
        """Scores (n, k) -> calibrated scores (n, k); the best label stays the best."""
        return _tempered(np.asarray(proba, float), self.temperature)

    def sets(self, proba: ArrayLike) -> list[tuple[str, ...]]:
        """Calibrated scores (n, k) -> the labels that cannot be excluded, best first; at least one."""
        scores = np.asarray(proba, float)
        found = []
        for row in scores:
            order = np.argsort(-row, kind="stable")
            found.append(tuple(self.classes[i] for n, i in enumerate(order) if n == 0 or 1 - row[i] <= self.threshold))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "classes": list(self.classes),
            "temperature": self.temperature,
            "threshold": self.threshold,
            "alpha": self.alpha,
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Calibration:
        """What ``to_dict`` gave."""
        return cls(
            tuple(facts["classes"]), float(facts["temperature"]), float(facts["threshold"]), float(facts["alpha"])
        )


@dataclass(frozen=True)
class Novelty:
    """How unlike the training sounds a sound is: mean cosine distance to its nearest training clips.

    Columns are standardised first. Sun et al., Out-of-distribution detection with deep nearest neighbours, 2022.
    """

    vectors: NDArray[np.float32]  # (clips, d), standardised, of length 1
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    threshold: float
    neighbours: int = 5

    @classmethod
    def fit(
        cls,
        vectors: ArrayLike,
        labels: ArrayLike,  # noqa: ARG003
        groups: ArrayLike,
        *,
        rate: float = 0.05,
        neighbours: int = 5,
    ) -> Novelty:
        """Fit on clip means (n, d). The threshold calls ``rate`` of the training clips unknown, each clip being
        compared with clips of other groups only. ``labels`` do not matter: unlike all of them is unlike all of them.
        """
        X, group = np.asarray(vectors, np.float32), np.unique(np.asarray(groups), return_inverse=True)[1]
        mean, scale = X.mean(axis=0), np.maximum(X.std(axis=0), 1e-6)
        unit = _unit((X - mean) / scale)
        near = unit @ unit.T
        near[group[:, None] == group[None]] = -np.inf
        k = min(neighbours, max(1, int(np.isfinite(near).sum(axis=1).min())))
        best = np.sort(near, axis=1)[:, -k:]
        own = 1 - best[np.isfinite(best).all(axis=1)].mean(axis=1)
        threshold = float(np.quantile(own, 1 - rate)) if len(own) else 2.0
        return cls(unit, mean.astype(np.float32), scale.astype(np.float32), threshold, k)

    def score(self, vectors: ArrayLike) -> Array:
        """Distance (n,) of clip means (n, d), 0 (a training clip's direction) to 2."""
        unit = _unit((np.asarray(vectors, np.float32) - self.mean) / self.scale)
        k = min(self.neighbours, len(self.vectors))
        return np.asarray(1 - np.sort(unit @ self.vectors.T, axis=1)[:, -k:].mean(axis=1), float)

    def is_unknown(self, vectors: ArrayLike) -> NDArray[np.bool_]:
        """True (n,) where a sound is further off than the threshold."""
        return np.asarray(self.score(vectors) > self.threshold)

    def save(self, path: Path) -> None:
        """Write as .npz."""
        np.savez(
            path,
            vectors=self.vectors,
            mean=self.mean,
            scale=self.scale,
            threshold=self.threshold,
            neighbours=self.neighbours,
        )

    @classmethod
    def load(cls, path: Path) -> Novelty:
        """Read what ``save`` wrote. Raises ValueError, KeyError for anything else."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["vectors"], file["mean"], file["scale"], float(file["threshold"]), int(file["neighbours"]))


def _tempered(scores: Array, temperature: float) -> Array:
    logits = np.log(np.maximum(scores, 1e-12)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    found = np.exp(logits)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _own(scores: Array, truth: NDArray[Any]) -> Array:
    return np.asarray(np.maximum(scores[np.arange(len(truth)), truth], 1e-12))


def _unit(X: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9), np.float32)
