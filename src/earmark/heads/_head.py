"""What every head is as an estimator of scikit-learn: it looks at what it is given, and keeps the labels it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from ..core.errors import DataError
from ._inner import Codes, Floats


@dataclass(frozen=True)
class Known:
    """What a head learns from: embeddings (n, *shape), codes (n,) of ``classes_``, group codes and weights (n,) or None."""

    embeddings: Floats
    codes: Codes
    groups: Codes | None
    weight: Floats | None


class Head(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of embeddings (n, *shape): ``fit`` begins with ``known``, ``predict_proba`` with ``like``.

    ``classes_`` are the sorted labels in the kind they came in; Earmark itself gives strings.
    """

    classes_: NDArray[Any]
    shape_: tuple[int, ...]

    def known(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Known:
        """What ``fit`` was given, looked at; sets ``classes_`` and ``shape_``. What counts nothing is not learnt from.

        Raises DataError when there is nothing to learn: no embeddings, lengths that differ, numbers that are not finite,
        fewer than two classes.
        """
        embeddings = self._finite(X, reset=True)
        if not len(embeddings):
            raise DataError(f"found an array of shape {embeddings.shape}; wanted embeddings (n, *shape) with n > 0")
        labels, ids = _one_each(y, "label", len(embeddings)), None
        if groups is not None:
            ids = np.unique(_one_each(groups, "group", len(embeddings)).astype(str), return_inverse=True)[1]
        weight = None if sample_weight is None else _weight(sample_weight, embeddings)
        if weight is not None and not weight.all():
            counts = weight > 0
            embeddings, labels, weight = embeddings[counts], labels[counts], weight[counts]
            ids = None if ids is None else np.unique(ids[counts], return_inverse=True)[1]
        self.classes_, codes = _classes(labels)
        self.shape_ = embeddings.shape[1:]
        return Known(embeddings, codes, ids, weight)

    def like(self, X: ArrayLike) -> Floats:
        """Embeddings to be scored (n, *shape) float32. Raises DataError if they are not as those that were learnt from."""
        check_is_fitted(self)
        embeddings = self._finite(X, reset=False)
        if embeddings.shape[1:] != self.shape_:
            raise DataError(f"found embeddings of shape {embeddings.shape[1:]}; {self._learnt()}")
        return embeddings

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each window (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probabilities (n, classes) float32 in the order of ``classes_``."""
        raise NotImplementedError

    def _finite(self, X: ArrayLike, *, reset: bool) -> Floats:
        """An array of numbers (n, *shape) float32, its columns as before unless ``reset``. Raises DataError, TypeError."""
        try:
            embeddings: Floats = validate_data(
                self, X, reset=reset, dtype=np.float32, allow_nd=True, ensure_all_finite=False, ensure_min_samples=0
            )
        except ValueError as error:
            raise DataError(f"{error}" if reset else f"{error}; {self._learnt()}") from error
        if not np.isfinite(embeddings).all():
            bad = int((~np.isfinite(embeddings)).reshape(len(embeddings), -1).any(axis=1).sum())
            raise DataError(
                f"{bad} of {len(embeddings)} embeddings hold numbers that are not finite (NaN, inf); embed these sounds again"
            )
        return embeddings

    def _learnt(self) -> str:
        return f"this head learnt from embeddings of shape {self.shape_}"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _one_each(given: ArrayLike, what: str, count: int) -> NDArray[Any]:
    """Labels or groups (n,). Raises DataError if there are not ``count`` of them."""
    try:
        found = np.asarray(column_or_1d(given, warn=True))
    except (ValueError, TypeError) as error:
        raise DataError(f"{error}; wanted one {what} for each window") from error
    if len(found) != count:
        raise DataError(
            f"found {count} embeddings and {what}s of shape {found.shape}; wanted one {what} for each window"
        )
    return found


def _weight(given: ArrayLike, embeddings: Floats) -> Floats:
    try:
        return np.asarray(_check_sample_weight(given, embeddings, dtype=np.float32, ensure_non_negative=True))
    except (ValueError, TypeError) as error:
        raise DataError(f"{error}; wanted one weight for each window") from error


def _classes(labels: NDArray[Any]) -> tuple[NDArray[Any], Codes]:
    """Sorted classes in the kind they came in, and the index of each label (n,). Raises DataError."""
    try:
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise ValueError("found labels that are NaN or inf")
        if labels.dtype.kind != "U":  # text is always classes; it is asked of numbers, which may be measured values
            check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
    except (ValueError, TypeError) as error:
        raise DataError(f"{error}; wanted labels of one kind, e.g. text or whole numbers") from error
    if len(classes) < 2:
        raise DataError(f"found one class only, {classes.tolist()}; a head needs embeddings of at least two classes")
    return classes, codes
