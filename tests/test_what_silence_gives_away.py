"""What silence gives away: a planted recorder is found, silence that tells nothing is not, and the text says what it means."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from scipy.signal import lfilter

import earmark
from earmark.audio.quietest import quietest
from earmark.audits import audit
from earmark.audits.output import as_json
from earmark.audits.words import findings
from earmark.cli import main
from earmark.core.errors import DataError
from earmark.data.cache import Cache
from earmark.report.ladder import lead
from earmark.studies.ladder import ladder

RATE = 44100


def clips(folder: Path, *, recorders: bool) -> Path:
    """The same beeps for both classes, over the noise of a recorder: one for each class, or one for all."""
    random = np.random.default_rng(0)
    lines = ["path,label,group"]
    for k, label in enumerate("ab"):
        for number in range(16):
            noise = random.standard_normal(RATE) * random.uniform(0.001, 0.01)
            colour = [1.0, -0.9] if k and recorders else [1.0, -0.5]
            sound = lfilter([1.0], colour, noise)
            sound[RATE // 3 : RATE // 2] += 0.3 * np.sin(np.arange(RATE // 2 - RATE // 3) * random.uniform(0.05, 0.3))
            soundfile.write(folder / f"{label}{number}.wav", sound, RATE, subtype="FLOAT")
            lines.append(f"{label}{number}.wav,{label},g{number % 8}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


def test_a_recorder_for_each_class_is_found(tmp_path: Path) -> None:
    data, cache = clips(tmp_path, recorders=True), Cache(tmp_path / "cache")
    found = audit(data, groups=False, labels=False, cache=cache)
    assert found.silence is not None
    assert found.silence.accuracy.value > 0.9
    assert found.silence.majority == 0.5
    line = next(line for line in findings(found) if "quietest quarter" in line)
    assert f"{100 * found.silence.accuracy.value:.1f}" in line
    assert "true foreground" in line
    assert as_json(found)["silence"]["accuracy"]["value"] == found.silence.accuracy.value
    steps = ladder(data, "mfcc/lda", folds=3, cache=cache)
    assert steps.silence == found.silence
    assert any("quietest quarter" in line for line in lead(steps))
    told = CliRunner().invoke(
        main,
        ["study", "ladder", str(data), "-r", "mfcc/lda", "-o", str(tmp_path / "out"), "--cache", str(cache.folder)],
    )
    assert told.exit_code == 0, told.output
    assert json.loads((tmp_path / "out" / "ladder.json").read_text())["silence"]["found"] is True
    assert "silence alone" in (tmp_path / "out" / "ladder.html").read_text()


def test_one_recorder_for_all_is_not(tmp_path: Path) -> None:
    data, cache = clips(tmp_path, recorders=False), Cache(tmp_path / "cache")
    found = audit(data, groups=False, labels=False, cache=cache)
    assert found.silence is not None
    assert not found.silence.found
    assert not any("quietest quarter" in line for line in findings(found))
    only = ladder(data, "mfcc/lda", rungs=["groups"], folds=3, cache=cache)
    assert only.silence is None
    with pytest.raises(DataError, match="'silence' stands below others"):
        ladder(data, "mfcc/lda", rungs=["silence"], cache=cache)


def test_the_quietest_moment_is_found_at_one_level() -> None:
    random = np.random.default_rng(0)
    sound = np.float32(random.standard_normal(RATE))
    sound[20000:35000] *= 0.01
    for gain in (1.0, 0.003):
        found = quietest(np.float32(gain) * sound, RATE)
        assert len(found) == RATE // 4
        assert np.sqrt(np.mean(np.square(found))) == pytest.approx(0.1, rel=1e-4)
    inside = quietest(sound, RATE)
    assert np.abs(inside).max() < 0.6  # no loud sample of the rest among them
    assert quietest(np.zeros(RATE, np.float32), RATE).any() is np.False_
    assert len(quietest(sound[:100], RATE)) == 100
    assert len(quietest(sound[:0], RATE)) == 0


def test_public_audit_has_it(tmp_path: Path) -> None:
    data = clips(tmp_path, recorders=True)
    assert earmark.audit(data, groups=False, labels=False, confounds=False).silence is None
