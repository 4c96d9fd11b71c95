"""How accuracy grows with labels: evaluated on fixed folds, learnt from ever more labelled clips per class.

The test side of every fold stays what it is; from its training side ``size`` clips of each class are drawn, whole
groups at a time (the last one cut), since that is how labels come in: session by session, artist by artist. Each
draw orders the groups anew and larger sizes hold the smaller ones.

A power law ``error = floor + scale · clips ** -slope`` (Hestness et al. 2017; Cortes et al. 1993) is drawn through the
points. It is a law of thumb: how well it would have forecast the last point is told beside it. What more labels would
give is another question (``forecast``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DataError
from ..core.progress import bar
from ..core.renderers import Columns
from ..data.cache import Cache
from ..data.split import Ints, Labels, Split
from ..embeddings.load import Source
from ..metrics.intervals import Groups, Interval, columns
from ..metrics.shares import difference, share
from ..models.fit import fit
from ..models.plan import planned, refuse_windows
from ..models.prepare import Data, open_data
from ..recipes.recipe import Recipe, find
from .forecast import Measured, Target, targets
from .study import Study, common

_SLOPES = np.geomspace(0.05, 2.0, 60)


@dataclass(frozen=True)
class Point:
    """Accuracy when ``per_class`` clips of each class were learnt from; means over draws."""

    per_class: float
    clips: float  # learnt from, in all
    groups: float  # … of how many groups
    accuracy: Interval
    spread: float  # standard deviation over draws; nan for one draw
    draws: int


@dataclass(frozen=True)
class Law:
    """``error = floor + scale * per_class ** -slope``."""

    floor: float
    scale: float
    slope: float

    def accuracy(self, per_class: float) -> float:
        """What the law says of a number of clips per class."""
        return float(1 - self.floor - self.scale * per_class**-self.slope)

    def needed(self, accuracy: float) -> float:
        """Clips per class at which the law reaches an accuracy; infinite if never."""
        room = 1 - self.floor - accuracy
        if room <= 1e-9 or self.scale <= 0:
            return float("inf")
        return float((self.scale / room) ** (1 / self.slope))


@dataclass(frozen=True, kw_only=True, repr=False)
class Curve(Study):
    """Points from few labels to all, the law through them, and what it foretells."""

    points: tuple[Point, ...]
    last_doubling: tuple[float, float, Interval] | None  # from, to (clips per class), what was gained
    law: Law | None
    miss: float | None  # the last point less what the law without it foretells
    targets: tuple[Target, ...]
    groups: int

    def _found(self) -> list[str]:
        return [f"accuracy {p.accuracy.value:.3f} with {p.per_class:.3g} clips a class" for p in self.points[-1:]]

    def _columns(self) -> Columns:
        """A line a point."""
        told = {name: [getattr(p, name) for p in self.points] for name in ("per_class", "clips", "groups")}
        spread = {name: [getattr(p, name) for p in self.points] for name in ("spread", "draws")}
        return {**told, **columns("accuracy", [p.accuracy for p in self.points]), **spread}


def curve(
    source: Source | Data,
    recipe: str | Recipe,
    *,
    sizes: Sequence[int] = (),
    draws: int = 5,
    gains: Sequence[float] = (0.01, 0.02, 0.05),
    protocol: str | None = None,
    folds: int = 5,
    seed: int = 0,
    cache: Cache | None = None,
    command: str = "",
) -> Curve:
    """Evaluate ``recipe`` with ``sizes`` clips per class (default: doubling from 1), then with all; ``draws`` of each.

    Raises DataError, RecipeError, WeightsError.
    """
    began = time.perf_counter()
    recipe = find(recipe)
    data = source if isinstance(source, Data) else open_data(source, [recipe], cache=cache, seed=seed)
    refuse_windows(protocol)
    plan = planned(data, protocol, folds, seed, recipes=[recipe])
    splits, units = plan.splits, plan.groups
    whole = float(np.mean([len(s.train) for s in splits])) / len(data.dataset.classes)
    wanted = tuple(sorted(set(sizes))) or tuple(2**i for i in range(12) if 2**i < 0.75 * whole)
    if min(wanted, default=1) < 1 or draws < 1:
        raise DataError(f"found sizes {list(sizes)} and {draws} draws; wanted numbers of 1 or more")
    plans: list[tuple[int | None, int]] = [(n, draws) for n in wanted] + [(None, 1)]
    hits, points = _points(recipe, data, units, splits, plans, seed)
    right, evaluated = _counted(hits)
    places = np.array([p.per_class for p in points])
    law, miss, found = _forecast(points, hits, units, gains, seed)
    return Curve(
        **common(data, recipe, seed, began, command),
        protocol=plan.protocol,
        points=points,
        last_doubling=_last_doubling(places, right, evaluated, units, seed),
        law=law,
        miss=miss,
        targets=found,
        folds=len(splits),
        groups=len(set(units[evaluated[-1] > 0].tolist())),
        notes=plan.notes,
    )


def _points(
    recipe: Recipe,
    data: Data,
    units: Labels,
    splits: Sequence[Split],
    plans: Sequence[tuple[int | None, int]],
    seed: int,
) -> tuple[list[NDArray[np.float64]], tuple[Point, ...]]:
    """Which clips were right (draws, clips), nan where no fold evaluates, and the point, for each (size, draws) of ``plans``."""
    found, points = [], []
    with bar("fit", sum(n for _, n in plans) * len(splits)) as step:
        for size, times in plans:
            hits, sides = _drawn(recipe, data, units, splits, size, times, seed, step)
            each = np.nanmean(hits, axis=1)
            spread = float(each.std(ddof=1)) if times > 1 else float("nan")
            clips, groups = np.mean(sides, axis=0)
            right, evaluated = _counted([hits])
            accuracy = share(right[0], evaluated[0], units, seed=seed)
            points.append(Point(clips / len(data.dataset.classes), clips, groups, accuracy, spread, times))
            found.append(hits)
    return found, tuple(points)


def _counted(hits: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each clip was right and evaluated (points, clips)."""
    right = np.stack([np.nan_to_num(h.sum(axis=0)) for h in hits])
    return right, np.stack([np.isfinite(h).all(axis=0) * float(len(h)) for h in hits])


