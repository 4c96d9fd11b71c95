"""The learning curve: what is drawn, what the law says, and that test clips stay out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.cli import main
from earmark.core.errors import DataError
from earmark.metrics.intervals import Groups
from earmark.report import curve as report
from earmark.studies import curve as module
from earmark.studies.curve import Law, curve, few, fit_law
from earmark.studies.forecast import Measured, targets


def embeddings(path: Path, *, groups: int = 12, seed: int = 0) -> Path:
    """Three classes that more labels tell apart better: 30 columns, little in each; groups of 3 clips."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(3), 3 * groups)
    group = np.arange(len(label)) // 3
    X = random.normal(0, 1, (3, 30))[label] * 0.7 + random.normal(0, 0.6, (len(label) // 3, 30))[group]
    X = X + random.normal(0, 1, X.shape)
    ids = [f"clip {i}" for i in range(len(label))]
    np.savez(path, X=np.float32(X), ids=ids, labels=label, groups=group)
    return path


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 20), st.integers(0, 9), st.lists(st.integers(0, 5), min_size=30, max_size=60))
def test_few_clips_are_of_the_training_side_by_whole_groups_and_nested(size: int, seed: int, owner: list[int]) -> None:
    units = np.array([f"g{o}" for o in owner])
    labels = np.array([f"{'ab'[o % 2]}" for o in owner])
    train = np.flatnonzero(np.arange(len(owner)) % 3 > 0)
    found = few(labels, units, train, size, np.random.default_rng(seed))
    more = few(labels, units, train, size + 2, np.random.default_rng(seed))
    assert set(found) <= set(more) <= set(train)
    for label in set(labels[train]):
        of_class = train[labels[train] == label]
        mine = found[labels[found] == label]
        assert len(mine) == min(size, len(of_class))
        cut = [g for g in set(units[mine]) if (units[mine] == g).sum() < (units[of_class] == g).sum()]
        assert len(cut) <= 1


def test_the_law_is_found_again() -> None:
    places = np.array([1.0, 2, 4, 8, 16, 32])
    true = Law(0.2, 0.5, 0.6)
    errors = np.array([[1 - true.accuracy(p) for p in places]])
    found = fit_law(places, errors)[0]
    assert found.accuracy(64) == pytest.approx(true.accuracy(64), abs=0.003)
    # error .21 at .5 · n ** -.6 = .01: n = 50 ** (1 / .6)
    assert true.needed(0.79) == pytest.approx(50 ** (1 / 0.6))
    assert true.needed(0.81) == float("inf")
    level = fit_law(places, np.full((1, 6), 0.3))[0]
    assert level.needed(0.71) == float("inf")
    worse = fit_law(places, np.linspace(0.2, 0.4, 6)[None])[0]
    assert worse.accuracy(100) == pytest.approx(0.7)


def test_more_labels_help_and_the_last_point_is_all_of_them(tmp_path: Path) -> None:
    found = curve(embeddings(tmp_path / "r.npz"), "embeddings/knn", draws=3, folds=3)
    assert [p.per_class for p in found.points] == [1, 2, 4, 8, 16, 24]
    values = [p.accuracy.value for p in found.points]
    assert values[-1] > values[0] + 0.1
    assert found.points[-1].clips == 72
    assert found.points[2].groups == 6  # 4 clips of a class are one whole group and a clip of another
    assert found.law is not None
    assert found.miss is not None
    assert found.last_doubling is not None
    assert all(t.low <= t.per_class for t in found.targets)
    again = curve(embeddings(tmp_path / "r.npz"), "embeddings/knn", draws=3, folds=3)
    assert again.points[:-1] == found.points[:-1]
    assert again.targets == found.targets


def test_noise_foretells_nothing(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "n.npz", X=random.normal(size=(60, 5)), ids=np.arange(60).astype(str), y=np.arange(60) % 2)
    found = curve(tmp_path / "n.npz", "embeddings/knn", draws=3, folds=3)
    assert abs(found.points[-1].accuracy.value - 0.5) < 0.2
    assert found.targets[-1].high == float("inf")


def test_no_test_clip_is_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[set[str]] = []
    evaluated: list[set[str]] = []
    original = module.fit

    def spy(recipe, data, clips, units, *, seed=0):  # type: ignore[no-untyped-def]
        learnt.append(set(units[clips]))
        fitted = original(recipe, data, clips, units, seed=seed)
        scores = type(fitted).scores

        class Watched:
            classes = fitted.classes

            def scores(self, data, test):  # type: ignore[no-untyped-def]
                evaluated.append(set(units[test]))
                return scores(fitted, data, test)

        return Watched()

    monkeypatch.setattr(module, "fit", spy)
    curve(embeddings(tmp_path / "r.npz"), "embeddings/knn", draws=2, folds=3)
    assert len(learnt) == len(evaluated) == 5 * 2 * 3 + 3
    assert not any(a & b for a, b in zip(learnt, evaluated, strict=True))


