"""Whether training a net was worth it, said in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from earmark.metrics.paired import Pair
from earmark.recipes.recipe import Recipe
from earmark.studies import advice


def run(text: str, accuracy: float, weights: str | None) -> Any:
    recipe = Recipe.parse(text)
    return SimpleNamespace(
        recipe=recipe,
        seconds={"fit": 90.0 if "finetune" in text else 2.0},
        backbones=tuple({"name": b.name, "weights": weights} for b in recipe.backbones),
        evaluation=SimpleNamespace(scores={"accuracy": SimpleNamespace(value=accuracy)}),
    )


def pair(a: str, b: str, difference: float, low: float, high: float) -> Pair:
    return Pair(a, b, difference, low, high, 0.5, 0.5, "")


TUNED, PROBE, OTHER = "yamnet@layer12/finetune", "yamnet/logreg", "yamnet/knn"


@pytest.mark.parametrize(
    ("low", "high", "said"), [(-0.02, 0.04, "does not beat"), (-0.05, -0.01, "is worse than"), (0.001, 0.05, None)]
)
def test_a_net_that_does_not_beat_its_best_probe_is_told(low: float, high: float, said: str | None) -> None:
    runs = [run(OTHER, 0.6, "yamnet"), run(PROBE, 0.7, "yamnet"), run(TUNED, 0.71, "yamnet")]
    middle = (low + high) / 2
    for pairs in ([pair(TUNED, PROBE, middle, low, high)], [pair(PROBE, TUNED, -middle, -high, -low)]):
        notes = advice.frozen(runs, pairs)
        if said is None:
            assert notes == ()
        else:
            assert f"{TUNED} {said} its frozen probe {PROBE}: {100 * middle:+.1f} points" in notes[0]
            assert "90 s to fit instead of 2 s" in notes[0]


def test_the_probe_of_another_net_is_no_probe() -> None:
    runs = [run("musicnn/logreg", 0.7, "musicnn-msd"), run("mfcc/svm", 0.6, None), run(TUNED, 0.71, "yamnet")]
    [note] = advice.frozen(runs, [])
    assert "Evaluate it beside yamnet/logreg" in note


def test_frozen_recipes_need_no_advice() -> None:
    assert advice.frozen([run(PROBE, 0.7, "yamnet"), run("mfcc/svm", 0.6, None)], []) == ()
