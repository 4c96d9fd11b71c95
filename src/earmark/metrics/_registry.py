"""What a metric is, and all of them by name; ``clips.py`` has the functions and what they are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import outside
from ..core.errors import DataError

Array = NDArray[np.float64]
_TAKEN = frozenset(
    {  # what else stands beside the scores of a recipe in metrics.json
        "recipe",
        "short",
        "per_class",
        "per_class_intervals",
        "ranking",
        "calibration",
        "between_groups",
        "labels",
        "confusion",
        "clips",
        "groups",
        "spread",
        "notes",
        "accuracy_per_seed",
        "window_accuracy",
        "seconds",
        "backbones",
        "toml",
    }
)


@dataclass(frozen=True)
class Metric:
    """A named score with its range. ``best`` and ``worst`` are the ends of the range; one without an end is infinite."""

    name: str
    function: Callable[[NDArray[np.int64], Array, Array], Array]
    best: float
    worst: float

    @property
    def higher_is_better(self) -> bool:
        """True where more is better."""
        return self.best > self.worst

    @property
    def summary(self) -> str:
        """First line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    def __call__(self, y: ArrayLike, proba: ArrayLike, weights: ArrayLike | None = None) -> Array:
        """y (n,) int, proba (n, k), weights (..., n) or None (all one) -> scores (...)."""
        classes, scores = np.asarray(y, np.int64), np.asarray(proba, np.float64)
        counts = np.ones(len(classes)) if weights is None else np.asarray(weights, np.float64)
        return np.asarray(self.function(classes, scores, counts))


_Function = Callable[[NDArray[np.int64], Array, Array], Array]
_SHIPPED: dict[str, Metric] = {}


def metric(*, best: float, worst: float | None = None) -> Callable[[_Function], Metric]:
    """Make a metric of a function, under its own name.

    ``worst`` is left out for an error that has no greatest value (a mean rank). What has no end on another side says so:
    ``worst=-math.inf`` where more is better, ``best=-math.inf`` where less is.
    """
    end = math.inf if worst is None else worst
    if math.isnan(best) or math.isnan(end) or best == end:
        raise DataError(f"metric(best={best}, worst={worst}): wanted two different ends of a range")

    def made(function: _Function) -> Metric:
        one = Metric(function.__name__, function, best, end)
        if function.__module__.partition(".")[0] == "earmark":
            _SHIPPED[one.name] = one
        return one

    return made


class _Metrics(Mapping[str, Metric]):
    """Metrics by name: Earmark's own, then those of other packages."""

    def __getitem__(self, name: str) -> Metric:
        if name in _SHIPPED:
            return _SHIPPED[name]
        one: Metric = _outside()[0][name].part
        return replace(one, function=_guarded(one.function))

    def __iter__(self) -> Iterator[str]:
        return iter((*_SHIPPED, *_outside()[0]))

    def __len__(self) -> int:
        return len(_SHIPPED) + len(_outside()[0])


METRICS: Mapping[str, Metric] = _Metrics()


def broken() -> tuple[outside.Broken, ...]:
    """Metrics of other packages that cannot be used, each with the reason in one line."""
    return _outside()[1]


def package(name: str) -> str | None:
    """Name and version of the package that brings a metric; None for Earmark's own."""
    one = None if name in _SHIPPED else _outside()[0].get(name)
    return one.package if one else None


def _outside() -> tuple[dict[str, outside.Outside], tuple[outside.Broken, ...]]:
    return outside.found("metrics", tuple(_SHIPPED), _fault)


def _fault(name: str, part: object) -> str:
    """Why what another package calls a metric is none; "" if it is one: evaluating is no place to find out."""
    if not isinstance(part, Metric):
        return (
            f"found a {type(part).__name__}; wanted a function with @metric(best=…, worst=…) of earmark.metrics.clips"
        )
    if part.name != name:
        return f"its function is called {part.name!r}; wanted the name of the entry point"
    if name in _TAKEN or not name.isidentifier():
        return "metrics.json has something else of that name" if name in _TAKEN else "wanted a function's name"
    try:
        scores = part([0, 1, 1], np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]), np.array([[1, 1, 1], [0, 2, 1]]))
    except Exception as error:
        return f"it failed on three clips ({outside.said(error)})"
    if scores.shape != (2,) or scores.dtype.kind not in "fiu" or not np.isfinite(scores).all():
        return f"for weights (2, 3) it gave scores of shape {scores.shape}; wanted two numbers, one for each weighting"
    return ""


def _guarded(function: _Function) -> _Function:
    """The same function, which gives "not a number" where it fails: a report has other numbers to show."""

    @wraps(function)
    def guarded(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
        try:
            return np.asarray(function(y, proba, weights), np.float64).reshape(weights.shape[:-1])
        except Exception:
            return np.full(weights.shape[:-1], np.nan)

    return guarded
