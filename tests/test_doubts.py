"""Bounds on accuracy under an audit's doubts: against every way in which the doubted labels may be wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import earmark
from earmark.audits import labels
from earmark.cli import main
from earmark.core.errors import DataError
from earmark.data.cache import Cache
from earmark.studies.doubts import doubted


@pytest.fixture(scope="module")
def folder(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 clips of which three carry a wrong label, and their audit."""
    folder = tmp_path_factory.mktemp("doubts")
    lines = sounds.read_text().splitlines()
    wrong = {"low-1-0.wav": "high", "mid-3-1.wav": "low", "high-5-0.wav": "mid"}
    made = []
    for line in lines[1:]:
        name, label, group, _ = line.split(",")
        made.append(f"{sounds.parent / name},{wrong.get(name, label)},{group if name not in wrong else name}")
    (folder / "clips.csv").write_text("\n".join(["path,label,group", *made]) + "\n")
    found = CliRunner().invoke(
        main,
        [
            "audit",
            str(folder / "clips.csv"),
            "-o",
            str(folder / "audit"),
            "-b",
            "mfcc",
            "--no-groups",
            "--no-confounds",
        ],
    )
    assert found.exit_code == 0, found.output
    assert "points either way: 90.0" in found.output.replace("\u00a0", " ")
    return folder


def test_bounds_hold_every_way_in_which_labels_may_be_wrong(folder: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    plain = earmark.compare(folder / "clips.csv", ["mfcc/lda", "mfcc/knn"], folds=3, cache=cache)
    found = doubted(plain, folder / "audit")
    suspects = {s["clip"] for s in json.loads((folder / "audit" / "audit.json").read_text())["labels"]}
    assert {Path(i).name for i in suspects} >= {"low-1-0.wav", "mid-3-1.wav", "high-5-0.wav"}
    for run in found.runs:
        bounds = found.label_bounds[run.recipe.name]
        assert bounds.suspects == len(suspects)
        says, doubtful = run.proba[0].argmax(axis=1), np.flatnonzero(np.isin(run.ids, list(suspects)))
        reachable = []
        for truth in product(range(3), repeat=min(5, len(doubtful))):
            y = run.y.copy()
            y[doubtful[: len(truth)]] = truth
            reachable.append(float((says == y).mean()))
        assert bounds.low <= min(reachable)
        assert bounds.high >= max(reachable)
        if len(doubtful) <= 5:
            assert (bounds.low, bounds.high) == pytest.approx((min(reachable), max(reachable)))
        value = run.evaluation.scores["accuracy"].value
        assert bounds.low <= value <= bounds.high
        least, most = labels.bounds(value, len(suspects) / 36)
        assert least - 1e-9 <= bounds.low
        assert bounds.high <= most + 1e-9
    assert any(f"The audit doubts {len(suspects)} labels" in note for note in found.notes)


def test_the_command_says_them_and_rerun_still_knows_the_report(folder: Path, tmp_path: Path) -> None:
    words = ["compare", str(folder / "clips.csv"), "-r", "mfcc/lda", "--folds", "3", "-o", str(tmp_path / "out")]
    told = CliRunner().invoke(main, [*words, "--audit", str(folder / "audit"), "--cache", str(tmp_path / "cache")])
    assert told.exit_code == 0, told.output
    assert "If these may be wrong, the accuracy" in " ".join(told.output.split())
    made = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert made["label_bounds"]["mfcc/lda"]["high"] > made["recipes"][0]["accuracy"]["value"]
    assert earmark.rerun(tmp_path / "out", cache=Cache(tmp_path / "cache")).same


def test_an_audit_of_other_clips_is_refused(folder: Path, tmp_path: Path) -> None:
    found = earmark.compare(folder / "clips.csv", ["mfcc/lda"], folds=3, cache=Cache(tmp_path))
    audited = earmark.audit(folder / "clips.csv", groups=False, labels=False, confounds=False)
    assert doubted(found, audited).notes[-1] == "The audit doubts none of the labels that were evaluated."
    few = replace(audited, dataset=audited.dataset[:5])
    with pytest.raises(DataError, match="does not speak of 31 of the clips"):
        doubted(found, few)
    with pytest.raises(DataError, match=r"audit\.json cannot be read"):
        doubted(found, tmp_path)
