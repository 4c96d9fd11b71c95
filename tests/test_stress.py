"""Robustness: changed sounds are evaluated by heads that did not learn from them, and what is lost is what was done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import earmark
from earmark.audio.transforms import exact
from earmark.cli import main
from earmark.core.errors import DataError, RecipeError
from earmark.core.spec import Part
from earmark.data.cache import Cache
from earmark.report import stress as report
from earmark.studies import stress as module
from earmark.studies.stress import FAMILIES, stress


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


def test_every_change_of_every_family_exists_and_has_a_name() -> None:
    from earmark.metrics.intervals import Interval

    none = Interval(0, 0, 0)
    for family, changes in FAMILIES.items():
        for text in changes:
            exact(Part.parse(text))
            assert report.name(module.Condition(text, family, none, none, 0))


def test_what_takes_the_pitch_away_takes_the_accuracy_away(sounds: Path, cache: Cache) -> None:
    """The classes are pitches: 19 semitones apart. Gain leaves them what they are, a shift by 19 makes one the next."""
    found = stress(
        "mfcc/lda", sounds, changes=["gain(db=-6)", "pitch(semitones=-19)"], protocol="groups", folds=3, cache=cache
    )
    gain, pitch = found.conditions
    assert found.plain.value > 0.7
    assert gain.accuracy.value == pytest.approx(found.plain.value, abs=0.15)
    assert pitch.loss.high < 0
    assert pitch.loss.value == pytest.approx(pitch.accuracy.value - found.plain.value)
    assert (gain.changed, pitch.changed) == (36, 36)
    plain = earmark.compare(sounds, ["mfcc/lda"], protocol="groups", folds=3, cache=cache).runs[0]
    assert found.plain.value == plain.evaluation.scores["accuracy"].value
    again = stress(
        "mfcc/lda", sounds, changes=["gain(db=-6)", "pitch(semitones=-19)"], protocol="groups", folds=3, cache=cache
    )
    assert again.conditions == found.conditions


def test_an_excerpt_leaves_shorter_clips_as_they_were(sounds: Path, cache: Cache) -> None:
    longer = sum(soundfile.info(f).duration > 1.5 for f in sounds.parent.glob("*.wav"))
    found = stress(
        "mfcc(seconds=0.5)/lda", sounds, changes=["excerpt(seconds=1.5)", "excerpt(seconds=9)"], folds=3, cache=cache
    )
    assert 0 < found.conditions[0].changed <= longer
    assert found.conditions[1].changed == 0
    assert found.conditions[1].loss.value == 0


def test_a_model_is_judged_by_folds_on_sounds_it_knows_and_itself_on_others(
    sounds: Path, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = earmark.train(sounds, "mfcc/lda", tmp_path / "m", protocol="groups", folds=3, cache=cache)
    loaded = earmark.load_model(tmp_path / "m")
    known = stress(loaded, sounds, changes=["telephone"], folds=3, cache=cache)
    assert "36 of these clips" in known.how
    assert known.protocol == "groups"
    assert known.plain.value == pytest.approx(model.card.measured.scores["accuracy"].value)
    others = tmp_path / "others"
    others.mkdir()
    draw = np.random.default_rng(1)
    for k, label in enumerate(("low", "mid", "high")):
        (others / label).mkdir()
        for take in range(6):
            tone = 0.1 * np.sin(2 * np.pi * 200 * 3**k * (1 + 0.1 * take) * np.arange(24000) / 16000)
            soundfile.write(others / label / f"{take}.wav", tone + 0.05 * draw.standard_normal(24000), 16000)
    monkeypatch.setattr(module, "fit", lambda *a, **k: pytest.fail("heads were fitted anew"))
    new = stress(loaded, others, changes=["telephone"], cache=cache)
    assert "not trained on" in new.how
    assert new.clips == 18
    direct = earmark.evaluate(loaded, others, cache=cache).runs[0].evaluation.scores["accuracy"].value
    assert new.plain.value == direct


def test_no_test_clip_is_learnt_from(sounds: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[set[str]] = []
    original = module.fit

    def spy(recipe, data, clips, units, **options):  # type: ignore[no-untyped-def]
        learnt.append(set(units[clips]))
        fitted = original(recipe, data, clips, units, **options)
        mine, scores = learnt[-1], type(fitted).scores

        class Watched:
            classes = fitted.classes

            def scores(self, changed, test):  # type: ignore[no-untyped-def]
                assert not mine & set(units[test])
                return scores(fitted, changed, test)

        return Watched()

    monkeypatch.setattr(module, "fit", spy)
    stress("mfcc/lda", sounds, changes=["noise"], protocol="groups", folds=3, cache=cache)
    assert len(learnt) == 3  # once for each fold, not once for each change


def test_faults_are_told_before_anything_is_evaluated(sounds: Path, cache: Cache) -> None:
    with pytest.raises(RecipeError, match="no effect is called 'loud'"):
        stress("mfcc/lda", sounds, changes=["loud"], cache=cache)
    with pytest.raises(DataError, match="evaluates no clips"):
        stress("mfcc/lda", sounds, changes=["telephone"], protocol="windows", cache=cache)


def test_command_and_report(sounds: Path, cache: Cache, tmp_path: Path) -> None:
    args = [
        "study",
        "stress",
        "mfcc/lda",
        str(sounds),
        "--folds",
        "3",
        "--cache",
        str(cache.folder),
        "--change",
        "gain",
        "--change",
        "noise(snr=0)",
    ]
    result = CliRunner().invoke(main, [*args, "-o", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert [c["change"] for c in told["conditions"]] == [*FAMILIES["gain"], "noise(snr=0)"]
    assert json.loads((tmp_path / "out" / "stress.json").read_text()) == told
    page = (tmp_path / "out" / "stress.html").read_text()
    assert "White noise, 0 dB SNR" in page
    assert "as it is" in CliRunner().invoke(main, args).output
    assert np.isfinite(told["accuracy"]["value"])
