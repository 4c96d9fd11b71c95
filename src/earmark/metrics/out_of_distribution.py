"""Is this sound like those the model was trained on? Distance in the backbone's space, applied with numpy.

A clip's vector is scaled to length one (of several backbones each one's, and they are joined); its distance is that from
the nearest class mean, where directions in which clips of one class differ anyway count less (Mahalanobis distance with
the covariance inside classes: Lee et al. 2018; on vectors of unit length: Mueller & Hein 2025). The covariance is shrunk by 0.8 towards a ball, which a few hundred
clips in hundreds of dimensions need, and kept as its 128 strongest directions, so a bundle grows by half a megabyte at
most. The limit is the distance that ``rate`` (5 %) of the training clips exceed when their group is left out.

Tried on the clip means of three backbones beside nearest neighbours (cosine, Euclidean), plain and relative
Mahalanobis distance, principal subspaces, the highest score and the energy of the logits; docs/results.md has the
table. What no distance sees: a sound that the backbone itself takes for another, and silence where training clips hold
silence too.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import BundleError, DataError
from ..core.renderers import Shown, counted
from .intervals import Array, Groups

_SHRINK = 0.8
_AXES = 128
_FOLDS = 5


@dataclass(frozen=True, eq=False, repr=False)
class Novelty(Shown):
    """What the training sounds were like: class means (k, d), strong directions (r, d), and how little these count."""

    means: NDArray[np.float32]
    axes: NDArray[np.float32]
    relief: NDArray[np.float32]  # (r,) share of a squared distance along an axis that does not count
    limit: float
    rate: float
    note: str = ""

    def _line(self) -> str:
        classes, size = self.means.shape
        known = f"{counted(classes, 'class', 'classes')} in {size} numbers"
        return f"{known}, unknown above {self.limit:.3g} ({self.rate:g} of known sounds)"

    @classmethod
    def fit(
        cls, vectors: ArrayLike, labels: ArrayLike, groups: ArrayLike | None, *, rate: float = 0.05, seed: int = 0
    ) -> Novelty:
        """Vectors (n, d) of the training clips, labels (n,), groups (n,) or None.

        ``rate`` is the share of known sounds to be called unknown. Where no class has two groups, clips are left out
        one fold at a time instead; where no class has two clips, nothing is called unknown. ``note`` says so. Raises
        DataError for input that does not fit.
        """
        rows, names = np.asarray(vectors, np.float64), np.asarray(labels).astype(str)
        if rows.ndim != 2 or not len(rows) or len(rows) != len(names) or not np.isfinite(rows).all():
            raise DataError(
                f"found vectors of shape {rows.shape} and {len(names)} labels; wanted finite (n, d) and (n,), n > 0"
            )
        if not 0 < rate < 1:
            raise DataError(f"found the rate {rate}; wanted a number between 0 and 1, such as 0.05")
        units, unit = Groups.of(groups, len(rows)), _unit(rows)
        what, note = ("clips" if len(units) == len(rows) else "groups"), ""
        far, asked = _left_out(unit, names, units, seed)
        if not len(far):
            what, note = (
                "clips",
                (
                    "No class has two groups, so the limit for unknown sounds knows only of known groups: it is too strict."
                ),
            )
            far, asked = _left_out(unit, names, Groups.of(None, len(rows)), seed)
        if not len(far):
            note = "No class has two clips, so nothing can be called unknown. Wanted: 20 clips or more."
        elif asked < 1 / rate:
            rough = f"Only {asked} {what}: the limit for unknown sounds is rough. Wanted: {round(1 / rate)} or more."
            note = f"{note} {rough}".strip()
        limit = float(np.quantile(far, 1 - rate, method="higher")) if len(far) else float("inf")
        return cls(*_space(unit, names), limit, rate, note)

    def score(self, vectors: ArrayLike) -> Array:
        """Vectors (n, d) -> how unlike the training sounds (n,): 0 is a class mean, above ``limit`` is unknown."""
        rows = np.asarray(vectors, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.means.shape[1]:
            raise DataError(f"found vectors of shape {rows.shape}; wanted (n, {self.means.shape[1]})")
        return _distance(_unit(rows), self.means, self.axes, self.relief)

    def is_unknown(self, vectors: ArrayLike) -> NDArray[np.bool_]:
        """Vectors (n, d) -> True (n,) for sounds unlike those of training."""
        return np.asarray(self.score(vectors) > self.limit)

    def save(self, path: str | Path) -> None:
        """Write as .npz (arrays only, no pickle)."""
        with Path(path).open("wb") as file:
            np.savez_compressed(
                file,
                means=self.means,
                axes=self.axes,
                relief=self.relief,
                limit=np.asarray(self.limit),
                rate=np.asarray(self.rate),
                note=np.asarray(self.note),
            )

    @classmethod
    def load(cls, path: str | Path) -> Novelty:
        """Read what ``save`` wrote. Raises BundleError if it is damaged."""
        try:
            # Opened here: numpy leaves a file open that turns out not to be a zip.
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                means, axes, relief = (kept[name].astype(np.float32) for name in ("means", "axes", "relief"))
                made = cls(means, axes, relief, float(kept["limit"]), float(kept["rate"]), str(kept["note"]))
            if means.ndim != 2 or axes.shape != (len(relief), means.shape[1]) or not len(means) or np.isnan(made.limit):
                raise ValueError(f"arrays of the shapes {means.shape}, {axes.shape}, {relief.shape}")
            if not all(np.isfinite(part).all() for part in (means, axes, relief)):
                raise ValueError("numbers that are none")
            return made
        except (
            OSError,
            KeyError,
            TypeError,
            ValueError,
            EOFError,
            BadZipFile,
            MemoryError,
            RuntimeError,
            zlib.error,
        ) as error:
            raise BundleError(
                f"{path} is damaged ({repr(error)[:200]}); train the model again or get a fresh copy"
            ) from error


def joined(vectors: Sequence[ArrayLike]) -> Array:
    """Vectors of the same clips by several backbones, (n, d) each, as one: each counts the same, however long it is."""
    return np.concatenate([_unit(np.asarray(v, np.float64)) for v in vectors], axis=1)


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _space(
    unit: Array, names: NDArray[np.str_]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Class means, the strongest directions of the spread inside classes, and how little each counts."""
    classes, y = np.unique(names, return_inverse=True)
    means = np.stack([unit[y == k].mean(axis=0) for k in range(len(classes))])
    rest = unit - means[y]
    spread, axes = _strongest(rest)
    spread = spread / len(unit)
    base = _SHRINK * float(np.square(rest).sum()) / len(unit) / unit.shape[1]
    # In units of the ball: (shrunk covariance)^-1 = identity - relief along the axes.
    relief = 1 - base / ((1 - _SHRINK) * spread + base) if base > 0 else np.zeros_like(spread)
    return means.astype(np.float32), axes.astype(np.float32), relief.astype(np.float32)


