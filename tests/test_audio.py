"""Sound in: every format, every way to cut it, every way it can be broken."""

from __future__ import annotations

import io
import os
import stat
import struct
import subprocess
import sys
import tempfile
import tracemalloc
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark import audio
from earmark.audio import blocks, load, probe
from earmark.core.errors import AudioError

RATE = 16000
SNDFILE = {  # suffix: (format, subtype, error of a sample that coding may make)
    ".wav": ("WAV", "PCM_16", 1e-4),
    ".u8.wav": ("WAV", "PCM_U8", 1e-2),
    ".24.wav": ("WAV", "PCM_24", 1e-6),
    ".float.wav": ("WAV", "FLOAT", 1e-7),
    ".double.wav": ("WAV", "DOUBLE", 1e-7),
    ".law.wav": ("WAV", "ULAW", 2e-2),
    ".w64": ("W64", "PCM_16", 1e-4),
    ".rf64": ("RF64", "PCM_16", 1e-4),
    ".flac": ("FLAC", "PCM_16", 1e-4),
    ".au": ("AU", "PCM_16", 1e-4),
    ".aiff": ("AIFF", "PCM_16", 1e-4),
    ".caf": ("CAF", "PCM_16", 1e-4),
    ".mp3": ("MP3", "MPEG_LAYER_III", 2e-2),
    ".ogg": ("OGG", "VORBIS", 2e-2),
}
FFMPEG = {  # suffix: (container, codec)
    ".m4a": ("ipod", "aac"),
    ".aac": ("adts", "aac"),
    ".wma": ("asf", "wmav2"),
    ".webm": ("webm", "libopus"),
    ".mka": ("matroska", "aac"),
    ".mp4": ("mp4", "aac"),
    ".wv": ("wv", "wavpack"),
}


def tone(seconds: float = 2.0, rate: int = 44100, channels: int = 1) -> np.ndarray:
    """(n, channels): two tones that swell, another level on each channel."""
    t = np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * 440 * t) * (1 + 0.5 * np.sin(2 * np.pi * 3 * t))
    sound += 0.1 * np.sin(2 * np.pi * (200 * t + 150 * t**2))
    return np.stack([sound / (1 + c) for c in range(channels)], axis=1).astype(np.float32)


def encode(path: Path, container: str, codec: str, sound: np.ndarray, rate: int) -> None:
    layout = "stereo" if sound.shape[1] == 2 else "mono"
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        if codec != "wavpack":
            stream.bit_rate = 128_000
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        shaped = av.AudioResampler(stream.format.name, layout, rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout=layout)
        frame.sample_rate = rate
        for part in [*shaped.resample(frame), *shaped.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))


def reason(source, rate: int = RATE, **options) -> str:
    with pytest.raises(AudioError) as caught:
        load(source, rate, **options)
    return caught.value.reason


@pytest.fixture(scope="module")
def wav(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "tone.wav"
    soundfile.write(path, tone(5.0, 22050, 2), 22050, subtype="FLOAT")
    return path


# --- formats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SNDFILE)
def test_formats_of_libsndfile(tmp_path, suffix):
    path, sound = tmp_path / f"tone{suffix}", tone(channels=2)
    kind, subtype, error = SNDFILE[suffix]
    soundfile.write(path, sound, 44100, format=kind, subtype=subtype)
    found = load(path, 44100)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    expected = sound.mean(axis=1)
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, atol=error)
    facts = probe(path)
    assert (facts.sample_rate, facts.channels) == (44100, 2)
    assert facts.seconds == pytest.approx(len(found) / 44100)


@pytest.mark.parametrize("suffix", FFMPEG)
def test_formats_of_ffmpeg(tmp_path, suffix):
    path, rate = tmp_path / f"tone{suffix}", 48000
    container, codec = FFMPEG[suffix]
    sound = tone(rate=rate, channels=2)
    encode(path, container, codec, sound, rate)
    found, expected = load(path, rate), sound.mean(axis=1)
    assert abs(len(found) - len(expected)) < 4096
    # A coder may put some samples before the sound: take the shift that fits best.
    middle = expected[20000:60000]
    errors = [np.abs(found[20000 + d : 60000 + d] - middle).mean() for d in range(-2500, 2501, 4)]
    at = int(np.argmin(errors)) * 4 - 2500
    assert min(np.abs(found[20000 + d : 60000 + d] - middle).mean() for d in range(at - 4, at + 5)) < 5e-3
    facts = probe(path)
    assert (facts.sample_rate, facts.channels) == (rate, 2)
    assert facts.seconds == pytest.approx(2.0, abs=0.1)


