"""How often `evaluate` says that promises do not hold: where they do (false alarms), and where they do not (power).

    python bench/promises.py [REPEATS]

Models whose sets, scores and "unknown" are what they promise, on clips whose errors are alike in groups (a Gaussian
copula with the correlation told), in groups of even and of uneven size. Broken: sets that miss 20 % where 10 % is
promised, "unknown" said of 15 % where 5 % is, and logits twice as large as they should be.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from scipy.stats import norm

from earmark.metrics.promises import Promises, promises

SHAPES = [(6, 10, 0.2), (10, 10, 0.0), (10, 10, 0.2), (20, 10, 0.2), (20, 10, 0.5), (50, 8, 0.2), (200, 1, 0.0)]
BROKEN = [("sets", {"miss": 0.2}), ("unknown", {"rate": 0.15}), ("scores", {"warm": 0.5})]


def drawn(
    random: Any,
    shape: tuple[int, int, float],
    *,
    uneven: bool,
    miss: float = 0.1,
    rate: float = 0.05,
    warm: float = 1.0,
) -> Promises:
    count, clips, alike = shape
    sizes = random.integers(max(1, clips // 2), 2 * clips + 1, count) if uneven else np.full(count, clips)
    group = np.repeat(np.arange(count), sizes)

    def chance() -> Any:
        """Uniform numbers that are alike in a group."""
        both = random.standard_normal(count)[group], random.standard_normal(len(group))
        return norm.cdf(np.sqrt(alike) * both[0] + np.sqrt(1 - alike) * both[1])

    luck, best = chance(), 0.4 + 0.59 * random.beta(3, 1.2, len(group))
    right = luck > 1 - 1 / (1 + np.exp(-warm * np.log(best / (1 - best))))
    proba = np.tile(((1 - best) / 3)[:, None], (1, 4))
    proba[np.arange(len(group)), np.where(right, 0, 1)] = best
    inside = np.tile((luck > miss)[:, None], (1, 4))
    y = np.zeros(len(group), int)
    return promises(y, proba, list("abcd"), group, inside=inside, unknown=chance() < rate)


def main(repeats: int = 1000) -> None:
    print(
        "| groups x clips | alike | sizes | false alarms: any | sets | scores | unknown | found: sets | unknown | scores |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for shape in SHAPES:
        for uneven in (False, True) if shape[1] > 1 else (False,):
            random = np.random.default_rng(0)
            false = np.array(
                [[one.holds is False for one in drawn(random, shape, uneven=uneven).tested] for _ in range(repeats)]
            )
            found = []
            for name, how in BROKEN:
                hits = [
                    next(one for one in drawn(random, shape, uneven=uneven, **how).tested if one.name == name).holds
                    is False
                    for _ in range(repeats // 2)
                ]
                found.append(np.mean(hits))
            numbers = [false.any(axis=1).mean(), *false.mean(axis=0), *found]
            cells = " | ".join(f"{100 * v:.1f}" for v in numbers)
            print(f"| {shape[0]} x {shape[1]} | {shape[2]} | {'uneven' if uneven else 'even'} | {cells} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
