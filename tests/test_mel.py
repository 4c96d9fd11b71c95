"""Mel spectrograms against VGGish's reference and librosa (golden/make_mel.py), and their properties."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.audio.mel import MelSpec, below_peak, filters, hz_to_mel, log_mel, mel_to_hz, patches, spectrogram
from golden.signals import sweep

STEP = 7  # of the frames that are stored
VGGISH = MelSpec(
    sample_rate=16000,
    n_fft=512,
    win_length=400,
    hop_length=160,
    n_mels=64,
    fmin=125,
    fmax=7500,
    scale="htk",
    triangles="mel",
    norm=None,
    power=1,
    log="ln",
    offset=0.01,
)
MUSICNN = MelSpec(sample_rate=16000, n_fft=512, hop_length=256, n_mels=96, log="log10", gain=1e4, offset=1)
PAPER = MelSpec(sample_rate=22050, n_fft=2048, hop_length=512, n_mels=128)
SPECS = {
    "vggish": VGGISH,
    "yamnet": dataclasses.replace(VGGISH, offset=0.001),
    "musicnn": MUSICNN,
    "aisfx": MelSpec(
        sample_rate=44100,
        n_fft=2048,
        hop_length=1024,
        n_mels=96,
        scale="htk",
        norm=None,
        power=1,
        log="log10",
        gain=1e4,
        offset=1,
    ),
    "paper": PAPER,
    "amplitude": MelSpec(
        sample_rate=16000,
        n_fft=512,
        win_length=400,
        hop_length=160,
        n_mels=40,
        fmin=50,
        fmax=7000,
        power=1,
        log="db",
        amin=1e-5,
    ),
}


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "mel.npz") as stored:
        return dict(stored)


def centred(sound, spec):
    """What librosa's center=True, pad_mode="constant" does."""
    return np.pad(sound, spec.frame_length // 2)


@pytest.mark.parametrize("name", SPECS)
def test_equals_the_reference(golden, name):
    spec, sound = SPECS[name], sweep(3.0)
    if name not in ("vggish", "yamnet"):
        sound = centred(sound, spec)
    found = log_mel(sound, spec)[::STEP]
    assert found.dtype == np.float32
    assert found.shape == golden[name].shape
    assert np.ptp(golden[name]) > 1
    np.testing.assert_allclose(found, golden[name], atol=1e-4)


def test_below_peak_is_librosas_ref_max_and_top_db(golden):
    found = below_peak(log_mel(centred(sweep(3.0), PAPER), PAPER), top_db=40)
    assert found.max() == 0
    assert found.min() == -40
    np.testing.assert_allclose(found[::STEP], golden["paper_below_peak"], atol=1e-4)


def test_below_peak_takes_each_patch_for_itself():
    quiet_and_loud = np.array([[[0.0, -10], [-20, -100]], [[50.0, 40], [30, 10]]], np.float32)
    found = below_peak(quiet_and_loud, top_db=60)
    np.testing.assert_array_equal(found, [[[0, -10], [-20, -60]], [[0, -10], [-20, -40]]])
    np.testing.assert_array_equal(below_peak(quiet_and_loud, top_db=None)[0], [[0, -10], [-20, -100]])


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.triangles == "hz"])
def test_filters_equal_librosas(name):
    librosa = pytest.importorskip("librosa")
    spec = SPECS[name]
    expected = librosa.filters.mel(
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        n_mels=spec.n_mels,
        fmin=spec.fmin,
        fmax=spec.fmax,
        htk=spec.scale == "htk",
        norm=spec.norm,
    )
    np.testing.assert_allclose(filters(spec), expected, atol=1e-6)


def test_filters_of_vggish_leave_bin_0_out_and_peak_at_1():
    weights = filters(dataclasses.replace(VGGISH, fmin=0.0))
    assert weights.shape == (64, 257)
    assert (weights[:, 0] == 0).all()
    assert 0.9 < weights.max() <= 1


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_scales_are_inverse(scale):
    hz = np.linspace(0, 20000, 500)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, scale), scale), hz, atol=1e-6)


def test_slaney_scale_by_head():
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 200.0, 1000.0, 6400.0])), [0, 3, 15, 42])


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(SPECS)),
    skipped=st.integers(0, 600),
    count=st.integers(1, 200),
)
def test_any_stretch_of_frames_equals_the_whole(name, skipped, count):
    """Frames are functions of their samples: cut anywhere on the grid, over any border of the blocks."""
    spec, sound = SPECS[name], sweep(5.0)
    whole = log_mel(sound, spec)
    first = min(skipped, len(whole) - 1)
    part = log_mel(sound[first * spec.hop_length :][: spec.samples_of(count)], spec)
    np.testing.assert_allclose(part, whole[first : first + count], atol=2e-5)


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, 3000), name=st.sampled_from(sorted(SPECS)))
def test_frames_in_says_how_many_there_are(length, name):
    spec = SPECS[name]
    frames = log_mel(np.ones(length, np.float32), spec)
    assert frames.shape == (spec.frames_in(length), spec.n_mels)
    assert spec.samples_of(len(frames)) <= length or len(frames) == 0


def test_compressions_by_head():
    plain = dataclasses.replace(MUSICNN, log="none")
    x = log_mel(sweep(1.0), plain)
    assert x.min() >= 0
    for change, expected in {
        ("ln", 2.0, 0.5): np.log(2 * x + 0.5),
        ("log10", 1.0, 1.0): np.log10(x + 1),
        ("db", 1.0, 0.0): 10 * np.log10(np.maximum(x, 1e-10)),
    }.items():
        log, gain, offset = change
        found = log_mel(sweep(1.0), dataclasses.replace(plain, log=log, gain=gain, offset=offset))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_silence_is_the_floor_and_not_infinite():
    silence = np.zeros(16000, np.float32)
    np.testing.assert_allclose(log_mel(silence, PAPER), -100, atol=1e-4)
    np.testing.assert_allclose(log_mel(silence, VGGISH), np.log(0.01), atol=1e-6)
    np.testing.assert_array_equal(log_mel(silence, MUSICNN), 0)


def test_patches_are_a_view():
    frames = np.arange(20, dtype=np.float32).reshape(10, 2)
    found = patches(frames, 4, 3)
    assert found.shape == (3, 4, 2)
    assert np.shares_memory(found, frames)
    np.testing.assert_array_equal(found[1], frames[3:7])
    assert patches(frames, 11, 3).shape == (0, 11, 2)


def test_spectrogram_of_a_tone_peaks_at_its_bin():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    found = spectrogram(tone, n_fft=512, hop=256)
    assert found.shape == (61, 257)
    assert (found.argmax(axis=1) == 32).all()  # 1000 Hz x 512 / 16000
    np.testing.assert_allclose(found[:, 32], 128, rtol=1e-4)  # half of the window's sum, 256


@pytest.mark.slow
def test_thirty_seconds_take_milliseconds():
    import time

    sound = sweep(30.0)
    log_mel(sound, SPECS["yamnet"])
    times = []
    for _ in range(20):
        begin = time.perf_counter()
        log_mel(sound, SPECS["yamnet"])
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.03  # about 5 ms on one quiet core; the bound leaves room for busy ones