def test_faults_are_told(tmp_path: Path) -> None:
    file = embeddings(tmp_path / "r.npz")
    with pytest.raises(DataError, match="numbers of 1 or more"):
        curve(file, "embeddings/knn", sizes=[0, 2])
    with pytest.raises(DataError, match="protocol 'windows' evaluates no clips"):
        curve(file, "embeddings/knn", protocol="windows")


def test_command_and_report(tmp_path: Path) -> None:
    file = embeddings(tmp_path / "r.npz")
    args = [
        "study",
        "curve",
        str(file),
        "-r",
        "embeddings/knn",
        "--draws",
        "2",
        "--folds",
        "3",
        "-o",
        str(tmp_path / "out"),
    ]
    result = CliRunner().invoke(main, [*args, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert [p["per_class"] for p in told["points"]] == [1, 2, 4, 8, 16, 24]
    assert json.loads((tmp_path / "out" / "curve.json").read_text())["law"] == told["law"]
    assert "more labels" in (tmp_path / "out" / "curve.html").read_text().lower()
    assert "per class" in CliRunner().invoke(main, args).output
    assert "whole numbers" in CliRunner().invoke(main, [*args, "--sizes", "2,x"]).output


def test_words_are_honest_about_how_far_one_can_see(tmp_path: Path) -> None:
    found = curve(embeddings(tmp_path / "r.npz"), "embeddings/knn", draws=2, folds=3)
    target = found.targets[0]
    from dataclasses import replace

    assert "not in sight" in report.forecast(found, replace(target, per_class=float("inf")))
    assert "there is no forecast" in report.forecast(found, replace(target, per_class=24 * 12, low=24 * 11))
    told = report.forecast(found, replace(target, per_class=80.0, low=29.5))
    assert "at least 6 more clips per class (18 in all)" in told
    assert "How many more than that it does not tell" in told
    assert "not to be told from this curve" in report.forecast(found, replace(target, per_class=80.0, low=24.0))


def drawn(law: Law, seed: int, *, groups: int = 60, of: int = 4) -> Measured:
    """Hits of a curve whose law is known: 3 classes, ``groups`` groups of ``of`` clips each, 5 draws, then all."""
    random = np.random.default_rng(seed)
    whole = groups * of
    sizes = [2.0**i for i in range(12) if 2**i < 0.75 * whole] + [float(whole)]
    hits = []
    for size in sizes:
        spread = 0.1 / np.sqrt(size)
        draws = 1 if size == whole else 5
        rate = np.clip(law.accuracy(size) + random.normal(0, spread, (draws, 1)), 0, 1)
        hits.append((random.random((draws, 3 * whole)) < rate).astype(float))
    clips = np.array(sizes)
    return Measured(clips, np.maximum(1, clips / of), hits)


@pytest.mark.parametrize("law", [Law(0.05, 0.6, 0.5), Law(0.2, 0.5, 0.8), Law(0.0, 0.7, 0.25)])
def test_at_least_so_many_holds(law: Law) -> None:
    held, told, runs, gain = 0, 0.0, 12, 0.03
    for seed in range(runs):
        measured = drawn(law, seed)
        (found,) = targets(measured, Groups.of(np.arange(720) // 4, 720), [gain], 0.0, seed=seed)
        now = measured.clips[-1]
        true = law.needed(law.accuracy(now) + gain)
        held += found.low <= true
        told += found.low / now / runs
        assert found.high == float("inf")
    assert held >= runs - 1
    assert told > 1.2  # and says something


def test_never_is_said_where_the_curve_is_level_and_not_where_it_climbs() -> None:
    clips = Groups.of(np.arange(720) // 4, 720)
    level = [targets(drawn(Law(0.2, 0.6, 1.5), s), clips, [0.05], 0.0, seed=s)[0].per_class for s in range(5)]
    climbs = [targets(drawn(Law(0.0, 0.9, 0.3), s), clips, [0.05], 0.0, seed=s)[0].per_class for s in range(5)]
    assert sum(map(np.isinf, level)) >= 3
    assert not any(map(np.isinf, climbs))


def test_a_missed_last_point_makes_the_least_less() -> None:
    clips = Groups.of(np.arange(720) // 4, 720)
    sure, unsure = (targets(drawn(Law(0.1, 0.5, 0.5), 0), clips, [0.02], miss)[0].low for miss in (0.0, 0.05))
    assert unsure < sure
