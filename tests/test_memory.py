"""A sound in memory is heard as the same sound in a file is."""

from __future__ import annotations

import hashlib
import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import earmark
import fuzzing
from earmark import audio
from earmark.audio.memory import as_bytes, is_held
from earmark.backbones.base import load_backbone
from earmark.core.errors import AudioError, DataError

RATE = 16000


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    fuzzing.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def model(tools: Path) -> earmark.Model:
    return earmark.load_model(tools / "model")


KINDS = {
    "int16": ("PCM_16", 2**15 - 1, 0),
    "int32": ("PCM_32", 2**31 - 1, 0),
    "uint8": ("PCM_U8", 127, 128),
    "int8": ("PCM_U8", 127, 0),
    "float32": ("FLOAT", 1, 0),
    "float64": ("DOUBLE", 1, 0),
    "float16": ("FLOAT", 1, 0),
    ">i2": ("PCM_16", 2**15 - 1, 0),
    ">f4": ("FLOAT", 1, 0),
}


@pytest.mark.parametrize("channels", [0, 1, 2, 6])
@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_every_kind_sound_as_in_a_file(kind: str, channels: int, tmp_path: Path) -> None:
    subtype, scale, zero = KINDS[kind]
    shape = (RATE, channels) if channels else (RATE,)
    sound = (np.random.default_rng(0).uniform(-0.5, 0.5, shape) * scale + zero).astype(kind)
    given = sound.astype(sound.dtype.newbyteorder("="))
    if subtype == "PCM_U8":
        given = (given.astype(np.int16) - zero) * 256
    elif kind == "float16":
        given = given.astype(np.float32)
    soundfile.write(tmp_path / "a.wav", given, RATE, subtype=subtype)
    for rate in (RATE, 22050):
        assert np.array_equal(audio.load((sound, RATE), rate), audio.load(tmp_path / "a.wav", rate))


def ways(path: Path) -> dict[str, Any]:
    samples, rate = soundfile.read(path, dtype="int16")
    content = path.read_bytes()
    return {
        "samples": (samples, rate),
        "floats": (samples / 2**15, float(rate)),
        "a list": ((samples / 2**15).tolist(), np.int64(rate)),
        "one channel": (samples[:, None], rate),
        "turned": (np.asfortranarray(np.stack([samples, samples], 1)), rate),
        "bytes": content,
        "bytearray": bytearray(content),
        "memoryview": memoryview(content),
        "stream": io.BytesIO(content),
        "text": str(path),
    }


def test_a_model_says_the_same_of_a_sound_in_memory(model: earmark.Model, tools: Path) -> None:
    wanted, pieces = model.predict(tools / "good.wav"), model.timeline(tools / "good.wav")
    for way, sound in ways(tools / "good.wav").items():
        assert model.predict(sound).scores == wanted.scores, way
        assert [p.scores for p in model.timeline(sound)] == [p.scores for p in pieces], way
        assert [p.scores for p in model.follow(sound, seconds=0.5)], way


def test_embeddings_of_sounds_in_memory(tools: Path, tmp_path: Path) -> None:
    given = ways(tools / "good.wav")
    wanted = earmark.embed([tools / "good.wav"], "mfcc").X
    found = earmark.embed(list(given.values()), "mfcc", cache=earmark.Cache(tmp_path))
    assert len(found.ids) == len(given)
    assert found.ids[0] == "sound 0"
    assert np.array_equal(found.X, np.concatenate([wanted] * len(given)))
    assert np.array_equal(earmark.embed(given["samples"], "mfcc").X, wanted)
    assert np.array_equal(earmark.embed((given["samples"], given["bytes"]), "mfcc").X, np.concatenate([wanted] * 2))


def test_a_sound_in_memory_that_cannot_be_used_is_told(tools: Path) -> None:
    good = ways(tools / "good.wav")["samples"]
    found = earmark.embed([good, (np.zeros(RATE), RATE), b"no sound"], "mfcc")
    assert found.ids == ("sound 0",)
    assert found.excluded["sound 1"].reason.startswith("silent")
    assert found.excluded["sound 2"].reason.startswith("unreadable")


