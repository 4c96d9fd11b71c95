"""Do the intervals hold what they promise? A large simulation, printed as markdown tables.

    python bench/intervals.py [--runs 1000]

1. Coverage: how often the 95 % interval of accuracy holds the true accuracy, when clips come in groups that are right
   or wrong together (a group's accuracy is drawn from a beta distribution with the intra-group correlation given).
2. False alarms: how often a table of equally good recipes holds any pair whose difference is called sure.
3. Power: how often a true difference is seen with as many clips as ``clips_needed`` asks for.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from earmark.metrics.intervals import Groups, interval
from earmark.metrics.paired import compare

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


def right(random: np.random.Generator, sizes: NDArray[np.int64], accuracy: float, alike: float) -> NDArray[np.int64]:
    """How many clips of each group are right; ``alike`` is the intra-group correlation."""
    if alike == 0:
        return random.binomial(sizes, accuracy)
    a, b = accuracy * (1 - alike) / alike, (1 - accuracy) * (1 - alike) / alike
    return random.binomial(sizes, random.beta(a, b, len(sizes)))


def coverage(kind: str, groups: int, alike: float, accuracy: float, *, runs: int, seed: int = 0) -> tuple[float, float]:
    """Share of intervals that hold the true accuracy, and their mean length."""
    random = np.random.default_rng([seed, groups, int(100 * alike), int(100 * accuracy)])
    drawn = random.multinomial(groups, np.full(groups, 1 / groups), size=500).astype(np.float64)
    held, length = 0, 0.0
    for _ in range(runs):
        sizes = random.choice(SIZES[kind], groups)
        hits = right(random, sizes, accuracy, alike)
        units = Groups(np.repeat(np.arange(groups), sizes), sizes)
        left_out = (hits.sum() - hits) / (sizes.sum() - sizes)
        found = interval(hits.sum() / sizes.sum(), (drawn @ hits) / (drawn @ sizes), left_out, units)
        held += found.low <= accuracy <= found.high
        length += found.high - found.low
    return held / runs, length / runs


def alarms(kind: str, groups: int, recipes: int, *, runs: int, gain: float = 0.0, seed: int = 0) -> float:
    """Share of tables with a pair called sure. Recipes are alike in easy and hard groups and clips, as real ones are.

    ``gain`` makes the first recipe better; recipes differ in which groups they are good at.
    """
    random = np.random.default_rng([seed, groups, recipes])
    found = 0
    for run in range(runs):
        sizes = random.choice(SIZES[kind], groups)
        group = np.repeat(np.arange(groups), sizes)
        hard = random.normal(size=groups)[group] + random.normal(size=len(group))
        own = 0.7 * random.normal(size=(recipes, groups))[:, group] + 0.7 * random.normal(size=(recipes, len(group)))
        hits = hard + own + 1.2 + gain * (np.arange(recipes) == 0)[:, None] > 0
        proba = {str(i): np.stack([h, ~h], axis=1).astype(float) for i, h in enumerate(hits)}
        pairs = compare(np.zeros(len(group), int), proba, group, resamples=999, seed=run)
        found += any(pair.p_adjusted <= 0.05 for pair in pairs)
    return found / runs


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1000)
    runs = options.parse_args().runs
    accuracies, counts = (0.6, 0.8, 0.95), (10, 20, 50, 100, 200)
    print(f"Coverage of the 95 % interval of accuracy, % of {runs} runs (mean length in points)\n")
    print(
        "| group sizes | groups | "
        + " | ".join(f"r={r}, accuracy {a}" for r in (0.0, 0.1, 0.3) for a in accuracies)
        + " |"
    )
    print("| --- | --- |" + " --- |" * 9)
    for kind in SIZES:
        for groups in counts:
            cells = [coverage(kind, groups, r, a, runs=runs) for r in (0.0, 0.1, 0.3) for a in accuracies]
            print(
                f"| {kind} | {groups} | " + " | ".join(f"{100 * c:.1f} ({100 * n:.0f})" for c, n in cells) + " |",
                flush=True,
            )
    print(f"\nFalse alarms among equally good recipes, % of {runs} tables (5 allowed)\n")
    print(
        "| group sizes | groups | 2 recipes | 4 recipes (6 pairs) | 8 recipes (28 pairs) |\n| --- | --- | --- | --- | --- |"
    )
    for kind in SIZES:
        for groups in counts:
            cells = [f"{100 * alarms(kind, groups, m, runs=runs):.1f}" for m in (2, 4, 8)]
            print(f"| {kind} | {groups} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
