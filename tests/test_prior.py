"""How common classes are: put back by calibration, exchanged when told, estimated from a batch; limits of sets by class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from earmark.core.errors import DataError
from earmark.metrics.calibration import Calibration
from earmark.metrics.clips import METRICS
from earmark.metrics.counts import reweighted
from earmark.models.branch import Prediction
from earmark.models.prior import estimated, shares_heard, with_prior

pytest.importorskip("scipy", reason="fitting a calibration needs the train extra")
CLASSES = ("a", "b", "c", "d")


def heard(seed: int, clips: int, shares: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Classes, and scores of a head that counts classes the same."""
    random = np.random.default_rng(seed)
    y = random.choice(4, clips, p=shares)
    sound = random.normal(size=(clips, 4)) + 2.0 * np.eye(4)[y]
    raised = np.exp(2.0 * sound)
    return y, raised / raised.sum(axis=1, keepdims=True)


def test_biases_put_back_how_common_classes_are():
    shares = [0.85, 0.05, 0.05, 0.05]
    y, proba = heard(0, 600, shares)
    found = Calibration.fit(proba, y, CLASSES, None)
    new, scores = heard(1, 2000, shares)
    before, after = (float(METRICS["log_loss"](new, p)) for p in (scores, found.apply(scores)))
    assert after < 0.75 * before
    assert found.measured is not None
    assert found.measured["classwise_calibration_error_after"] < found.measured["classwise_calibration_error_before"]


def test_a_prior_is_bayes_rule_and_leaves_sets_but_for_the_best_label(tmp_path: Path):
    y, proba = heard(2, 400, [0.25] * 4)
    made = Calibration.fit(proba, y, CLASSES, None, draws=5)
    other = with_prior(made, {"a": 0.7, "b": 0.1, "c": 0.1, "d": 0.1})
    warm, changed = made.apply(proba), other.apply(proba)
    assert changed == pytest.approx(reweighted(warm, made.shares, [0.7, 0.1, 0.1, 0.1]), abs=1e-9)
    for old, new in zip(made.sets(warm), other.sets(changed), strict=True):
        assert set(old) | {new[0]} == set(new)
    assert with_prior(other, "train").apply(proba) == pytest.approx(warm)
    assert Calibration.from_dict(json.loads(json.dumps(other.to_dict()))) == other
    table = tmp_path / "p.csv"
    table.write_text("label,share\na,0.7\nb,0.1\nc,0.1\nd,x\n")
    with pytest.raises(DataError, match="line 5: found the share 'x'"):
        with_prior(made, table)
    table.write_text("label,share\na,0.7\nb,0.3\n")
    with pytest.raises(DataError, match="none of c, d"):
        with_prior(made, table)
    with pytest.raises(DataError, match="does not know how common"):
        with_prior(Calibration(CLASSES, 1.0, 0.0, (0.0,), 1), "balanced")


def test_a_batch_tells_its_own_shares():
    y, proba = heard(3, 600, [0.25] * 4)
    made = Calibration.fit(proba, y, CLASSES, None, draws=10)
    shares = [0.9, 0.08, 0.01, 0.01]
    new, scores = heard(4, 1000, shares)
    said = [
        Prediction(f"{i}.wav", CLASSES[int(p.argmax())], float(p.max()), dict(zip(CLASSES, p.tolist(), strict=True)))
        for i, p in enumerate(made.apply(scores))
    ]
    other, again = estimated(made, said)
    truth = [CLASSES[c] for c in new]
    right = [np.mean([a.label == t for a, t in zip(answers, truth, strict=True)]) for answers in (said, again)]
    assert right[1] > right[0] + 0.04
    for told in (shares_heard(made, said), shares_heard(other, again)):  # the same, whatever the prior was
        assert all(told[c].low <= s <= told[c].high for c, s in zip(CLASSES, shares, strict=True))
    assert shares_heard(made, said[:19]) == {}


def test_sets_hold_for_the_rarest_class_too():
    shares, held = [0.8, 0.1, 0.05, 0.05], []
    for seed in range(6):
        y, proba = heard(seed, 900, shares)
        found = Calibration.fit(proba, y, CLASSES, None)
        new, scores = heard(100 + seed, 1500, shares)
        sets = found.sets(found.apply(scores))
        held += [CLASSES[t] in s for t, s in zip(new, sets, strict=True) if t == 3]
    assert np.mean(held) >= 0.87


def test_each_group_counts_the_same_when_asked():
    """Two big easy groups would hide that the clips of forty small ones are often wrong."""
    random = np.random.default_rng(5)
    group = np.concatenate([np.repeat([0, 1], 400), np.arange(2, 82)])
    y, proba = heard(6, len(group), [0.25] * 4)
    hard = group > 1
    y[~hard] = proba[~hard].argmax(axis=1)
    y[hard] = np.where(random.random(hard.sum()) < 0.5, random.integers(0, 4, hard.sum()), y[hard])
    by_clip, by_group = (Calibration.fit(proba, y, CLASSES, group, each_group=e) for e in (False, True))
    assert by_group.limit() > by_clip.limit()
    assert any("each group counts the same" in note for note in by_group.notes)
