"""Sounds are read to the end of their file, whatever a header or a decoder takes for the end; silence is what is heard as such."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import earmark
from earmark import audio
from earmark.audio import flac, silence
from earmark.core.errors import AudioError
from serving import write_tones

RATE = 16000


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(round(hertz)).normal(0, 0.03, (len(time), channels))
    return (0.3 * np.sin(2 * np.pi * hertz * time)[:, None] + noise).astype(np.float32)


def encoded(kind: str, subtype: str | None = None, hertz: float = 300, seconds: float = 2.0, **how: int) -> bytes:
    out = io.BytesIO()
    rate = how.get("rate", RATE)
    soundfile.write(out, tone(hertz, seconds, **how), rate, format=kind, subtype=subtype)
    return out.getvalue()


def heard(source) -> float:
    """Seconds that are heard; what ``probe`` promises is the same."""
    seconds = len(audio.load(source, RATE)) / RATE
    promised = audio.probe(source).seconds
    assert promised is None or promised == pytest.approx(seconds, abs=0.05)
    return seconds


def pitch(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound))


def reason(source, rate: int = RATE) -> str:
    with pytest.raises(AudioError) as caught:
        audio.load(source, rate)
    return caught.value.reason


# --- several sounds in one file ----------------------------------------------------------------------------------

LINKS = {
    "vorbis": [("OGG", "VORBIS", {}), ("OGG", "VORBIS", {}), ("OGG", "VORBIS", {})],
    "vorbis, other rate": [("OGG", "VORBIS", {}), ("OGG", "VORBIS", {"rate": 44100})],
    "vorbis, other channels": [("OGG", "VORBIS", {"channels": 2}), ("OGG", "VORBIS", {"channels": 1})],
    "opus": [("OGG", "OPUS", {}), ("OGG", "OPUS", {})],
    "opus, vorbis": [("OGG", "OPUS", {}), ("OGG", "VORBIS", {"channels": 2, "rate": 22050})],
    "flac": [("FLAC", None, {}), ("FLAC", None, {"rate": 8000}), ("FLAC", None, {})],
    "wav": [("WAV", None, {}), ("WAV", "FLOAT", {"channels": 2}), ("WAV", None, {"rate": 48000})],
}


@pytest.mark.parametrize("name", LINKS)
def test_sounds_one_after_the_other_are_all_heard(name):
    pitches = (300, 600, 1200)
    files = [encoded(k, s, h, **how) for h, (k, s, how) in zip(pitches, LINKS[name], strict=False)]
    whole = b"".join(files)
    assert heard(whole) == pytest.approx(2 * len(files), abs=0.1)
    for i, hertz in enumerate(pitches[: len(files)]):
        assert pitch(audio.load(whole, RATE, start=2 * i + 0.5, duration=1)) == pytest.approx(hertz, abs=2)
    joined = np.concatenate(list(audio.blocks(whole, RATE, seconds=0.7)))
    np.testing.assert_array_equal(joined, audio.load(whole, RATE))


def test_the_same_file_twice_is_heard_twice():
    """A copy has the same serial number."""
    for kind in ("OGG", "FLAC", "WAV"):
        assert heard(2 * encoded(kind)) == pytest.approx(4, abs=0.1)


def test_a_link_that_cannot_be_read_is_told():
    good, bad = encoded("OGG"), bytearray(encoded("OGG", hertz=600))
    bad[60:] = bytes(len(bad) - 60)
    assert reason(good + bytes(bad)).startswith("unreadable: sound 2 of the 2 in it: ")


# --- sizes in headers --------------------------------------------------------------------------------------------


def put(content: bytes, mark: bytes, value: int, form: str, skip: int = 0) -> bytes:
    """``value`` written behind ``mark``."""
    at = content.index(mark) + len(mark) + skip
    return content[:at] + struct.pack(form, value) + content[at + struct.calcsize(form) :]


SIZES = {
    "WAV": (b"data", "<I", 0, [0, 0xFFFFFFFF, 0x7FFFFFFF]),
    "RF64": (b"ds64", "<Q", 12, [0, 2**63 - 1, 2**64 - 1]),
    "W64": (b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a", "<Q", 0, [0, 24, 2**63 - 1, 2**64 - 1]),
    "AIFF": (b"SSND", ">I", 0, [0, 8, 0xFFFFFFFF]),
    "CAF": (b"data", ">Q", 0, [4, 20004, 2**63 - 1, 2**64 - 1]),
    "AU": (b".snd", ">I", 4, [0, 20000, 0xFFFFFFFF]),
}


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_sizes_that_were_never_written(kind, subtype):
    mark, form, skip, values = SIZES[kind]
    whole = encoded(kind, subtype)
    wanted = audio.load(whole, RATE)
    for value in values:
        found = audio.load(put(whole, mark, value, form, skip), RATE)
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM"])
@pytest.mark.parametrize("told", [0, 1001, 0x7FFFFFFE, 0xFFFFFFFF])
@pytest.mark.parametrize("before", [b"", b"JUNK" + struct.pack("<I", 4036) + bytes(4036)])
def test_a_recorder_that_lost_power(subtype, told, before):
    """Sizes of 0, of some time before the end (and no whole number of samples), or a placeholder; chunks before."""
    whole = encoded("WAV", subtype)
    wanted = audio.load(whole, RATE)
    start = whole.index(b"fmt ")
    data = whole.index(b"data")
    whole = (
        whole[:4]
        + struct.pack("<I", min(len(before) + data + told, 2**32 - 1))
        + whole[8:start]
        + before
        + whole[start:data]
    )
    whole = whole + b"data" + struct.pack("<I", told) + encoded("WAV", subtype)[data + 8 :]
    found = audio.load(whole, RATE)
    assert len(found) == pytest.approx(len(wanted), abs=2100)  # a block of ADPCM
    np.testing.assert_allclose(found[: len(wanted)], wanted[: len(found)], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 3000), tail=st.sampled_from([b"LIST", b"guan", b"id3 ", b"cue "]))
def test_an_empty_sound_is_empty_and_chunks_are_no_sound(size, tail):
    """A size of 0 is true where chunks follow that fill the file."""
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16)
    behind = tail + struct.pack("<I", size) + bytes(size + size % 2)
    body = b"WAVE" + fmt + b"data" + bytes(4) + behind
    assert reason(b"RIFF" + struct.pack("<I", len(body)) + body) == "empty: no samples"
    plain = encoded("WAV")
    assert len(audio.load(plain + behind, RATE)) == len(audio.load(plain, RATE))


@pytest.mark.parametrize("told", [200_000_000, 0xFFFFFFFF, 0x7FFFFFFE, 0, 1_000_000])
@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
def test_more_than_four_gigabytes(tmp_path, told, kind):
    """The end of a sparse file is found by what sounds there."""
    rate, size, path = 48000, 2**32 + 200_000_000, tmp_path / "big"
    last = (tone(600, 1, rate)[:, 0] * 32767).astype("<i2" if kind == "WAV" else ">i2").tobytes()
    with path.open("wb") as file:
        if kind == "WAV":
            fmt = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
            file.write(b"RIFF" + struct.pack("<I", min(told + 36, 0xFFFFFFFF)) + b"WAVEfmt " + fmt)
            file.write(b"data" + struct.pack("<I", told))
        else:
            comm = struct.pack(">IHIHHQ", 18, 1, 0, 16, 16383 + 15, rate << 48)
            file.write(b"FORM" + struct.pack(">I", min(told + 46, 0xFFFFFFFF)) + b"AIFFCOMM" + comm)
            file.write(b"SSND" + struct.pack(">III", min(told + 8, 0xFFFFFFFF), 0, 0))
        begin = file.tell()
        file.seek(begin + size - len(last))
        file.write(last)
    real = size / 2 / rate
    assert audio.probe(path).seconds == pytest.approx(real)
    assert pitch(audio.load(path, RATE, start=real - 1, duration=1)) == 600


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_flac_whose_number_of_samples_is_wrong(subtype, share):
    content = bytearray(encoded("FLAC", subtype, seconds=5))
    told = int(share * 5 * RATE)
    content[21:26] = (int.from_bytes(content[21:26], "big") & ~(2**36 - 1) | told).to_bytes(5, "big")
    assert heard(bytes(content)) == 5
    assert len(audio.load(bytes(content), RATE, start=3)) == 2 * RATE


def test_a_flac_header_that_is_true_stays():
    for seconds in (0.2, 1.0, 5.0):
        content = encoded("FLAC", seconds=seconds)
        assert flac.mended(io.BytesIO(content), 0, len(content)) is None


# --- tags before the sound ---------------------------------------------------------------------------------------

ID3 = b"ID3\x04\x00\x00\x00\x04\x22\x70" + b"TIT2\x00\x00\x00\x04\x00\x00\x03abc" + bytes(70000 - 14)
FOOTER = b"ID3\x04\x00\x10\x00\x00\x00\x20" + bytes(32) + b"3DI\x04\x00\x10\x00\x00\x00\x20"
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 40, 1, 0xA0000000) + bytes(8 + 40)


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "OGG", "FLAC", "RF64", "W64", "CAF", "AU", "MP3"])
@pytest.mark.parametrize("tags", [ID3, FOOTER, ID3 + FOOTER, ID3 + ID3])
def test_tags_before_the_sound(kind, tags):
    content = encoded(kind)
    np.testing.assert_allclose(audio.load(tags + content, RATE), audio.load(content, RATE), atol=1e-6)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_an_ape_tag_before_the_sound(kind):
    assert heard(APE + ID3 + encoded(kind)) == pytest.approx(2, abs=0.05)
    assert heard(ID3 + 2 * encoded(kind)) == pytest.approx(4, abs=0.1)


# --- nothing to hear ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [96000, 192000, 384000])
@pytest.mark.parametrize("wave", [np.sin, np.cos])
def test_what_lies_above_the_band_is_silence(rate, wave):
    time = np.arange(rate) / rate
    bat = 0.3 * wave(2 * np.pi * 40000 * time)
    assert reason((bat, rate)) == "silent: nothing is left of it below 8 kHz, which is as far as it is heard here"
    assert len(audio.load((bat, rate), rate)) == rate
    assert len(audio.load((bat + 0.001 * np.sin(2 * np.pi * 400 * time), rate), RATE)) == RATE


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("level", [0.5, -0.01])
def test_a_constant_is_silence(rate, level):
    noise = np.random.default_rng(0).normal(0, 1e-5, rate)
    for sound in (np.full(rate, level), level + noise):
        assert reason((sound, rate)).startswith("silent: a constant of ")
    click = np.zeros(48000)
    click[5] = 0.5
    assert len(audio.load((click, 48000), RATE)) == RATE


def test_floats_on_the_scale_of_whole_numbers_are_told(tmp_path):
    draw = np.random.default_rng(0)
    for sound in (draw.normal(0, 3000, RATE), np.round(draw.normal(0, 3, RATE))):
        assert "divide 16-bit ones by 32768" in reason((sound, RATE))
    soundfile.write(tmp_path / "x.wav", draw.normal(0, 3000, RATE), RATE, subtype="FLOAT")
    assert "x full scale" in reason(tmp_path / "x.wav")
    assert len(audio.load((draw.normal(0, 5, RATE), RATE), RATE)) == RATE  # a recorder of 32-bit floats may
    assert len(audio.load(((3 * (np.arange(RATE) % 99)).astype(np.int16), RATE), RATE)) == RATE


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), window=st.integers(1, 3000), hop=st.integers(1, 2000))
def test_windows_are_silent_as_their_samples_are(seed, window, hop):
    draw = np.random.default_rng(seed)
    sound = np.concatenate(
        [level * draw.standard_normal(draw.integers(1, 3000)) + level for level in (0.3, 0, 1e-6, 1)]
    )
    sound = sound.astype(np.float32)
    found = silence.audible(sound, window, hop)
    for i, said in enumerate(found):
        assert said == (np.ptp(sound[i * hop : i * hop + window]) >= 2e-4)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("end")
    earmark.train(write_tones(folder / "tones"), "mfcc(seconds=0.5)/logreg", folder / "model", folds=3)
    return folder / "model"


def test_silence_within_a_sound_has_no_label_anywhere(model, tmp_path, capsys):
    """Python, command line and server say the same."""
    from earmark.cli import main
    from earmark.serve.answers import Wish, answer
    from earmark.serve.limits import Limits
    from earmark.serve.line import Job

    sound = np.concatenate([tone(220, 3)[:, 0], np.zeros(3 * RATE, np.float32), np.full(2 * RATE, 0.3, np.float32)])
    path = tmp_path / "x.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    loaded = earmark.load_model(model)
    pieces = loaded.timeline(path, seconds=1.0)
    assert [(p.start, p.end) for p in pieces] == [(float(i), float(i + 1)) for i in range(8)]
    assert [bool(p.label) for p in pieces] == [True] * 3 + [False] * 5
    assert {p.reason for p in pieces[3:]} == {"nothing to hear"}
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(model), str(path), "--timeline", "--seconds", "1", "--format", "jsonl"])
    assert not ended.value.code
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(x["label"], x.get("reason", "")) for x in lines] == [(p.label, p.reason) for p in pieces]
    with path.open("rb") as file:
        told = answer("m", loaded, file, "x", Wish(timeline=True, seconds=1.0, alpha=0.05), Limits(), Job(60))
    assert [(x["label"], x["reason"] or "") for x in told["timeline"]] == [(p.label, p.reason) for p in pieces]
    assert all(x["set"] == [] for x in told["timeline"][3:])
    with pytest.raises(AudioError, match="silent"):
        loaded.predict((np.zeros(RATE), RATE))


@pytest.mark.parametrize(("length", "seconds"), [(0.12, 1.0), (1.0, 1.0), (5.0, 3.0), (91.0, 60.0), (89.0, 60.0)])
def test_pieces_end_where_the_sound_ends(model, length, seconds):
    pieces = earmark.load_model(model).timeline((tone(300, length), RATE), seconds=seconds)
    assert pieces[-1].end == pytest.approx(length, abs=0.001)
    assert pieces[0].start == 0


# --- cut sounds --------------------------------------------------------------------------------------------------


def test_sounds_that_were_cut_off_are_told_by_compare_and_train(tmp_path):
    table = write_tones(tmp_path / "tones")
    victim = tmp_path / "tones" / "mid" / "0-1.wav"
    content = victim.read_bytes()
    victim.write_bytes(content[: len(content) // 2])
    compared = earmark.compare(table, ["mfcc(seconds=0.5):mean/lda"], folds=2)
    assert any("1 of " in n and "is truncated" in n and "0-1.wav" in n for n in compared.notes)
    made = earmark.train(table, "mfcc(seconds=0.5):mean/lda", tmp_path / "m", folds=2)
    assert any("is truncated" in n for n in made.card.data.notes)