def few(labels: Labels, units: Labels, train: Ints, size: int | None, random: np.random.Generator) -> Ints:
    """``size`` clips of each class from the training side (all if there are fewer), whole groups one after another."""
    found = []
    for label in sorted(set(labels[train].tolist())):
        clips = random.permutation(train[labels[train] == label])
        names = units[clips]
        place = {g: i for i, g in enumerate(random.permutation(np.unique(names)).tolist())}
        order = np.argsort([place[g] for g in names.tolist()], kind="stable")
        found.append(clips[order][:size])
    return np.sort(np.concatenate(found))


def _drawn(
    recipe: Recipe,
    data: Data,
    units: Labels,
    splits: Sequence[Split],
    size: int | None,
    draws: int,
    seed: int,
    step: Callable[[], None],
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """Hits (draws, clips), nan where no fold evaluates, and (clips, groups) learnt from in each fit."""
    labels = data.labels
    hits = np.full((draws, len(labels)), np.nan)
    sides = []
    for d in range(draws):
        for k, part in enumerate(splits):
            learn = few(labels, units, part.train, size, np.random.default_rng([seed, d, k]))
            fitted = fit(recipe, data, learn, units, seed=seed)
            proba, _ = fitted.scores(data, part.test)
            hits[d, part.test] = np.asarray(fitted.classes)[proba.argmax(axis=1)] == labels[part.test]
            sides.append((len(learn), len(set(units[learn].tolist()))))
            step()
    return hits, sides


def _last_doubling(
    places: NDArray[np.float64], right: NDArray[Any], evaluated: NDArray[Any], units: Labels, seed: int
) -> tuple[float, float, Interval] | None:
    """What was gained from about half of the labels to all."""
    below = np.flatnonzero(places <= 0.62 * places[-1])
    if not len(below):
        return None
    k = int(below[-1])
    gained = difference((right[-1], evaluated[-1]), (right[k], evaluated[k]), units, seed=seed)
    return float(places[k]), float(places[-1]), gained


def _forecast(
    points: Sequence[Point],
    hits: Sequence[NDArray[np.float64]],
    units: Labels,
    gains: Sequence[float],
    seed: int,
) -> tuple[Law | None, float | None, tuple[Target, ...]]:
    """The law through the points, how far it misses the last one without it, and what more labels would give."""
    if len(points) < 4:
        return None, None, ()
    places = np.array([p.per_class for p in points])
    errors = np.array([[1 - p.accuracy.value for p in points]])
    law = fit_law(places, errors)[0]
    without = fit_law(places[:-1], errors[:, :-1])[0]
    miss = float((1 - errors[0, -1]) - without.accuracy(places[-1]))
    groups = places * np.array([p.groups / p.clips for p in points])
    measured = Measured(places, groups, hits)
    return law, miss, targets(measured, Groups.of(units, len(units)), gains, miss, seed=seed)


def fit_law(places: NDArray[np.float64], errors: NDArray[np.float64]) -> list[Law]:
    """Least squares through errors (r, points) at ``places`` (points,), floor and scale 0 or more: one law for each r.

    For each slope of a fixed set, floor and scale are a line's; the slope that leaves least wins.
    """
    x = places[None, :] ** -_SLOPES[:, None]  # (slopes, points)
    centred = x - x.mean(axis=1, keepdims=True)
    scale = (errors @ centred.T) / np.square(centred).sum(axis=1)  # (r, slopes)
    floor = errors.mean(axis=1, keepdims=True) - scale * x.mean(axis=1)
    through = (errors @ x.T) / np.square(x).sum(axis=1)  # the best line without a floor
    scale = np.where(floor < 0, through, scale)
    flat = scale < 0  # more labels, more errors: as good as level
    scale = np.where(flat, 0.0, scale)
    floor = np.where(flat, errors.mean(axis=1, keepdims=True), np.maximum(floor, 0.0))
    left = np.square(errors[:, None, :] - floor[..., None] - scale[..., None] * x).sum(axis=2)
    best = left.argmin(axis=1)
    embeddings = np.arange(len(errors))
    return [
        Law(float(a), float(b), float(_SLOPES[k]))
        for a, b, k in zip(floor[embeddings, best], scale[embeddings, best], best, strict=True)
    ]
