"""What a comparison tells to do, in words: whether training a net was worth it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..metrics.paired import Pair
from ..recipes.given import parameters

if TYPE_CHECKING:
    from ..models.results import Run


def frozen(runs: Sequence[Run], pairs: Sequence[Pair]) -> tuple[str, ...]:
    """For each recipe that trains a pretrained net: did it beat the best head on the same net left frozen?

    On little data it often does not.
    """
    found = []
    for tuned in (r for r in runs if _trains(r)):
        probes = [r for r in runs if not _trains(r) and len(r.backbones) == 1 and _net(r) == _net(tuned)]
        if not probes:
            found.append(
                f"{tuned.recipe.name} trains a pretrained net, and nothing here shows what the same net gives when it is left "
                f"frozen. Evaluate it beside {tuned.backbones[0]['name']}/logreg: on little data that is often as good."
            )
            continue
        probe = max(probes, key=lambda r: r.evaluation.scores["accuracy"].value)
        difference, low, high = _gap(tuned.recipe.name, probe.recipe.name, pairs)
        if low > 0:
            continue
        verdict = "is worse than" if high < 0 else "does not beat"
        found.append(
            f"{tuned.recipe.name} {verdict} its frozen probe {probe.recipe.name}: {100 * difference:+.1f} points of accuracy "
            f"[{100 * low:+.1f}, {100 * high:+.1f}], and it took {tuned.seconds['fit']:.0f} s to fit instead of "
            f"{probe.seconds['fit']:.0f} s. Keep the probe, unless more clips change that."
        )
    return tuple(found)


def _trains(run: Run) -> bool:
    """Whether a head of the recipe goes on from a pretrained net."""
    return any("backbone" in parameters(b.head) for b in run.recipe.branches)


def _net(run: Run) -> object:
    return run.backbones[0]["weights"]


def _gap(a: str, b: str, pairs: Sequence[Pair]) -> tuple[float, float, float]:
    """Accuracy of ``a`` less that of ``b``, and its interval."""
    for pair in pairs:
        if (pair.a, pair.b) == (a, b):
            return pair.difference, pair.low, pair.high
        if (pair.a, pair.b) == (b, a):
            return -pair.difference, -pair.high, -pair.low
    raise KeyError((a, b))