def test_opus(tmp_path):
    path, sound = tmp_path / "tone.opus", tone(rate=48000)
    soundfile.write(path, sound, 48000, format="OGG", subtype="OPUS")
    found = load(path, 48000)
    assert len(found) == len(sound)
    assert np.abs(found - sound[:, 0])[2000:].mean() < 1e-2


def test_suffixes_are_lower_case_and_cover_the_formats():
    assert all(s.startswith(".") and s == s.lower() for s in audio.SUFFIXES)
    assert {Path(f"x{s}").suffix for s in [*SNDFILE, *FFMPEG, ".opus", ".aif"]} <= audio.SUFFIXES


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 16])
def test_channels_are_averaged(tmp_path, channels):
    sound = tone(0.5, channels=channels)
    soundfile.write(tmp_path / "x.wav", sound, 44100, subtype="FLOAT")
    np.testing.assert_allclose(load(tmp_path / "x.wav", 44100), sound.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("source", [8000, 11025, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("wanted", [16000, 22050, 44100])
def test_rates(tmp_path, source, wanted):
    """A tone keeps its pitch, level and length."""
    t = np.arange(source) / source
    soundfile.write(tmp_path / "x.wav", 0.5 * np.sin(2 * np.pi * 1000 * t), source, subtype="FLOAT")
    found = load(tmp_path / "x.wav", wanted)
    assert len(found) == wanted
    inner = slice(wanted // 10, -wanted // 10)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(wanted) / wanted)
    np.testing.assert_allclose(found[inner], expected[inner], atol=1e-4)


def test_resampling_equals_librosas_default(wav):
    librosa = pytest.importorskip("librosa")
    sound = soundfile.read(wav, dtype="float32")[0].mean(axis=1)
    expected = librosa.resample(sound, orig_sr=22050, target_sr=RATE)
    np.testing.assert_allclose(load(wav, RATE), expected, atol=1e-5)


def test_no_decoder_talks(tmp_path):
    """Damaged and odd files must leave stderr alone, also what C code writes there."""
    soundfile.write(tmp_path / "a.mp3", tone(), 44100, format="MP3")
    encode(tmp_path / "b.m4a", "ipod", "aac", tone(), 44100)
    for path in list(tmp_path.iterdir()):
        whole = path.read_bytes()
        third = len(whole) // 3
        (tmp_path / f"cut-{path.name}").write_bytes(whole[: 2 * third])
        (tmp_path / f"hole-{path.name}").write_bytes(whole[:third] + bytes(3000) + whole[third + 3000 :])
    (tmp_path / "noise.mp3").write_bytes(b"\xff\xfb" + np.random.default_rng(0).bytes(20000))
    code = (
        "import sys; from pathlib import Path; from earmark import audio; from earmark.errors import AudioError\n"
        "for p in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try: audio.load(p, 16000)\n"
        "    except AudioError as e: print(e.reason)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""


# --- cuts ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(start=st.floats(0, 4.8), duration=st.none() | st.floats(0.1, 6), seconds=st.floats(0.001, 7))
@pytest.mark.parametrize("rate", [22050, 16000])
def test_blocks_joined_are_the_whole(wav, rate, start, duration, seconds):
    whole = load(wav, rate, start=start, duration=duration)
    parts = list(blocks(wav, rate, start=start, duration=duration, seconds=seconds))
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    size = max(1, round(seconds * rate))
    assert all(len(p) == size for p in parts[:-1])
    assert 0 < len(parts[-1]) <= size
    # … and the whole is the cut of the file, resampled at once
    first = round(start * 22050)
    last = None if duration is None else round((start + duration) * 22050)
    cut = soundfile.read(wav, dtype="float32")[0].mean(axis=1)[first:last]
    expected = cut if rate == 22050 else soxr.resample(cut, 22050, rate)
    np.testing.assert_allclose(whole, expected, atol=1e-5)


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aiff"])
@pytest.mark.parametrize("start", [0.3, 1.0, 2.7183])
def test_start_is_exact_in_every_format(tmp_path, suffix, start):
    path, rate = tmp_path / f"x{suffix}", 48000
    if suffix == ".m4a":
        encode(path, "ipod", "aac", tone(4, rate), rate)
    else:
        kind = {".ogg": ("OGG", "VORBIS"), ".opus": ("OGG", "OPUS")}.get(suffix, (suffix[1:].upper(), None))
        soundfile.write(path, tone(4, rate), rate, format=kind[0], subtype=kind[1])
    whole, first = load(path, rate), round(start * rate)
    part = load(path, rate, start=start, duration=0.5)
    assert len(part) == rate // 2
    np.testing.assert_allclose(part, whole[first : first + rate // 2], atol=1e-4)


def test_memory_stays_flat_in_a_long_file(tmp_path):
    """Ten minutes of sound are read in blocks without ten minutes of memory."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8000, 1, subtype="PCM_U8") as out:
        for _ in range(10):
            out.write(tone(60, 8000)[:, 0])
    tracemalloc.start()
    try:
        count = sum(len(block) for block in blocks(path, 16000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 600 * 16000  # 38 MB of float32
    assert peak < 10e6  # five blocks


def test_bytes_and_open_files_are_sources(wav, tmp_path):
    encode(tmp_path / "x.m4a", "ipod", "aac", tone(), 44100)
    for path in (wav, tmp_path / "x.m4a"):
        expected = load(path, RATE)
        np.testing.assert_array_equal(load(str(path), RATE), expected)
        np.testing.assert_array_equal(load(path.read_bytes(), RATE), expected)
        with path.open("rb") as file:
            file.read(100)  # wherever it stands
            np.testing.assert_array_equal(load(file, RATE), expected)
            assert probe(file) == probe(path)
            assert not file.closed


def test_odd_names(wav, tmp_path):
    for name in ["with space.wav", "new\nline.wav", "naïve-🎵.wav", "no suffix", "wrong.mp3", "x.raw", "-dash.wav"]:
        (tmp_path / name).write_bytes(wav.read_bytes())
        assert len(load(tmp_path / name, RATE)) == 5 * RATE
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/latin-\xe9.wav")
    Path(odd).write_bytes(wav.read_bytes())
    assert len(load(odd, RATE)) == 5 * RATE


# --- what cannot be used ---------------------------------------------------------------------------------------


def test_reasons_of_files_that_are_none(tmp_path):
    assert reason(tmp_path / "nothing.wav") == "unreadable: no such file or directory"
    assert reason(tmp_path) == "unreadable: a folder, not a file"
    assert reason(str(tmp_path / "a\0b")).startswith("unreadable: ")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    assert reason(tmp_path / "loop.wav").startswith("unreadable: ")
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason(tmp_path / "pipe.wav") == "unreadable: not a regular file"
    (tmp_path / "empty.wav").touch()
    assert reason(tmp_path / "empty.wav") == "empty: the file has no bytes"
    assert reason(b"") == "empty: the file has no bytes"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path, wav):
    locked = tmp_path / "locked.wav"
    locked.write_bytes(wav.read_bytes())
    locked.chmod(stat.S_IWUSR)
    assert reason(locked) == "unreadable: permission denied"


def test_permission_denied_is_told(monkeypatch, wav):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert reason(wav) == "unreadable: permission denied"


@pytest.mark.parametrize(
    "content",
    [
        b"this is no sound at all\n" * 50,
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"fLaC" + bytes(200),
        b"OggS" + bytes(500),
        b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(100),
        b"\xff\xfb\x90\x64" + bytes(20),
        b"\xff",
        b"\x89PNG\r\n\x1a\n" + bytes(300),
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x00\x00\x00\x18ftypM4A " + bytes(300),
        np.random.default_rng(0).bytes(5000),
        bytes(5000),
    ],
    ids=["text", "riff", "flac", "ogg", "id3", "mpeg", "byte", "png", "playlist", "concat", "m4a", "random", "zeros"],
)
def test_what_is_no_sound_is_unreadable(tmp_path, content):
    (tmp_path / "x.wav").write_bytes(content)
    assert reason(tmp_path / "x.wav").startswith(("unreadable: ", "empty: "))
    assert reason(content).startswith(("unreadable: ", "empty: "))


def test_a_film_without_sound(tmp_path):
    with av.open(str(tmp_path / "x.mp4"), "w") as out:
        stream = out.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")))
        out.mux(stream.encode(None))
    assert reason(tmp_path / "x.mp4") == "unreadable: there is no sound in it"


def test_silent_empty_and_short(tmp_path):
    def made(sound, rate=RATE):
        soundfile.write(tmp_path / "x.wav", sound, rate, subtype="FLOAT")
        return tmp_path / "x.wav"

    assert reason(made(np.zeros(RATE))) == "silent: the peak is zero (wanted above -80 dBFS)"
    assert reason(made(tone()[:, 0] * 1e-4)).startswith("silent: the peak is -8")
    assert len(load(made(tone(rate=RATE)[:, 0] * 1e-3), RATE)) == 2 * RATE
    assert reason(made(tone(channels=2) * [1, -2])) == ("silent: its 2 channels cancel each other out when averaged")
    assert reason(made(np.zeros(0))) == "empty: no samples"
    assert reason(made(tone()[:100])) == "too short: 0.006 s (wanted at least 0.1 s)"
    assert len(load(made(tone(rate=RATE)[: RATE // 10]), RATE)) == RATE // 10
    path = made(tone(2, RATE))
    assert reason(path, start=3) == "empty: no samples from 3 s on, it ends at 2.00 s"
    assert reason(path, start=1.95).startswith("too short: 0.050 s")
    assert reason(path, duration=0.05).startswith("too short: 0.050 s")
    assert len(load(path, RATE, start=1, duration=5)) == RATE  # what there is
    for start in (-1, float("nan"), float("inf")):
        assert reason(path, start=start).startswith("unreadable: start is")
    for duration in (-1, 0, float("nan")):
        assert reason(path, duration=duration).startswith("empty: duration is")


def test_blocks_of_a_silent_file_end_in_the_error(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(RATE * 3), RATE)
    found = blocks(tmp_path / "x.wav", RATE, seconds=1)
    assert len(next(found)) == RATE
    with pytest.raises(AudioError, match="silent"):
        list(found)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_numbers(tmp_path, value):
    sound = tone(5, RATE)
    sound[4 * RATE] = value
    soundfile.write(tmp_path / "x.wav", sound, RATE, subtype="FLOAT")
    assert reason(tmp_path / "x.wav").startswith("unreadable: ")
    assert len(load(tmp_path / "x.wav", RATE, duration=3)) == 3 * RATE


@pytest.mark.parametrize("rate", [0, 1, 999, 2_000_000, 2**31 - 1])
def test_absurd_rates(tmp_path, rate):
    soundfile.write(tmp_path / "x.wav", tone(), 44100)
    content = bytearray((tmp_path / "x.wav").read_bytes())
    content[24:28] = struct.pack("<I", rate)
    assert reason(bytes(content)).startswith("unreadable: ")


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".au", ".flac", ".mp3"])
def test_a_cut_file_gives_what_there_is_and_can_be_told(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    soundfile.write(path, tone(4), 44100, format=suffix[1:].upper())
    whole = load(path, 44100)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found = load(path, 44100)
    assert 0.5 < len(found) / 44100 < 3
    np.testing.assert_allclose(found[:40000], whole[:40000], atol=1e-4)
    assert probe(path).seconds == pytest.approx(4, abs=0.1)  # what the header promises


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".aac"])
def test_damage_in_the_middle_costs_little(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    encode(
        path,
        {".mp3": "mp3", ".m4a": "ipod", ".aac": "adts"}[suffix],
        "mp3" if suffix == ".mp3" else "aac",
        tone(4),
        44100,
    )
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1000] = bytes(1000)
    assert len(load(bytes(content), RATE)) / RATE > 3.5


def test_what_lies_before_damage_in_a_flac_file_is_kept(tmp_path):
    """All but the small piece in which the damage lies, though much more is read at once."""
    noise = np.random.default_rng(0).normal(0, 0.1, 400_000).astype(np.float32)
    path = tmp_path / "x.flac"
    soundfile.write(path, noise, RATE)
    content = bytearray(path.read_bytes())
    at = len(content) * 7 // 10
    content[at : at + 2000] = bytes(2000)
    found = load(bytes(content), RATE)
    assert 280_000 - 2**15 - 8192 <= len(found) <= 280_000
    np.testing.assert_allclose(found, noise[: len(found)], atol=1e-4)


@cache
def whole_file(suffix: str) -> bytes:
    if suffix == ".m4a":
        with tempfile.TemporaryDirectory() as folder:
            encode(Path(folder) / "x.m4a", "ipod", "aac", tone(0.5), 44100)
            return (Path(folder) / "x.m4a").read_bytes()
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(0.5), 44100, format=suffix[1:].upper())
    return buffer.getvalue()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40), keep=st.floats(0, 1))
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".m4a"])
def test_mutated_files_give_sound_or_one_clear_error(suffix, seed, count, keep):
    random = np.random.default_rng(seed)
    content = np.frombuffer(whole_file(suffix), np.uint8).copy()
    places = (len(content) * random.random(count) ** 3).astype(int)  # most of them in the header
    content[places] = random.integers(0, 256, count)
    content = content[: max(1, int(len(content) * (1 if keep > 0.5 else keep * 2)))]
    try:
        sound = load(content.tobytes(), RATE)
    except AudioError as error:
        clear = error.reason.startswith(("unreadable: ", "empty: ", "silent: ", "too short: "))
    else:
        clear = len(sound) > 0 and bool(np.isfinite(sound).all())
    assert clear


def test_in_ogg_nothing_seeks(tmp_path, monkeypatch):
    """In damaged Ogg Vorbis libsndfile's seek dies of a segfault, so what stands before the start is decoded."""

    def seek(*_: object) -> None:
        raise AssertionError("libsndfile was told to seek")

    monkeypatch.setattr(soundfile.SoundFile, "seek", seek)
    soundfile.write(tmp_path / "x.ogg", tone(3), 44100)
    whole = load(tmp_path / "x.ogg", 44100)
    np.testing.assert_array_equal(load(tmp_path / "x.ogg", 44100, start=1.5, duration=1), whole[66150 : 66150 + 44100])
    assert reason(tmp_path / "x.ogg", start=4).startswith("empty: no samples from 4 s on")


def test_samples_that_are_no_numbers_warn_of_nothing(tmp_path):
    """Infinities of both signs on two channels have no mean, of which numpy would warn."""
    sound = tone(1, RATE, channels=2)
    sound[100] = np.inf, -np.inf
    soundfile.write(tmp_path / "x.wav", sound, RATE, subtype="FLOAT")
    assert reason(tmp_path / "x.wav") == "unreadable: NaN or infinite samples, after 0.0 s"


# --- libraries that fail in ways of their own --------------------------------------------------------------------

FAILURES = {
    **{struct.error: ("unpack requires 4 bytes",), ValueError: ("two\nlines",), IndexError: (), KeyError: ("fmt",)},
    **{EOFError: (), OverflowError: ("too large",), MemoryError: (), RuntimeError: ("broken",), AssertionError: ()},
    **{TypeError: ("x",), ZeroDivisionError: (), NotImplementedError: (), OSError: (5, "Input/output error")},
    **{UnicodeDecodeError: ("utf-8", b"\xff", 0, 1, "no start"), soundfile.LibsndfileError: (1,)},
    **{av.error.InvalidDataError: (1, "invalid")},
}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("where", ["sndfile", "plane", "av", "soxr"])
def test_whatever_a_library_raises_is_an_audio_error(tmp_path, monkeypatch, kind, where):
    def fail(*_: object, **__: object) -> None:
        raise kind(*FAILURES[kind])

    path = tmp_path / "one.wav"
    if where in ("av", "plane"):
        path = tmp_path / "one.m4a"
        encode(path, "ipod", "aac", tone(0.5), 44100)
        monkeypatch.setattr(*((av, "open") if where == "av" else ("av.audio.plane.AudioPlane",)), fail)
    else:
        soundfile.write(path, tone(0.5), 44100)
        monkeypatch.setattr(*((soundfile.SoundFile, "read") if where == "sndfile" else (soxr, "ResampleStream")), fail)
    with pytest.raises(AudioError) as caught:
        load(path, RATE)
    assert str(caught.value).startswith(f"{path}: unreadable: ")
    assert "\n" not in str(caught.value)
    assert len(caught.value.reason) > len("unreadable: ")


def test_a_fault_in_a_run_over_many_ends_nothing(tmp_path, monkeypatch):
    from earmark.data.clips import Clip
    from earmark.data.duplicates.measure import measure

    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", tone(0.5), 44100)
    whole = soundfile.SoundFile.read

    def read(self, *args, **options):
        if Path(tmp_path, "now").exists():
            raise IndexError("list index out of range")
        return whole(self, *args, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    (tmp_path / "now").touch()
    assert measure(Clip("a", tmp_path / "a.wav")).error == "unreadable: list index out of range"
    (tmp_path / "now").unlink()
    assert measure(Clip("b", tmp_path / "b.wav")).error == ""


@pytest.mark.parametrize("known", [True, False])
def test_pyav_with_and_without_metadata_errors(tmp_path, monkeypatch, known):
    """Until PyAV 18 text that is no UTF-8 has to be forgiven by an argument that PyAV 19 does not take."""
    path = tmp_path / "x.m4a"
    encode(path, "ipod", "aac", tone(), 44100)
    expected, real, asked = load(path, RATE), av.open, []

    def old(file, mode=None, *, metadata_errors="strict", container_options=None):
        asked.append(metadata_errors)
        return real(file, mode=mode, container_options=container_options)

    def new(file, mode=None, *, container_options=None):
        asked.append(None)
        return real(file, mode=mode, container_options=container_options)

    monkeypatch.setattr(av, "open", old if known else new)
    np.testing.assert_array_equal(load(path, RATE), expected)
    assert asked == (["ignore"] if known else [None])


def test_text_that_is_no_utf8_does_not_matter(tmp_path):
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as out:
        out.metadata["title"] = "A" * 20
        stream = out.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone().T), format="fltp", layout="mono")
        frame.sample_rate = 44100
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    content = path.read_bytes()
    assert content.count(b"A" * 20) == 1
    changed = content.replace(b"A" * 20, b"\xff\xe9" * 10)
    np.testing.assert_array_equal(load(changed, RATE), load(content, RATE))


def test_streams_that_are_found_while_a_file_is_read(tmp_path):
    """Of these PyAV 14 to 16 die if a stream is given options."""
    encode(tmp_path / "x.mpg", "mpeg", "mp2", tone(rate=48000), 48000)
    assert len(load(tmp_path / "x.mpg", RATE)) / RATE == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("start", [1e15, 1e100, 1e308])
def test_a_start_beyond_all_files(tmp_path, start):
    soundfile.write(tmp_path / "x.wav", tone(), 44100)
    encode(tmp_path / "x.m4a", "ipod", "aac", tone(), 44100)
    for path in (tmp_path / "x.wav", tmp_path / "x.m4a"):
        assert reason(path, start=start).startswith("empty: no samples from 1e+")
        assert len(load(path, RATE, duration=start)) >= 2 * RATE


def test_numbers_too_large_for_single_precision(tmp_path):
    path = tmp_path / "x.mka"
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("pcm_f64le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, RATE), 1e300), format="dbl", layout="mono")
        frame.sample_rate = RATE
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert reason(path) == "unreadable: NaN or infinite samples, after 0.0 s"


class Odd(io.BytesIO):
    """A file that fails at a byte, or in a call, as it likes."""

    def __init__(self, content: bytes, failure: Exception, call: str, after: int) -> None:
        super().__init__(content)
        self.failure, self.call, self.left = failure, call, after

    def _count(self, call: str) -> None:
        self.left -= call == self.call
        if self.left < 0:
            raise self.failure

    def read(self, size: int | None = -1) -> bytes:
        self._count("read")
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._count("seek")
        return super().seek(offset, whence)

    def tell(self) -> int:
        self._count("tell")
        return super().tell()


@pytest.mark.parametrize("kind", [ValueError, IndexError, EOFError, MemoryError, OSError])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".m4a"])
def test_a_file_of_the_users_that_fails(capfd, suffix, kind):
    content, told = whole_file(suffix), []
    for call, after in [("read", 0), ("read", 1), ("read", 2), ("seek", 0), ("tell", 0)]:
        source = Odd(content, kind(*FAILURES.get(kind, ())), call, after)
        try:
            assert len(load(source, RATE)) > 0
            assert source.left >= 0 or call != "read"  # it was never asked so often
        except AudioError as error:
            told.append(error.reason)
    assert told
    assert all(reason.startswith("unreadable: ") and "\n" not in reason for reason in told)
    assert capfd.readouterr().err == ""


def test_damage_that_sends_a_decoder_before_the_beginning(capfd):
    """Libsndfile would say so on stderr: an exception in its callback is nobody's."""
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(0.5), RATE, format="AIFF", subtype="PCM_S8")
    whole, told = np.frombuffer(buffer.getvalue(), np.uint8), []
    for seed in range(200):
        random, content = np.random.default_rng(seed), whole.copy()
        count = random.integers(1, 8)
        content[random.integers(0, 60, count)] = random.integers(0, 256, count)
        try:
            assert len(load(content.tobytes(), RATE)) > 0
        except AudioError as error:
            told.append(error.reason)
    assert told
    assert all("\n" not in reason for reason in told)
    assert capfd.readouterr().err == ""
