"""What every room uses: one helper each for what hangs together, hashes, JSON, protobuf, whole files, errors, paths."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earmark.core import protobuf
from earmark.core.atomic import READABLE, whole
from earmark.core.hashing import sha256_of
from earmark.core.jsonable import plain
from earmark.core.paths import relative
from earmark.core.text import first_line
from earmark.core.union import united

SOURCE = Path(__file__).parents[1] / "src" / "earmark"


@pytest.mark.parametrize(
    ("written", "where"),
    [
        (r"file_digest\(", "core/hashing.py"),
        (r"relpath\(", "core/paths.py"),
        (r"mkstemp\(|NamedTemporaryFile\(", ""),
        (r"splitlines\(\)( or \[[^]]*\]\))?\[0\]", ""),
        (r"<< 7 \* |<< shift", "core/protobuf.py"),
        (r"while (parent\[|\w+ in joined)", "core/union.py"),
    ],
)
def test_there_is_one_of_each(written: str, where: str) -> None:
    found = {f.relative_to(SOURCE).as_posix() for f in SOURCE.rglob("*.py") if re.search(written, f.read_text("utf-8"))}
    assert found - {"core/marks.py"} == ({where} if where else set())  # marks: the first line of a file


def test_what_hangs_together_is_called_by_the_first() -> None:
    draw = random.Random(0)
    names = [str(n) for n in range(200)]
    links = [(draw.choice(names), draw.choice(names)) for _ in range(150)]
    found = united(names, links)
    sets = [{n} for n in names]
    for a, b in links:
        both = next(s for s in sets if a in s) | next(s for s in sets if b in s)
        sets = [both, *(s for s in sets if not s & both)]
    assert found == {n: min(s, key=int) for s in sets for n in s}
    assert united(sorted("cab"), [("c", "b")]) == {"a": "a", "b": "b", "c": "b"}


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0\1" * 99_999)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"\0\1" * 99_999).hexdigest()
    with pytest.raises(OSError, match="a folder, not a file"):
        sha256_of(tmp_path)
    with pytest.raises(FileNotFoundError):
        sha256_of(tmp_path / "none")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        sha256_of(tmp_path / "pipe")


def test_values_for_json() -> None:
    value = {"a": np.float32(0.5), 2: [np.nan, np.float64(1 / 3), (np.int64(7), True)], "p": Path("x"), "n": None}
    assert plain(value) == {"a": 0.5, "2": [None, 1 / 3, [7, True]], "p": "x", "n": None}
    assert plain(value, 3) == {"a": 0.5, "2": [None, 0.333, [7, True]], "p": "x", "n": None}
    assert type(plain(np.float64(2.0))) is float
    # As it was written before: NumPy's doubles round as NumPy does, Python's as Python does.
    for x in np.random.default_rng(0).normal(size=1000):
        assert (plain(x, 6), plain(float(x), 6)) == (float(round(x, 6)), round(float(x), 6))
    json.dumps(plain({"inf": float("inf"), "array": np.ones((2, 2))}), allow_nan=False)


def message(number: int, value: int | bytes) -> bytes:
    def varint(n: int) -> bytes:
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def test_fields_of_a_message() -> None:
    raw = message(1, 300) + message(2, b"two") + message(2, b"") + bytes([3 << 3 | 5]) + struct.pack("<f", 1.5)
    found = [(n, v if isinstance(v, int) else bytes(v)) for n, v in protobuf.fields(raw)]
    assert found == [(1, 300), (2, b"two"), (2, b""), (3, struct.pack("<f", 1.5))]
    assert protobuf.varint(b"\xff" * 9 + b"\1", 0) == (2**64 - 1, 10)


@pytest.mark.parametrize(
    "raw",
    [
        message(1, b"cut off")[:-1],
        b"\x0a" + b"\xff" * 9 + b"\1",
        b"\xff" * 11,
        b"\x0b",
        b"\0\0",
        b"\x08",
        b"\x0d\0\0\0",
        7,
    ],
)
def test_damaged_messages_are_refused(raw: Any) -> None:
    with pytest.raises((ValueError, IndexError)):
        list(protobuf.fields(raw))


def test_a_file_appears_whole_or_never(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.bin"
    with whole(file, mode=READABLE, sync=True) as out:
        out.write(b"one")
        assert not file.exists()
    with pytest.raises(ZeroDivisionError), whole(file) as out:
        out.write(b"two"[: 1 // 0])
    assert file.read_bytes() == b"one"
    assert [p.name for p in file.parent.iterdir()] == ["a.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_who_may_read_it(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        for name, mode in (("own", 0o600), ("all", READABLE)):
            with whole(tmp_path / name, mode=mode) as out:
                out.write(b"x")
    finally:
        os.umask(umask)
    assert [(tmp_path / n).stat().st_mode & 0o777 for n in ("own", "all")] == [0o600, 0o640]


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"  # it was an IndexError where an error said nothing
    assert first_line(OSError("x" * 999), most=5) == "xxxxx"
    assert first_line("") == ""


def test_paths_as_seen_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert relative(tmp_path / "a" / "b.wav", tmp_path / "out") == "../a/b.wav"

    def another_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", another_drive)
    assert relative(tmp_path / "b.wav", tmp_path / "out") == (tmp_path / "b.wav").resolve().as_posix()
