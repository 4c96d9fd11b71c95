"""The same recording found again after what data sets do to it; other recordings left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark import audio
from earmark.audio.fingerprint import EMPTY, HASHES, RATE, Fingerprint, fingerprint
from earmark.core.union import united
from earmark.data.clips import Clip, Dataset
from earmark.data.duplicates import with_recordings
from earmark.data.duplicates.find import Pair, candidates, compare, pairs, recordings
from earmark.data.duplicates.measure import measure_all
from earmark.data.load import load_dataset

Sound = np.ndarray


def tune(seed: int, seconds: float = 3.0, rate: int = 22_050) -> Sound:
    """Notes with overtones, struck at random times, over a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    out = rng.normal(0, 0.003, len(t))
    for start in np.sort(rng.uniform(0, seconds, round(6 * seconds))):
        pitch = 110 * 2 ** (rng.integers(0, 36) / 12)
        after = np.maximum(t - start, 0)
        shape = np.exp(-after * rng.uniform(2, 8)) * (t >= start) * (1 - np.exp(-after * 200))
        out += sum(0.15 / k * np.sin(2 * np.pi * k * pitch * after) for k in range(1, 7)) * shape
    return (out / np.abs(out).max() * 0.8).astype(np.float32)


def printed(samples: Sound, rate: int = 22_050) -> Fingerprint:
    return fingerprint([soxr.resample(samples, rate, RATE).astype(np.float32)])


CHANGES: dict[str, Callable[[Sound], Sound]] = {
    "gain": lambda y: 0.5 * y,
    "shift": lambda y: y[8_159:],
    "third": lambda y: y[20_000 : 20_000 + len(y) // 3],
    "noise": lambda y: y + np.random.default_rng(9).normal(0, 0.01, len(y)).astype(np.float32),
    "16 kHz": lambda y: soxr.resample(soxr.resample(y, 22_050, 16_000), 16_000, 22_050),
    "inverted": lambda y: -y,
    "longer": lambda y: np.concatenate([tune(77, 1.0), y, tune(78, 1.0)]),
}


@pytest.fixture(scope="module")
def originals() -> list[Sound]:
    return [tune(i) for i in range(12)]


@pytest.mark.parametrize("change", CHANGES)
def test_copies_are_found_and_nothing_else(originals: list[Sound], change: str) -> None:
    prints = [printed(y) for y in originals] + [printed(CHANGES[change](y)) for y in originals]
    found = recordings(prints)
    assert {(p.a, p.b) for p in found} == {(i, i + 12) for i in range(12)}
    assert min(p.agreement for p in found) > 0.8


def test_offset_overlap_and_gain_are_told() -> None:
    y = tune(0, 4.0)
    (pair,) = recordings([printed(y), printed(0.5 * y[22_050:])])
    assert pair.offset == pytest.approx(1.0, abs=0.02)
    assert pair.overlap == pytest.approx(3.0, abs=0.1)
    assert pair.gain == pytest.approx(-6.0, abs=0.6)


@pytest.mark.parametrize(("suffix", "subtype"), [("mp3", "MPEG_LAYER_III"), ("ogg", "VORBIS"), ("flac", "PCM_16")])
def test_encodings(tmp_path: Path, originals: list[Sound], suffix: str, subtype: str) -> None:
    clips = []
    for i, y in enumerate(originals):
        for name, kind in ((f"{i}.wav", "PCM_16"), (f"{i}.{suffix}", subtype)):
            soundfile.write(tmp_path / name, (y * 32_000).astype(np.int16), 22_050, subtype=kind)
            clips.append(Clip(name, tmp_path / name))
    found = pairs(measure_all(clips))
    assert [(p.a, p.b) for p in found] == [(2 * i, 2 * i + 1) for i in range(12)]
    assert {p.kind for p in found} == {"samples" if suffix == "flac" else "recording"}


def test_same_file_same_samples_and_silence(tmp_path: Path) -> None:
    y = tune(3)
    for name, sound in {"a.wav": y, "b.wav": y, "s.wav": 0 * y, "t.wav": 0 * y}.items():
        soundfile.write(tmp_path / name, (sound * 32_000).astype(np.int16), 22_050)
    soundfile.write(tmp_path / "c.flac", (y * 32_000).astype(np.int16), 22_050)
    clips = tuple(Clip(n, tmp_path / n, "x") for n in ("a.wav", "b.wav", "c.flac", "s.wav", "t.wav"))
    assert [(p.a, p.b, p.kind) for p in pairs(measure_all(clips))] == [(0, 1, "file"), (0, 2, "samples")]
    named = {c.id: c.recording for c in with_recordings(Dataset("d", clips)).clips if c.recording}
    assert named == dict.fromkeys(("a.wav", "b.wav", "c.flac"), "a.wav")


def test_parts_of_one_file_that_overlap(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", tune(5, 9.0), 22_050)
    clips = [Clip(f"{s}", tmp_path / "long.wav", start=s, duration=3.0) for s in (0.0, 1.5, 5.5)]
    assert [(p.a, p.b) for p in pairs(measure_all(clips))] == [(0, 1)]


def test_many_copies_hang_together() -> None:
    """More copies than neighbours looked at under one hash."""
    y = printed(tune(1))
    found = recordings([y] * 80)
    assert set(united(range(80), ((p.a, p.b) for p in found)).values()) == {0}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=8))