def test_the_cache_remembers_no_file_that_is_gone(tools: Path, tmp_path: Path) -> None:
    cache = earmark.Cache(tmp_path / "cache")
    given = [*ways(tools / "good.wav").values(), tools / "good.wav"]
    first = earmark.embed(given, "mfcc", cache=cache)
    with closing(sqlite3.connect(tmp_path / "cache" / "hashes.sqlite")) as table:
        assert [place for (place,) in table.execute("SELECT path FROM hashes")] == [str((tools / "good.wav").resolve())]
    held = ways(tools / "good.wav")["samples"]
    backbone = load_backbone("mfcc")
    digest = hashlib.sha256(as_bytes(held)).hexdigest()
    kept = cache.embeddings(digest, backbone)
    assert kept is not None
    assert np.array_equal(earmark.embed([held], "mfcc", cache=cache).X, kept)
    assert np.array_equal(first.X[: len(kept)], kept)


def test_equal_content_is_equal_bytes() -> None:
    sound = np.sin(np.arange(RATE) * 0.1).astype(np.float32)
    assert as_bytes((sound, RATE)) == as_bytes((sound.astype(float), RATE)) == as_bytes(as_bytes((sound, RATE)))
    others = {as_bytes(x) for x in [(sound, RATE), (sound, 8000), (sound[1:], RATE), (sound[:, None] * 0.5, RATE)]}
    assert len(others) == 4


WRONG = {
    "swapped": ((RATE, np.zeros(RATE)), "swap them"),
    "turned": ((np.zeros((2, RATE)), RATE), "samples.T"),
    "no rate": ((np.zeros(RATE), 0), "found the rate 0"),
    "half a rate": ((np.zeros(RATE), 0.5), "found the rate 0.5"),
    "rate beyond all": ((np.zeros(RATE), 2**40), "unreadable"),
    "int64": ((np.zeros(RATE, np.int64), RATE), "kind int64"),
    "bool": ((np.zeros(RATE, bool), RATE), "kind bool"),
    "complex": ((np.zeros(RATE, complex), RATE), "kind complex128"),
    "three axes": ((np.zeros((5, 5, 5)), RATE), "shape"),
    "ragged": (([[1.0], [2.0, 3.0]], RATE), "no array"),
    "nothing": ((None, RATE), "unreadable"),
    "empty": ((np.zeros(0), RATE), "empty"),
    "silent": ((np.zeros(RATE), RATE), "silent"),
    "NaN": ((np.full(RATE, np.nan), RATE), "NaN"),
    "beyond float32": ((np.full(RATE, 1e300), RATE), "infinite"),
    "short": ((np.ones(10), RATE), "too short"),
    "text file": (io.StringIO("x"), "mode 'rb'"),
}


@pytest.mark.parametrize("way", WRONG)
def test_what_is_no_sound_is_told_in_one_line(way: str, model: earmark.Model) -> None:
    sound, words = WRONG[way]
    call: Callable[[Any], object] = as_bytes if way == "text file" else model.predict
    with pytest.raises(AudioError, match=words) as told:
        call(sound)
    assert "\n" not in str(told.value)


def test_what_is_a_sound_in_memory() -> None:
    assert is_held((np.zeros(3), 8000))
    assert is_held((8000, np.zeros(3)))
    assert is_held(b"")
    assert not is_held(("a.wav", "b.wav"))
    assert not is_held(((np.zeros(3), 8000), (np.zeros(3), 8000)))
    assert not is_held([np.zeros(3), 8000])


@pytest.mark.parametrize("wrong", [[3], [None], [(np.zeros(3), 8000), ""]])
def test_a_list_with_something_else_in_it_is_refused(wrong: list[Any], tools: Path) -> None:
    with pytest.raises(DataError, match="wanted"):
        earmark.embed([(np.zeros(3), 8000), *wrong], "mfcc")
