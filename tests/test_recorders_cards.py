"""The card of a field recorder as it comes home: its own names, chunks, logs and losses, all accounted for."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import earmark as em
from earmark.cli import main

RATE = 16000
SILENT, EMPTY = "SM4_20230509_050000.wav", "SM4_20230510_050000.wav"


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def record(path: Path, sound: np.ndarray, *, before: bytes = b"", after: bytes = b"", size: int | None = None) -> None:
    """A WAV as a recorder writes it; ``size``: what its header says in place of the truth."""
    data = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    body = b"WAVE" + fmt + before + b"data" + struct.pack("<I", len(data) if size is None else size) + data + after
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body)


def call(pitch: float, seed: int) -> np.ndarray:
    draw, time = np.random.default_rng([seed, int(pitch)]), np.arange(2 * RATE) / RATE
    return np.asarray(
        0.3 * np.sin(2 * np.pi * pitch * (1 + 0.01 * seed) * time) + 0.02 * draw.standard_normal(len(time))
    )


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 4 and 5 clips: an AudioMoth's and a Song Meter's; a cut, an empty and a silent file; others' files."""
    top = tmp_path_factory.mktemp("field") / "card"
    comment = b"Recorded at 05:30:00 11/06/2024 (UTC) by AudioMoth 24F319055FDF2902 at medium gain.\0"
    info = chunk(b"LIST", b"INFO" + chunk(b"ICMT", comment) + chunk(b"IART", b"AudioMoth 24F319055FDF2902\0"))
    guano = chunk(b"guan", b"GUANO|Version: 1.0\nTimestamp: 2023-05-01T05:00:00+02:00\nMake: Wildlife Acoustics\n")
    wamd = chunk(b"wamd", struct.pack("<HIHHI", 0, 2, 1, 1, 3) + b"SM4")
    for i in range(4):
        record(top / "owl" / f"20240611_05{30 + i}00.WAV", call(400, i), before=info)
        record(top / "wren" / f"SM4_2023050{i + 1}_050000.wav", call(4000, i), after=guano + wamd)
    record(
        top / "wren" / "SM4_20230508_050000.wav", call(4000, 9)[:-3001], size=0
    )  # the power went: no size was written
    record(top / "wren" / SILENT, np.zeros(RATE))
    (top / "wren" / EMPTY).write_bytes(b"")
    (top / "wren" / "SM4_A_Summary.txt").write_text("DATE,TIME,LAT,,LON\n2023-May-01,05:00:00,46.9,N,7.4\n")
    (top / "owl" / "CONFIG.TXT").write_text("Device ID : 24F319055FDF2902\nSample rate (Hz) : 16000\n")
    (top / "owl" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(64))
    (top / "owl" / "._20240611_053000.WAV").write_bytes(b"\0\5\x16\7" + bytes(80))
    return top


def earmark(*args: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(a) for a in args])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return " ".join(done.output.split())


def test_every_command_takes_a_card_as_it_is(card: Path, tmp_path: Path) -> None:
    no = ("--no-groups", "--no-labels", "--no-confounds")
    cache, model = ("--cache", tmp_path / "cache"), tmp_path / "model"
    said = [
        earmark("audit", card, "-o", tmp_path / "audit", *no, *cache),
        earmark("compare", card, "-r", "mfcc/lda", *cache),
        earmark("train", card, "-r", "mfcc/lda", "-o", model, *cache),
        earmark("evaluate", model, card, *cache),
        earmark("predict", model, *sorted(card.glob("*/*")), code=1),
    ]
    assert all(name in text for text in (*said[:4], said[-1]) for name in (SILENT, EMPTY))
    assert all("Few clips ('owl' 4)" in text for text in said[:-1])
    assert all(
        f"{SILENT}: silent: the peak is zero" in text or f"{SILENT} (silent: the peak is zero" in text
        for text in said[:4]
    )
    assert "11 clips, 0 pairs of duplicates" in said[0]
    assert "9 clips evaluated, 2 classes, 9 files" in said[1]
    assert len(re.findall(r"\.(?:WAV|wav),(?:owl|wren),", said[-1])) == 9


@pytest.mark.parametrize("ending", [".npz", ".parquet"])
def test_embeddings_in_a_file_still_account_for_all_sounds(card: Path, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"embeddings{ending}"
    earmark("embed", card, "-b", "mfcc", "-o", file, "--no-cache")
    found = em.load_dataset(file).dataset
    assert len(found.clips) == 9
    assert {gone.path.rpartition("/")[2] for gone in found.excluded} == {SILENT, EMPTY}
    assert f"{SILENT}: silent" in earmark("compare", file, "-r", "embeddings/lda")


def test_folders_in_class_folders_are_told(card: Path, tmp_path: Path) -> None:
    assert not em.load_dataset(card).notes
    for i, clip in enumerate(em.load_dataset(card).clips):
        at = tmp_path / "card" / str(clip.label) / f"site {i % 2}" / clip.path.name
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(clip.path.read_bytes())
    (note,) = em.load_dataset(tmp_path / "card").notes
    assert note.startswith("2 folders lie in the class folders ('site 0', 'site 1') and say nothing here.")
