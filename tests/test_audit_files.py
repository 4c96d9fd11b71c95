"""What is measured on a file, and what is said of it: made sounds with known faults."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from earmark.audits.files import SERIOUS, flags, usual
from earmark.data.cache import Cache
from earmark.data.clips import Clip
from earmark.data.duplicates.facts import Facts, kept
from earmark.data.duplicates.measure import edge, measure, measure_all

RATE = 16_000


def noise(seconds: float = 2.0, rate: int = RATE, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * rate)).clip(-0.9, 0.9)


def facts_of(
    folder: Path, samples: np.ndarray, rate: int = RATE, name: str = "a.wav", subtype: str = "PCM_16"
) -> Facts:
    soundfile.write(folder / name, samples, rate, subtype=subtype)
    return measure(Clip(name, folder / name))


def kinds(facts: Facts, *others: Facts) -> dict[str, str]:
    return {flag.kind: flag.severity for flag in flags(facts, usual([facts, *others]))}


def test_levels_are_those_of_a_sine(tmp_path: Path) -> None:
    t = np.arange(2 * RATE) / RATE
    facts = facts_of(tmp_path, 0.5 * np.sin(2 * np.pi * 440 * t))
    assert facts.seconds == 2
    assert facts.peak == pytest.approx(-6.02, abs=0.02)
    assert facts.loudness == pytest.approx(-9.03, abs=0.02)  # a sine's RMS lies 3 dB under its peak
    assert facts.clipped == 0
    assert facts.silence == 0
    assert kinds(facts) == {}


def test_clean_noise_has_no_flags(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, noise())
    assert (facts.bandwidth, facts.cliff) == (RATE / 2, 0)
    assert kinds(facts) == {}


def test_dc(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, noise() + 0.05)
    assert facts.dc == pytest.approx(0.05, abs=0.002)
    assert "DC offset" in kinds(facts)


@pytest.mark.parametrize("after", [1.0, 0.3])
def test_clipped_also_if_made_quieter_later(tmp_path: Path, after: float) -> None:
    t = np.arange(2 * RATE) / RATE
    facts = facts_of(tmp_path, after * np.clip(2 * np.sin(2 * np.pi * 220 * t), -1, 32767 / 32768))
    assert facts.clipped == pytest.approx(2 / 3, abs=0.05)  # |sin| > 1/2 two thirds of the time
    assert "clipped" in kinds(facts)


def test_a_loud_sine_is_not_clipped(tmp_path: Path) -> None:
    t = np.arange(2 * RATE) / RATE
    assert "clipped" not in kinds(facts_of(tmp_path, 0.999 * np.sin(2 * np.pi * 1234.5 * t)))


def test_dead_channel_and_odd_channels(tmp_path: Path) -> None:
    stereo = facts_of(tmp_path, np.stack([noise(), np.zeros(2 * RATE)], axis=1))
    assert stereo.dead == (1,)
    mono = [facts_of(tmp_path, noise(seed=i), name=f"{i}.wav") for i in range(9)]
    assert kinds(stereo, *mono) == {"dead channel": SERIOUS, "odd channels": "note"}


@pytest.mark.parametrize("low", [8_000, 16_000, 22_050])
def test_up_sampled(tmp_path: Path, low: int) -> None:
    facts = facts_of(tmp_path, soxr.resample(noise(rate=low), low, 44_100), 44_100)
    assert facts.bandwidth == pytest.approx(low / 2, rel=0.06)
    assert "narrow" in kinds(facts)


def test_a_sloping_spectrum_is_not_cut(tmp_path: Path) -> None:
    brown = np.cumsum(noise(4.0, 44_100))
    brown -= np.convolve(brown, np.ones(4001) / 4001, "same")
    facts = facts_of(tmp_path, 0.5 * brown / np.abs(brown).max(), 44_100, subtype="PCM_24")
    assert "narrow" not in kinds(facts)


def test_edge_of_a_step() -> None:
    power = np.where(np.arange(1025) < 512, 1.0, 1e-6)
    bandwidth, cliff = edge(power, 32_000)
    assert bandwidth == pytest.approx(8000, rel=0.03)
    assert cliff == pytest.approx(60, abs=1)


def test_silence_and_quiet(tmp_path: Path) -> None:
    assert kinds(facts_of(tmp_path, np.zeros(RATE))) == {"silent": SERIOUS}
    assert "quiet" in kinds(facts_of(tmp_path, noise(level=1e-3)))
    half = np.concatenate([noise(), np.zeros(3 * RATE)])
    facts = facts_of(tmp_path, half)
    assert facts.silence == pytest.approx(0.6, abs=0.02)
    assert "mostly silent" in kinds(facts)


def test_truncated_wav_is_told_with_both_lengths(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(), RATE)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: len(whole) // 2])
    facts = measure(Clip("a", tmp_path / "a.wav"))
    (flag,) = flags(facts, usual([facts]))
    assert (flag.kind, flag.severity) == ("truncated", SERIOUS)
    assert "1.00 s decoded of 2.00 s" in flag.text


def test_part_beyond_the_end_is_truncated(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(), RATE)
    facts = measure(Clip("a", tmp_path / "a.wav", start=1.5, duration=1.0))
    assert facts.seconds == pytest.approx(0.5)
    assert "truncated" in kinds(facts)
    assert kinds(measure(Clip("a", tmp_path / "a.wav", start=0.5, duration=1.0))) == {}


def test_bad_files_are_named_not_raised(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "nothing.wav").write_bytes(b"")
    clips = [Clip(n, tmp_path / n) for n in ("text.wav", "nothing.wav", "missing.wav")]
    found = measure_all(clips)
    assert [f.error.split(":")[0] for f in found] == ["unreadable", "empty", "unreadable"]
    assert all(flags(f, usual(found))[0].severity == SERIOUS for f in found)


def test_nan_samples(tmp_path: Path) -> None:
    samples = noise()
    samples[100] = np.nan
    assert "NaN" in facts_of(tmp_path, samples, subtype="FLOAT").error


def test_odd_lengths_and_rates(tmp_path: Path) -> None:
    usual_ones = [facts_of(tmp_path, noise(1 + i / 20), name=f"{i}.wav") for i in range(20)]
    long = dataclasses.replace(usual_ones[0], seconds=30.0, promised=30.0)
    short = dataclasses.replace(usual_ones[0], seconds=0.15, promised=0.15)
    other = dataclasses.replace(usual_ones[0], sample_rate=48_000)
    assert kinds(long, *usual_ones) == {"very long": "note"}
    assert kinds(short, *usual_ones) == {"very short": "note"}
    assert kinds(other, *usual_ones) == {"odd rate": "note"}


def test_facts_are_kept_by_content_and_damage_costs_only_time(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "home" / "embeddings")
    soundfile.write(tmp_path / "a.wav", noise(), RATE)
    clip = Clip("a", tmp_path / "a.wav")
    first = measure(clip, cache=cache)
    (file,) = (tmp_path / "home" / "facts").rglob("*.facts")
    again = measure(Clip("b", (tmp_path / "a.wav").rename(tmp_path / "b.wav")), cache=cache)
    assert again == first
    assert np.array_equal(again.fingerprint.hashes, first.fingerprint.hashes)
    assert np.array_equal(again.fingerprint.times, first.fingerprint.times)
    assert np.array_equal(again.fingerprint.bands, first.fingerprint.bands)
    content = file.read_bytes()
    swapped = bytearray(content)
    swapped[-1] ^= 1
    for damaged in (b"damaged", b"", content[:-1], content[:12], bytes(swapped), content + b"0"):
        file.write_bytes(damaged)
        assert kept(cache, first.file_hash) is None
        assert measure(Clip("b", tmp_path / "b.wav"), cache=cache) == first
        assert file.read_bytes() == content
