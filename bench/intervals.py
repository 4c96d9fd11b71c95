"""Do the intervals hold what they promise? Simulations, printed as markdown tables.

    python bench/intervals.py [--quick] [--runs 400] [--only NAME …]

Clips come in groups that are right or wrong together; sizes of groups are even, skewed, or those of the artists of a
published subset of GTZAN. What is asked of each table stands above it: an interval of 95 % holds the truth in 93 to 97 %
of runs or more, a table of equally good recipes raises an alarm in no more than 5 %.

``--quick`` takes about a minute on one core. Everything is seeded.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from inspect import cleandoc
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from earmark.metrics.by_class import by_class
from earmark.metrics.by_group import between_groups
from earmark.metrics.clips import METRICS
from earmark.metrics.counts import class_shares, counted_shares
from earmark.metrics.intervals import Groups, interval
from earmark.metrics.paired import compare
from earmark.metrics.ranking import auroc, average_precision, ranking
from earmark.metrics.selection import best_of_many

Array = NDArray[np.float64]
# Clips per artist in a published subset of GTZAN (490 clips, 183 artists): size -> number of artists.
MUSIC = {
    1: 127,
    2: 18,
    3: 7,
    4: 6,
    5: 4,
    6: 2,
    7: 3,
    8: 1,
    9: 1,
    10: 2,
    11: 3,
    12: 2,
    14: 2,
    17: 1,
    19: 2,
    24: 1,
    28: 1,
}
SIZES = {
    "equal (5)": np.array([5]),
    "skewed": np.maximum(1, np.round(np.random.default_rng(0).lognormal(1.0, 1.0, 5000))).astype(int),
    "GTZAN's artists": np.repeat(list(MUSIC), list(MUSIC.values())),
}
COUNTS = (10, 20, 50, 100, 200)
CLASSES = {"4 even": np.full(4, 0.25), "4, rarest 3 %": np.array([0.6, 0.3, 0.07, 0.03]), "10 even": np.full(10, 0.1)}
SKILL = {"easy": 3.5, "hard": 1.5}  # balanced accuracy about .97 and .5 to .7


def drawn_groups(random: np.random.Generator, kind: str, groups: int) -> NDArray[np.int64]:
    """The group (n,) of each clip."""
    return np.repeat(np.arange(groups), random.choice(SIZES[kind], groups))


def hits(random: np.random.Generator, group: NDArray[np.int64], rates: Array, alike: float, own: float) -> Array:
    """Whether recipes of these accuracies are right (recipes, n).

    ``alike``: correlation inside a group; ``own``: share of what decides a clip that is each recipe's own.
    """
    groups, shape = int(group[-1]) + 1, len(rates)
    easy = np.sqrt(1 - own) * random.normal(size=groups) + np.sqrt(own) * random.normal(size=(shape, groups))
    clip = np.sqrt(1 - own) * random.normal(size=len(group)) + np.sqrt(own) * random.normal(size=(shape, len(group)))
    bars = np.array([NormalDist().inv_cdf(r) for r in rates])
    return np.sqrt(alike) * easy[:, group] + np.sqrt(1 - alike) * clip < bars[:, None]


def one_hot(right: Array) -> Array:
    """Scores of two classes, of which the first is true."""
    return np.stack([right, 1 - right], axis=-1).astype(float)


def scored(random: np.random.Generator, group: NDArray[np.int64], shares: Array, skill: float, alike: float):
    """Classes (n,) and scores (n, k). With ``alike`` above 0 the clips of a group are all of one class, too."""
    groups, k, n = int(group[-1]) + 1, len(shares), len(group)
    y = random.choice(k, groups, p=shares)[group] if alike else random.choice(k, n, p=shares)
    logits = np.sqrt(alike) * random.normal(size=(groups, k))[group] + np.sqrt(1 - alike) * random.normal(size=(n, k))
    logits[np.arange(n), y] += skill
    raised = np.exp(logits)
    return y, raised / raised.sum(axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------------- tables
def accuracy(runs: int, counts: Iterable[int]) -> None:
    """Coverage of the interval of accuracy, % (mean length in points)."""
    cells = [(r, a) for r in (0.0, 0.1, 0.3) for a in (0.6, 0.8, 0.95, 0.99)]
    head(["group sizes", "groups", *(f"r={r}, accuracy {a}" for r, a in cells)])
    for kind in SIZES:
        for groups in counts:
            line(kind, groups, *(_accuracy(kind, groups, r, a, runs) for r, a in cells))


def _accuracy(kind: str, groups: int, alike: float, true: float, runs: int) -> str:
    random = np.random.default_rng([groups, int(100 * alike), int(100 * true)])
    drawn = random.multinomial(groups, np.full(groups, 1 / groups), size=500).astype(np.float64)
    held, length = 0, 0.0
    for _ in range(runs):
        sizes = random.choice(SIZES[kind], groups)
        a, b = (true * (1 - alike) / alike, (1 - true) * (1 - alike) / alike) if alike else (0, 0)
        right = random.binomial(sizes, random.beta(a, b, groups) if alike else true)
        units = Groups(np.repeat(np.arange(groups), sizes), sizes)
        left = (right.sum() - right) / (sizes.sum() - sizes)
        found = interval(right.sum() / sizes.sum(), (drawn @ right) / (drawn @ sizes), left, units)
        held += found.low <= true <= found.high
        length += found.high - found.low
    return f"{100 * held / runs:.1f} ({100 * length / runs:.0f})"


def differences(runs: int, counts: Iterable[int]) -> None:
    """Coverage of the interval of a difference, % (mean length in points), by the two accuracies."""
    cells = [(r, ab) for r in (0.0, 0.3) for ab in ((0.99, 0.98), (0.99, 0.95), (0.9, 0.8), (0.6, 0.6))]
    head(["group sizes", "groups", *(f"r={r}, {a} and {b}" for r, (a, b) in cells)])
    for kind in SIZES:
        for groups in counts:
            line(kind, groups, *(_difference(kind, groups, r, ab, runs) for r, ab in cells))


def _difference(kind: str, groups: int, alike: float, rates: tuple[float, float], runs: int) -> str:
    random, held, length = np.random.default_rng([groups, int(1000 * rates[0])]), 0, 0.0
    for run in range(runs):
        group = drawn_groups(random, kind, groups)
        a, b = hits(random, group, np.array(rates), alike, 0.4)
        (pair,) = compare(np.zeros(len(group), int), {"a": one_hot(a), "b": one_hot(b)}, group, resamples=399, seed=run)
        held += pair.low <= rates[0] - rates[1] <= pair.high
        length += pair.high - pair.low
    return f"{100 * held / runs:.1f} ({100 * length / runs:.0f})"


def alarms(runs: int, counts: Iterable[int]) -> None:
    """False alarms: tables of equally good recipes with a pair called better, % (5 allowed).

    Of these heads, as they were trained: what another training would change is not simulated.
    """
    head(["group sizes", "groups", "2 recipes", "4 recipes (6 pairs)", "8 recipes (28 pairs)"])
    for kind in SIZES:
        for groups in counts:
            line(kind, groups, *(_alarms(kind, groups, m, runs) for m in (2, 4, 8)))


def _alarms(kind: str, groups: int, recipes: int, runs: int) -> str:
    random, found = np.random.default_rng([groups, recipes]), 0
    for run in range(runs):
        group = drawn_groups(random, kind, groups)
        right = hits(random, group, np.full(recipes, 0.8), 0.3, 0.4)
        proba = {str(i): one_hot(h) for i, h in enumerate(right)}
        pairs = compare(np.zeros(len(group), int), proba, group, resamples=399, seed=run)
        found += any(pair.p_adjusted <= 0.05 for pair in pairs)
    return f"{100 * found / runs:.1f}"


def power(runs: int, counts: Iterable[int]) -> None:
    """How often a true difference as large as the one told to be detectable is called sure, % (80 wanted or more)."""
    cells = [(r, a) for r in (0.0, 0.3) for a in (0.8, 0.95)]
    head(["group sizes", "groups", *(f"r={r}, accuracy {a}" for r, a in cells)])
    for kind in SIZES:
        for groups in counts:
            if groups >= 20:
                line(kind, groups, *(_power(kind, groups, r, a, runs) for r, a in cells))


def _power(kind: str, groups: int, alike: float, better: float, runs: int) -> str:
    random, seen = np.random.default_rng([groups, int(100 * better)]), 0

    def pair(worse: float, run: int):
        group = drawn_groups(random, kind, groups)
        a, b = hits(random, group, np.array([better, worse]), alike, 0.4)
        return compare(np.zeros(len(group), int), {"a": one_hot(a), "b": one_hot(b)}, group, resamples=399, seed=run)[0]

    worse = better
    for _ in range(4):  # the difference that is told to be detectable where it is the true one
        worse = max(0.02, better - float(np.median([pair(worse, run).detectable for run in range(15)])))
    for run in range(runs):
        seen += pair(worse, run).p <= 0.05
    return f"{100 * seen / runs:.0f} ({100 * (better - worse):.1f} points)"


def classes(runs: int, counts: Iterable[int]) -> None:
    """Coverage, %: macro precision, recall, F1, average precision, AUROC / the same of single classes."""
    cells = [(r, s) for r in (0.0, 0.3) for s in SKILL]
    head(["classes", "group sizes", "groups", *(f"r={r}, {s}" for r, s in cells)])
    for name, shares in CLASSES.items():
        for kind in list(SIZES)[:2]:
            for groups in counts:
                line(name, kind, groups, *(_classes(shares, kind, groups, r, SKILL[s], runs) for r, s in cells))


MACRO = {"precision": "macro_precision", "recall": "macro_recall", "f1": "macro_f1"}


def truths(shares: Array, skill: float, alike: float) -> dict[str, Array]:
    """Every figure of each class, from very many clips."""
    random = np.random.default_rng(99)
    y, proba = scored(random, np.repeat(np.arange(15_000), 5), shares, skill, alike)
    cells = np.zeros((len(shares), len(shares)))
    np.add.at(cells, (y, proba.argmax(axis=1)), 1)
    right, own, taken = cells.diagonal(), cells.sum(axis=1), cells.sum(axis=0)
    of_class = {"precision": right / taken, "recall": right / own, "f1": 2 * right / (own + taken)}
    for name, function in (("average_precision", average_precision), ("auroc", auroc)):
        of_class[name] = np.array([function(y == c, proba[:, c])[0] for c in range(len(shares))])
    return of_class


def _classes(shares: Array, kind: str, groups: int, alike: float, skill: float, runs: int) -> str:
    random, true = np.random.default_rng([groups, len(shares)]), truths(shares, skill, alike)
    macro, single = dict.fromkeys(true, 0), {name: [] for name in true}
    for _ in range(runs):
        group = drawn_groups(random, kind, groups)
        y, proba = scored(random, group, shares, skill, alike)
        units, occur = Groups.of(group, len(y)), np.unique(y).tolist()
        figures, ranked = by_class(y, proba[None], units, 0.95), ranking(y, proba[None], units, 0.95)
        means = {name: _macro(name, y, proba, units, figures, occur) for name in MACRO}
        means |= {name: mean for name, (mean, _) in ranked.items()}
        figures |= {name: found for name, (_, found) in ranked.items()}
        for name, mean in means.items():
            macro[name] += mean.low <= true[name].mean() <= mean.high
            of = [(figures[name].intervals[c], true[name][c]) for c in occur]
            single[name] += [i.low - 1e-9 <= t <= i.high + 1e-9 for i, t in of]
    over = " ".join(f"{100 * held / runs:.0f}" for held in macro.values())
    return f"{over} / " + " ".join(f"{100 * np.mean(held):.0f}" for held in single.values())


def _macro(name, y, proba, units, figures, occur):
    metric = METRICS[MACRO[name]]
    drawn = np.concatenate([metric(y, proba, w) for w in units.resamples(100, 0)])
    left = np.concatenate([metric(y, proba, w) for w in units.left_out(0)])
    return figures[name].widened(interval(float(metric(y, proba)), drawn, left, units), occur)


def best(runs: int, counts: Iterable[int]) -> None:
    """The best of recipes: points that it shows too much, that are left after correction; coverage of its interval, %."""
    cells = [(m, s) for m in (3, 10) for s in (0.0, 0.05)]
    head(["group sizes", "groups", *(f"{m} recipes, accuracy {'.8' if not s else '.75 to .85'}" for m, s in cells)])
    for kind in SIZES:
        for groups in counts:
            line(kind, groups, *(_best(kind, groups, m, s, runs) for m, s in cells))


def _best(kind: str, groups: int, recipes: int, apart: float, runs: int) -> str:
    random, showed, error, held = np.random.default_rng([groups, recipes]), 0.0, 0.0, 0
    rates = 0.8 + apart * np.linspace(-1, 1, recipes)
    for run in range(runs):
        group = drawn_groups(random, kind, groups)
        proba = {str(i): one_hot(h) for i, h in enumerate(hits(random, group, rates, 0.3, 0.4))}
        found = best_of_many(np.zeros(len(group), int), proba, group, resamples=400, seed=run)
        true = rates[int(found.recipe)]
        showed, error = showed + found.showed - true, error + found.accuracy.value - true
        held += found.accuracy.low <= true <= found.accuracy.high
    return f"{100 * showed / runs:+.1f}, {100 * error / runs:+.1f}; {100 * held / runs:.0f}"


def spread(runs: int, counts: Iterable[int]) -> None:
    """The spread between groups: true one, mean estimate (points); coverage of its interval, %."""
    cells = (0.0, 0.1, 0.3)
    head(["group sizes", "groups", *(f"r={r}" for r in cells)])
    for kind in list(SIZES)[:2]:
        for groups in counts:
            line(kind, groups, *(_spread(kind, groups, r, runs) for r in cells))


def _spread(kind: str, groups: int, alike: float, runs: int) -> str:
    random, held, mean, true = np.random.default_rng(groups), 0, 0.0, float(np.sqrt(alike * 0.16))
    for run in range(runs):
        group = drawn_groups(random, kind, groups)
        a, b = (0.8 * (1 - alike) / alike, 0.2 * (1 - alike) / alike) if alike else (0, 0)
        rate = random.beta(a, b, groups) if alike else np.full(groups, 0.8)
        found = between_groups(random.random(len(group)) < rate[group], group, seed=run)
        if found:
            held += found.spread.low <= true <= found.spread.high
            mean += found.spread.value
    return f"{100 * true:.1f}, {100 * mean / runs:.1f}; {100 * held / runs:.0f}"


def shares(runs: int, counts: Iterable[int]) -> None:
    """Shares of classes in unlabelled sound, 90 % asked. Per class: counted, estimated (mean %); coverage, %.

    Learnt from even classes, met at .9, .08, .01, .01 in as many groups of 5 clips. "new site": sounds shifted.
    """
    head(["groups", "same sound", "new site"])
    for groups in counts:
        if 20 <= groups <= 100:
            line(groups, *(_shares(groups, shift, max(10, runs // 4)) for shift in (0.0, 0.7)))


def _shares(groups: int, shift: float, runs: int) -> str:
    random, true = np.random.default_rng(groups), np.array([0.9, 0.08, 0.01, 0.01])
    held, counted, told = np.zeros(4), np.zeros(4), np.zeros(4)
    group = np.repeat(np.arange(groups), 5)
    for run in range(runs):
        y, known = scored_mixed(random, group, np.full(4, 0.25), 0.0)
        _, new = scored_mixed(random, group, true, shift)
        found = class_shares(new, group, (known, y, group), resamples=60, seed=run)
        held += [i.low <= t <= i.high for i, t in zip(found, true, strict=True)]
        counted, told = counted + counted_shares(new), told + [i.value for i in found]
    cells = zip(counted / runs, told / runs, held / runs, strict=True)
    return "; ".join(f"{100 * c:.1f}, {100 * v:.1f}; {100 * h:.0f}" for c, v, h in cells)


def scored_mixed(random: np.random.Generator, group: NDArray[np.int64], of: Array, shift: float):
    """Classes that mix in groups, and scores that are surer than they should be; ``shift`` moves all sounds alike."""
    groups, n = int(group[-1]) + 1, len(group)
    y = random.choice(4, n, p=of)
    sound = 0.5 * random.normal(size=(groups, 4))[group] + 0.87 * random.normal(size=(n, 4))
    sound[np.arange(n), y] += 2.2
    sound[:, 2] += shift
    raised = np.exp(5.5 * (sound - sound.max(axis=1, keepdims=True)))
    return y, raised / raised.sum(axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------------- printing
def head(columns: list[str]) -> None:
    """The head of a table."""
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))


def line(*cells: object) -> None:
    """A line of a table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


TABLES: dict[str, Callable[[int, Iterable[int]], None]] = {
    t.__name__: t for t in (accuracy, differences, alarms, power, classes, best, spread, shares)
}


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=400)
    options.add_argument("--quick", action="store_true", help="few runs, two numbers of groups")
    options.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    told = options.parse_args()
    runs, counts = (20, (20, 100)) if told.quick else (told.runs, COUNTS)
    print(f"{runs} runs in each cell; r: correlation of right and wrong inside a group.")
    for name in told.only:
        print(f"\n{cleandoc(TABLES[name].__doc__ or '')}\n")
        TABLES[name](runs, counts)


if __name__ == "__main__":
    main()
