"""Several labels at once: scikit-learn's numbers, on what was looked at."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from earmark.core.errors import DataError
from earmark.metrics.several import several

NAMES = ("a", "b", "c")


def example(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    groups = random.integers(0, 12, 240)
    truth = (random.random((240, 3)) < [0.1, 0.4, 0.7]).astype(float)
    scores = np.round(np.clip(truth * 0.3 + random.random((240, 3)) * 0.7, 0, 1), 2)  # with ties
    truth[random.random((240, 3)) < 0.3] = np.nan
    return truth, scores, groups


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn_on_what_was_looked_at(seed: int) -> None:
    truth, scores, groups = example(seed)
    cut = np.array([0.3, 0.5, 0.6])
    found = several(truth, scores, NAMES, groups=groups, thresholds=cut)
    for c in range(3):
        seen = ~np.isnan(truth[:, c])
        y, s = truth[seen, c], scores[seen, c]
        right = {
            "average_precision": metrics.average_precision_score(y, s),
            "auroc": metrics.roc_auc_score(y, s),
            "precision": metrics.precision_score(y, s >= cut[c]),
            "recall": metrics.recall_score(y, s >= cut[c]),
            "f1": metrics.f1_score(y, s >= cut[c]),
        }
        for name, value in right.items():
            one = found.figures[name][c]
            assert one.value == pytest.approx(value, abs=1e-12)
            assert one.low <= one.value <= one.high
        assert found.prevalence[c] == pytest.approx(y.mean())
    assert found.macro["auroc"].value == pytest.approx(np.mean([i.value for i in found.figures["auroc"]]))


def test_what_was_not_looked_at_changes_nothing() -> None:
    truth, scores, groups = example(1)
    other = np.where(np.isnan(truth), 1 - scores, scores)
    assert several(truth, scores, NAMES, groups=groups).figures == several(truth, other, NAMES, groups=groups).figures


def test_classes_of_which_little_is_known_are_named() -> None:
    truth, scores, groups = example(2)
    truth[:, 0] = np.nan
    truth[:, 1] = 0
    truth[:, 2] = (groups < 2).astype(float)
    found = several(truth, scores, NAMES, groups=groups)
    assert [n.split()[0] for n in found.notes] == ["a", "b", "c"]
    assert all(np.isnan(intervals[0].value) for intervals in found.figures.values())
    assert "nowhere: nothing" in found.notes[0]
    assert "cannot be ranked" in found.notes[1]
    assert "2 groups" in found.notes[2]
    assert found.macro["auroc"].value == found.figures["auroc"][2].value


@pytest.mark.parametrize("wrong", [np.full((4, 3), 2.0), np.zeros((4, 2)), np.zeros(4), np.zeros((0, 3))])
def test_what_does_not_fit_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(DataError):
        several(wrong, np.zeros((len(wrong), 3)), NAMES)