def _strongest(rest: Array) -> tuple[Array, Array]:
    """Squared singular values (r,) of (n, d), the greatest first, and their directions (r, d); r is 128 at most.

    By the eigenvalues of the smaller of the two products with itself: a decomposition of the vectors may not converge.
    """
    few = len(rest) < rest.shape[1]
    values, vectors = np.linalg.eigh(rest @ rest.T if few else rest.T @ rest)
    kept = np.flatnonzero(values > 1e-12 * max(values[-1], 0))[::-1][:_AXES]
    values, vectors = values[kept], vectors[:, kept]
    axes = (rest.T @ vectors / np.sqrt(values)).T if few else vectors.T
    return values, np.asarray(axes)


def _distance(unit: Array, means: ArrayLike, axes: ArrayLike, relief: ArrayLike) -> Array:
    """Distance (n,) from the nearest mean."""
    found = np.full(len(unit), np.inf)
    for mean in np.asarray(means, np.float64):
        away = unit - mean
        along = away @ np.asarray(axes, np.float64).T
        found = np.minimum(found, (away**2).sum(axis=1) - along**2 @ np.asarray(relief, np.float64))
    return np.asarray(np.sqrt(np.maximum(found, 0)))


def _left_out(unit: Array, names: NDArray[np.str_], units: Groups, seed: int) -> tuple[Array, int]:
    """Distances of clips from the space of the other groups, for classes that stay represented there; of how many groups."""
    fold = (np.random.default_rng(seed).permutation(len(units)) % _FOLDS)[units.codes]
    found, groups = [np.zeros(0)], set[int]()
    for k in np.unique(fold):
        learnt = fold != k
        asked = (fold == k) & np.isin(names, names[learnt])
        if learnt.any() and asked.any():
            found.append(_distance(unit[asked], *_space(unit[learnt], names[learnt])))
            groups |= set(units.codes[asked].tolist())
    return np.concatenate(found), len(groups)
