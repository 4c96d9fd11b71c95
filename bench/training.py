"""Do claims about recipes hold when training varies, too? Heads are fitted in the loop, on sounds that are drawn anew.

    python bench/training.py [--quick] [--runs 100]

Sounds are points: a class's mean, what the group has of its own, and noise. Heads are nearest class means, the nearest
neighbour and ridge regression, evaluated out of fold with whole groups, as ``compare`` and ``curve`` do. What is true is known from
very many new groups.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from inspect import cleandoc

import numpy as np
from intervals import head, line
from numpy.typing import NDArray

from earmark.metrics.intervals import Groups
from earmark.metrics.paired import compare
from earmark.studies.curve import fit_law
from earmark.studies.forecast import FARTHEST, Measured, targets

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Says = Callable[[Array], Ints]
Fit = Callable[[Array, Ints, int], Says]
GAINS = (0.01, 0.02, 0.05)


def means(X: Array, y: Ints, k: int) -> Says:
    """The nearest class mean."""
    centre = np.stack([X[y == c].mean(axis=0) for c in range(k)])
    return lambda Z: (Z @ centre.T - (centre**2).sum(axis=1) / 2).argmax(axis=1)


def neighbour(X: Array, y: Ints, k: int) -> Says:  # noqa: ARG001
    """The nearest neighbour."""
    return lambda Z: y[((X**2).sum(axis=1) - 2 * Z @ X.T).argmin(axis=1)]


def ridge(X: Array, y: Ints, k: int) -> Says:
    """Ridge regression on classes."""
    one = np.c_[X, np.ones(len(X))]
    weights = np.linalg.solve(one.T @ one + 10 * np.eye(one.shape[1]), one.T @ np.eye(k)[y])
    return lambda Z: (np.c_[Z, np.ones(len(Z))] @ weights).argmax(axis=1)


# (head, dimensions, classes, how far apart classes are, how much a group has of its own)
WORLDS: list[tuple[Fit, int, int, float, float]] = [
    (means, 20, 3, 2.5, 0.5),
    (neighbour, 10, 4, 3.0, 0.5),
    (ridge, 40, 5, 3.0, 0.5),
    (means, 50, 4, 2.5, 1.0),
    (means, 5, 3, 2.0, 0.3),
    (ridge, 100, 4, 4.0, 0.3),  # as many numbers as clips: more clips make it worse before they make it better
]


def sounds(random: np.random.Generator, centres: Array, groups: int, of: int, own: float) -> tuple[Array, Ints, Ints]:
    """``groups`` of each class, of so many clips: points (n, d), classes (n,), groups (n,)."""
    k, d = centres.shape
    y, group = np.repeat(np.arange(k), groups * of), np.arange(k * groups * of) // of
    X = centres[y] + own * random.normal(size=(k * groups, d))[group] + random.normal(size=(len(y), d))
    return X, y, group


def dealt(random: np.random.Generator, groups: int, classes: int, folds: int = 5) -> Ints:
    """The fold of each group, classes spread evenly."""
    return np.concatenate([random.permutation(groups) for _ in range(classes)]) % folds


def alarms(runs: int, counts: tuple[int, ...]) -> None:
    """Two recipes that are equally good on average; called different at p <= .05, % of runs.

    About recipes: every one is a false alarm. About these heads (as verdicts say): one is false if the interval leaves out
    the true difference of the very heads that were trained, averaged over folds, on very many new groups.
    """
    head(["head", "groups of a class", "about recipes", "about these heads"])
    for fit, d, k, far, own in WORLDS[:3]:
        for groups in counts:
            called, missed = 0, 0
            for run in range(runs):
                random = np.random.default_rng([groups, d, run])
                one, other = _two(random, fit, (d, k, far, own), groups, run)
                called += one
                missed += other
            line(fit.__name__, groups, f"{100 * called / runs:.1f}", f"{100 * missed / runs:.1f}")


def _two(random, fit: Fit, world: tuple[int, int, float, float], groups: int, run: int) -> tuple[bool, bool]:
    d, k, far, own = world
    # Each recipe has half of the dimensions for itself: by symmetry neither is better.
    centres = np.tile(random.normal(size=(k, d)) * far / np.sqrt(d), 2)
    X, y, group = sounds(random, centres, groups, 3, own)
    new, true, _ = sounds(random, centres, 700, 1, own)
    fold = dealt(random, groups, k)[group]
    right, really = {}, {}
    for name, part in (("a", slice(0, d)), ("b", slice(d, 2 * d))):
        hits, rates = np.zeros(len(y)), []
        for f in range(5):
            says = fit(X[fold != f][:, part], y[fold != f], k)
            hits[fold == f] = says(X[fold == f][:, part]) == y[fold == f]
            rates.append((says(new[:, part]) == true).mean())
        right[name], really[name] = np.stack([hits, 1 - hits], axis=-1), np.mean(rates)
    (pair,) = compare(np.zeros(len(y), int), right, group, resamples=399, seed=run)
    gap = really["a"] - really["b"]
    return pair.p <= 0.05, not pair.low <= gap <= pair.high


def labels(runs: int, counts: tuple[int, ...]) -> None:
    """What 1, 2 and 5 points more would take. "At least N" that holds, % (how often it says over 10 % more labels), and "not
    in sight" that is right (truly over 5 times the labels), of how many.
    """
    head(["head", "clips a group", "groups of a class", *(f"+{100 * g:.0f}" for g in GAINS)])
    for fit, d, k, far, own in WORLDS:
        centres = np.random.default_rng(1).normal(size=(k, d)) * far / np.sqrt(d)
        for of in (1, 4):
            sizes, rates = _truth(fit, centres, of, own)
            for groups in counts:
                line(fit.__name__, of, groups, *_labels(fit, centres, (sizes, rates), groups, of, own, runs))


def _labels(fit: Fit, centres: Array, known: tuple[Array, Array], groups: int, of: int, own: float, runs: int):
    sizes, rates = known
    now = 0.8 * groups * of
    wanted = np.interp(np.log(now), np.log(sizes), rates) + np.array(GAINS)
    true = np.where(wanted > rates[-1], np.inf, np.exp(np.interp(wanted, rates, np.log(sizes))))
    held, says, never, right = np.zeros((4, len(GAINS)))
    for run in range(runs):
        measured, test = _curve(np.random.default_rng([run, groups, of]), fit, centres, groups, of, own)
        errors = np.array([[1 - np.nanmean(h) for h in measured.hits]])
        law = fit_law(measured.clips[:-1], errors[:, :-1])[0]
        miss = 1 - errors[0, -1] - law.accuracy(measured.clips[-1])
        for i, told in enumerate(targets(measured, test, GAINS, float(miss), seed=run)):
            if np.isinf(told.per_class):
                never[i], right[i] = never[i] + 1, right[i] + (true[i] > FARTHEST / 2 * now)
            else:
                held[i], says[i] = held[i] + (told.low <= 1.02 * true[i]), says[i] + (told.low > 1.1 * now)
    for h, s, n, r in zip(held, says, never, right, strict=True):
        least = f"{100 * h / (runs - n):.0f} ({100 * s / (runs - n):.0f})" if n < runs else "–"
        yield least + (f"; {r:.0f} of {n:.0f}" if n else "")


def _truth(fit: Fit, centres: Array, of: int, own: float) -> tuple[Array, Array]:
    """Clips a class, and the accuracy that they give on average."""
    random, k = np.random.default_rng(0), len(centres)
    X, y, _ = sounds(random, centres, 2000 // of, of, own)
    sizes = np.unique(np.round(np.geomspace(2, 3000 / of, 22)).astype(int))
    rates = []
    for groups in sizes:
        learnt = [sounds(random, centres, groups, of, own) for _ in range(max(3, 200 // groups))]
        rates.append(np.mean([(fit(a, b, k)(X) == y).mean() for a, b, _ in learnt]))
    return sizes.astype(float) * of, np.maximum.accumulate(rates)


def _curve(random, fit: Fit, centres: Array, groups: int, of: int, own: float) -> tuple[Measured, Groups]:
    k = len(centres)
    X, y, group = sounds(random, centres, groups, of, own)
    fold = dealt(random, groups, k)[group]
    sizes = [2**i for i in range(12) if 2**i < 0.6 * groups * of]
    hits, clips, learnt = [], [], []
    for size in [*sizes, None]:
        found, sides = np.zeros((5 if size else 1, len(y))), []
        for draw in found:
            for f in range(5):
                train = np.flatnonzero(fold != f)
                if size:
                    order = random.permutation(k * groups)[group[train]] * len(y) + random.permutation(len(train))
                    train = train[np.argsort(order)]
                    train = np.concatenate([train[y[train] == c][:size] for c in range(k)])
                draw[fold == f] = fit(X[train], y[train], k)(X[fold == f]) == y[fold == f]
                sides.append((len(train) / k, len(np.unique(group[train])) / k))
        hits.append(found)
        clips.append(np.mean([c for c, _ in sides]))
        learnt.append(np.mean([g for _, g in sides]))
    return Measured(np.array(clips), np.array(learnt), hits), Groups.of(group, len(y))


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=100)
    options.add_argument("--quick", action="store_true", help="few runs, two numbers of groups")
    told = options.parse_args()
    runs, counts = (20, (10, 30)) if told.quick else (told.runs, (10, 30, 60))
    for table in (alarms, labels):
        print(f"\n{cleandoc(table.__doc__ or '')} {runs} runs in each cell.\n")
        table(runs, counts)


if __name__ == "__main__":
    main()
