"""Whether a model keeps its promises on other sounds: against exact chances, and against simulated models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import earmark
from earmark.cli import main
from earmark.metrics.intervals import Groups
from earmark.metrics.promises import _beta_binomial, _calibrated, _two_sided, excess, known_sets, promises

CLASSES = ("a", "b", "c")


def said(n: int = 400, *, miss: float = 0.1, unknown: float = 0.05, warm: float = 1.0, seed: int = 0):  # type: ignore[no-untyped-def]
    """Clips of 40 groups by a model that is as right as ``warm`` times its logits say, and misses as told."""
    random = np.random.default_rng(seed)
    best = 0.4 + 0.59 * random.beta(3, 1.2, n)
    true = 1 / (1 + np.exp(-warm * np.log(best / (1 - best))))
    y = np.where(random.random(n) < true, 0, 1 + random.integers(0, 2, n))
    proba = np.column_stack([best, (1 - best) / 2, (1 - best) / 2])
    inside = np.ones((n, 3), bool)
    inside[np.arange(n), y] = random.random(n) >= miss
    return promises(
        y,
        proba,
        CLASSES,
        np.arange(n) % 40,
        inside=inside,
        alpha=0.1,
        unknown=random.random(n) < unknown,
        rate=0.05,
    )


def test_promises_that_hold_are_said_to_hold() -> None:
    found = said()
    assert found.hold is True
    assert found.verdict.startswith(
        "Its promises hold here, as far as 400 clips in 40 groups tell: sets that should hold"
    )
    assert [one.name for one in found.tested] == ["sets", "scores", "unknown"]
    assert found.slope.low < 1 < found.slope.high
    assert found.intercept.low < 0 < found.intercept.high
    assert found.remarks == ()
    assert json.loads(json.dumps(found.to_dict()))["hold"] is True


@pytest.mark.parametrize(
    ("broken", "how"), [("sets", {"miss": 0.25}), ("unknown", {"unknown": 0.2}), ("scores", {"warm": 0.4})]
)
def test_a_broken_promise_is_named_with_its_number(broken: str, how: dict[str, float]) -> None:
    found = said(**how)
    assert [one.name for one in found.tested if one.holds is False] == [broken]
    assert found.verdict.startswith("Its promises do not hold here: ")
    one = next(one for one in found.tested if one.name == broken)
    assert f"{100 * one.found.value:.1f}" in found.verdict
    if broken == "scores":
        assert found.slope.high < 1
        assert "too sure" in found.remarks[0]


def test_few_groups_tell_nothing_unless_all_is_broken() -> None:
    y, proba = np.zeros(40, int), np.tile([0.8, 0.1, 0.1], (40, 1))
    inside = np.ones((40, 3), bool)
    found = promises(y, proba, CLASSES, np.arange(40) % 3, inside=inside)
    assert found.hold is None
    assert "cannot be told from 3 groups" in found.verdict
    assert "no promises that could be tested" in promises(y, proba, CLASSES, None).verdict


def test_classes_that_sets_fail_are_named_though_the_promise_is_over_all() -> None:
    y = np.repeat([0, 1], [380, 20])
    inside = np.ones((400, 3), bool)
    inside[380:, 1] = np.arange(20) % 2 == 0
    found = promises(y, np.tile([0.9, 0.05, 0.05], (400, 1)), CLASSES, None, inside=inside)
    assert next(one for one in found.tested if one.name == "sets").holds is True
    assert found.coverage["b"].value == 0.5
    assert "b (50.0" in found.remarks[0].replace("\u00a0", " ")
    assert found.size == pytest.approx(3 - 10 / 400)


@pytest.mark.parametrize(("size", "mean", "alike"), [(1, 0.1, 0.3), (7, 0.05, 0.2), (12, 0.3, 0.0), (30, 0.1, 0.9)])
def test_beta_binomial_is_scipys(size: int, mean: float, alike: float) -> None:
    k = np.arange(size + 1)
    if alike == 0 or size == 1:
        reference = stats.binom.pmf(k, size, mean)
    else:
        reference = stats.betabinom.pmf(k, size, mean * (1 / alike - 1), (1 - mean) * (1 / alike - 1))
    np.testing.assert_allclose(_beta_binomial(size, mean, alike), reference, rtol=1e-9)


def test_of_clips_of_their_own_the_test_is_the_binomial_one() -> None:
    for wrong in (0, 3, 12, 60):
        p = excess(np.arange(60) < wrong, 0.1, Groups.of(None, 60))
        assert p == pytest.approx(stats.binom.sf(wrong - 1, 60, 0.1), abs=1e-12)
    alike = excess(np.arange(60) < 12, 0.1, Groups.of(np.arange(60) // 6, 60))  # two whole groups
    assert alike > 5 * excess(np.arange(60) < 12, 0.1, Groups.of(None, 60))


def test_slope_and_chances_against_references() -> None:
    statsmodels_like = np.random.default_rng(3)
    best = 0.5 + 0.45 * statsmodels_like.random(3000)
    right = (statsmodels_like.random(3000) < 1 / (1 + np.exp(-0.6 * np.log(best / (1 - best)) - 0.3))).astype(float)
    slope, intercept, p = _calibrated(right, best, Groups.of(None, 3000))
    from sklearn.linear_model import LogisticRegression

    logits = np.log(best / (1 - best))
    reference = LogisticRegression(C=1e9, tol=1e-10).fit(logits[:, None], right)
    assert slope.value == pytest.approx(float(reference.coef_[0, 0]), abs=1e-4)
    assert slope.low < 0.6 < slope.high
    assert intercept.low < intercept.value < intercept.high
    assert p < 0.05
    for t, freedom in ((0.0, 5.0), (1.7, 3.0), (-2.5, 12.5), (6.0, 40.0)):
        assert _two_sided(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-5)


def test_sets_as_flags() -> None:
    assert known_sets([("b",), (), ("c", "a")], CLASSES).tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert known_sets([], CLASSES).shape == (0, 3)


def test_evaluate_ends_in_the_verdict(sounds: Path, tmp_path: Path) -> None:
    lines = sounds.read_text().splitlines()
    halves = [[line for line in lines[1:] if (int(line.split("-")[1]) < 3) is first] for first in (True, False)]
    for name, half in zip(("learn", "new"), halves, strict=True):
        text = "\n".join([lines[0], *(f"{sounds.parent / line}" for line in half)])
        (tmp_path / f"{name}.csv").write_text(text + "\n")
    cache = earmark.Cache(tmp_path / "cache")
    earmark.train(tmp_path / "learn.csv", "mfcc/lda", tmp_path / "m", protocol="groups", folds=3, cache=cache)
    told = CliRunner().invoke(
        main, ["evaluate", str(tmp_path / "m"), str(tmp_path / "new.csv"), "-o", str(tmp_path / "out"), "--no-cache"]
    )
    assert told.exit_code == 0, told.output
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())["held_out"]
    assert found["known_groups"] == []
    verdict = found["promises"]["verdict"]
    assert told.output.strip().splitlines()[-1] == verdict
    assert verdict.split(":")[0] in (
        "Its promises hold here, as far as 18 clips in 9 groups tell",
        "Its promises do not hold here",
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Does it keep its promises" in page
    assert earmark.compare(tmp_path / "new.csv", ["mfcc/lda"], folds=2, cache=cache).held_out is None