def test_blocks_do_not_matter_to_frames(sizes: list[int]) -> None:
    y = soxr.resample(tune(2), 22_050, RATE).astype(np.float32)
    cuts = np.cumsum(sizes)
    blocks = fingerprint(np.split(y, cuts[cuts < len(y)]))
    whole = fingerprint([y])
    assert abs(len(blocks.bands) - len(whole.bands)) <= 1
    assert compare(whole, blocks, 0)[0] > 0.99


def test_fingerprints_are_bounded_and_sorted() -> None:
    short, long = printed(tune(1, 3.0)), printed(np.concatenate([tune(i, 4.0) for i in range(10)]))
    assert len(short.hashes) <= HASHES < len(long.hashes) <= 60 * 41
    assert (np.diff(long.hashes.astype(np.int64)) >= 0).all()
    assert len(EMPTY.hashes) == len(printed(np.zeros(4000, np.float32)).hashes) == 0


@pytest.mark.parametrize("sound", [np.zeros(48_000), np.ones(48_000), np.sin(np.arange(48_000) / 7), np.zeros(10)])
def test_sounds_without_landmarks_match_nothing(sound: Sound) -> None:
    prints = [printed(sound.astype(np.float32)), printed(0.3 * sound[::-1].astype(np.float32)), printed(tune(4))]
    assert recordings(prints) == []
    assert recordings([]) == []


def test_joined_names_sets_by_their_first() -> None:
    assert united("abcde", [("e", "c"), ("c", "b")]) == {"a": "a", "b": "b", "c": "b", "d": "d", "e": "b"}


def test_votes_add_up_over_neighbouring_offsets() -> None:
    hashes = np.arange(6, dtype=np.uint32)
    one = Fingerprint(hashes, np.arange(6, dtype=np.int32) * 10, EMPTY.bands)
    two = Fingerprint(hashes, one.times + np.array([5, 5, 5, 6, 6, 90], np.int32), EMPTY.bands)
    a, b, offset, votes = candidates([one, two])
    assert (a.tolist(), b.tolist(), offset.tolist(), votes.tolist()) == ([0], [1], [-5], [5])


def test_real_twins(shared: Path) -> None:
    """GTZAN holds rock.00016 = metal.00058, and Of Chaos And Eternal Night twice (Sturm 2013)."""
    data = load_dataset(shared / "data" / "gtzan" / "clips.csv")
    some = [c for c in data.clips if c.label == "metal" or c.id == "rock/rock.00016.flac"]
    found = pairs(measure_all(some))
    assert {(some[p.a].path.stem, some[p.b].path.stem, p.kind) for p in found} == {
        ("metal.00058", "rock.00016", "file"),
        ("metal.00004", "metal.00013", "recording"),
    }


def test_real_excerpts(shared: Path) -> None:
    """The hardest asked for: a third of clips of 2 to 3 s."""
    data = load_dataset(shared / "data" / "gtzan" / "clips.csv")
    prints, rng = [], np.random.default_rng(0)
    for clip in [c for c in data.clips[::7] if measured(c) < 5][:40]:
        y = audio.load(clip.path, RATE)
        start = int(rng.integers(0, len(y) * 2 // 3))
        prints += [fingerprint([y]), fingerprint([y[start : start + len(y) // 3]])]
    found = {(p.a, p.b) for p in recordings(prints)}
    assert len(prints) == 80
    assert len(found & {(2 * i, 2 * i + 1) for i in range(40)}) >= 39
    assert len(found) <= 40


def measured(clip: Clip) -> float:
    return soundfile.info(clip.path).duration


def test_pair_is_plain() -> None:
    assert Pair(1, 2, "file").agreement == 1
