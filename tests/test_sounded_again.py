"""A machine that repeats itself is no copy of its recording; a copy is one after all that is done to it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

import earmark as em
from earmark.audio.fingerprint import RATE
from earmark.cli import main
from earmark.core.errors import DataError
from earmark.data.clips import Clip, Dataset
from earmark.data.copies import Copies, copies_by
from earmark.data.duplicates import with_recordings
from earmark.data.duplicates.again import sounded_again

Sound = np.ndarray


def siren(seed: int, noise: float = 0.003) -> Sound:
    """One siren, sounded at another loudness before another noise."""
    random = np.random.default_rng(seed)
    t = np.arange(3 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(1000 * 2 ** (np.sin(6 * np.pi * t) / 2)) / RATE
    tone = sum(0.3 / k * np.sin(k * phase) for k in range(1, 6))
    return (random.uniform(0.4, 0.9) * tone + random.normal(0, noise, len(t))).astype(np.float32)


def melody(seed: int, late: float = 0.012, noise: float = 0.0) -> Sound:
    """One melody of a synthesiser, played by hand: each note comes some milliseconds early or late."""
    random, t = np.random.default_rng(seed), np.arange(4 * RATE) / RATE
    out = random.normal(0, noise, len(t)) if noise else np.zeros(len(t))
    for i, pitch in enumerate(np.random.default_rng(5).integers(0, 24, 16)):
        after = t - 0.05 - i / 4 - random.normal(0, late)
        shape = np.exp(-4 * np.maximum(after, 0)) * (after >= 0) * (1 - np.exp(-300 * np.maximum(after, 0)))
        out += 0.2 * shape * sum(np.sin(2 * np.pi * k * 220 * 2 ** (pitch / 12) * after) / k for k in range(1, 6))
    return out.astype(np.float32)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (siren(1), siren(2)),
        (siren(1, 0.0003), siren(2, 0.0003)),
        (siren(1, 0.02), siren(2, 0.02)),
        (melody(1), melody(2)),
        (melody(1, 0.004), melody(2, 0.004)),
        (melody(1, 0.0, 0.003), melody(2, 0.0, 0.003)),  # by a sequencer, recorded twice
    ],
    ids=["siren", "quiet room", "loud room", "by hand", "by a good hand", "sequencer"],
)
def test_sounded_again(one: Sound, two: Sound) -> None:
    assert sounded_again(one, two)


COPIES: dict[str, Callable[[Sound], Sound]] = {
    "itself": lambda y: y,
    "quieter, 16 bits": lambda y: (np.round(0.2 * y * 32768) / 32768).astype(np.float32),
    "8 bits": lambda y: (np.round(y * 128) / 128).astype(np.float32),
    "resampled": lambda y: soxr.resample(soxr.resample(y, RATE, 11_025), 11_025, RATE),
    "late": lambda y: y[137:],
    "inverted": lambda y: -y,
    "more noise": lambda y: y + np.random.default_rng(9).normal(0, 0.01, len(y)).astype(np.float32),
    "another clock": lambda y: soxr.resample(y, RATE, RATE * 1.0003).astype(np.float32),
    "first half": lambda y: y[: len(y) // 2],
    "gated": lambda y: np.where(np.abs(y) > 0.005, y, 0).astype(np.float32),
}


@pytest.mark.parametrize("change", COPIES)
@pytest.mark.parametrize("sound", [siren(1), melody(1), melody(1, noise=0.003)], ids=["siren", "melody", "noisy"])
def test_copies_are_not_sounded_again(sound: Sound, change: str) -> None:
    assert not sounded_again(sound, COPIES[change](sound))


@pytest.mark.parametrize(("form", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")])
@pytest.mark.parametrize("sound", [siren(1), melody(1), melody(1, noise=0.003)], ids=["siren", "melody", "noisy"])
def test_nor_are_encoded_ones(tmp_path: Path, sound: Sound, form: str, subtype: str) -> None:
    file = tmp_path / f"a.{form.lower()}"
    soundfile.write(file, sound, RATE, format=form, subtype=subtype)
    coded = soundfile.read(file, dtype="float32")[0]
    assert not sounded_again(sound, coded[: len(sound)])


@pytest.fixture(scope="module")
def sirens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six soundings of two sirens, one of them copied, each a group of its own by the table."""
    folder = tmp_path_factory.mktemp("sirens")
    lines = [["path", "label", "group"]]
    for kind, make in (("up", siren), ("tune", melody)):
        for i in range(6):
            soundfile.write(folder / f"{kind}{i}.wav", make(i), RATE)
            lines.append([f"{kind}{i}.wav", kind, f"{kind}{i}"])
    soundfile.write(folder / "copy.wav", 0.5 * siren(0), RATE)
    lines.append(["copy.wav", "up", "another"])
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return folder


def test_soundings_are_told_and_kept_together(sirens: Path) -> None:
    found = with_recordings(em.load_dataset(sirens / "clips.csv"))
    recording = {c.id: c.recording for c in found.clips if c.recording}
    assert recording["copy.wav"] == recording["up0.wav"]
    assert len(recording) > 2, "what seems to be sounded again is kept together: a copy that is let go would flatter"
    assert sum("may be a machine or a player sounded again" in note for note in found.notes) == 1
    with pytest.MonkeyPatch.context() as patch:  # of many pairs some are looked at, and all are kept together
        patch.setattr("earmark.data.duplicates._LOOKED_AT", 5)
        few = with_recordings(em.load_dataset(sirens / "clips.csv"))
    assert [c.recording for c in few.clips] == [c.recording for c in found.clips]
    assert any("that were looked at) that sound alike" in note for note in few.notes)
    assert with_recordings(found).notes == found.notes


def test_the_table_may_be_trusted(sirens: Path, tmp_path: Path) -> None:
    data = em.load_dataset(sirens / "clips.csv", copies="table")
    found = with_recordings(data)
    assert not any(c.recording for c in found.clips)
    assert any("Copies are those of the table" in note for note in found.notes)
    same = (Clip("a", sirens / "up0.wav", "x"), Clip("b", sirens / "up0.wav", "x", start=0.0, duration=3.0))
    assert all(c.recording == "a" for c in with_recordings(Dataset("d", same, copies=Copies.TABLE)).clips)
    with copies_by("table"):
        assert em.load_dataset(sirens / "clips.csv").copies is Copies.TABLE
    assert em.load_dataset(sirens / "clips.csv").copies is Copies.SOUND
    with pytest.raises(DataError, match="found copies='ears'; wanted one of sound, table"):
        em.load_dataset(sirens / "clips.csv", copies="ears")


def test_by_the_command_and_again(sirens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(sirens / "clips.csv"), "-r", "mfcc/lda", "--folds", "2", "--no-cache", "-o", str(tmp_path / "out")]
    with pytest.raises(SystemExit, match="0"):
        main(["compare", *given, "--copies", "table"])
    told = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert told["dataset"]["copies"] == "table"
    assert any("Copies are those of the table" in note for note in told["notes"])
    again = em.rerun(tmp_path / "out")
    assert again.same
    assert again.comparison.dataset.copies is Copies.TABLE
    capsys.readouterr()
