"""What recorders say of a recording: by names, of which most could mean something else, and by metadata."""

from __future__ import annotations

import csv
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import earmark

SHARED = Path(__file__).parents[2] / "shared" / "data" / "events" / "recorders"


@pytest.mark.parametrize(
    ("name", "recorder", "site", "start", "zone", "night"),
    [
        ("Fen/20190602_115959.WAV", "AudioMoth", "Fen", "2019-06-02T11:59:59", None, "2019-06-01"),
        ("Fen/20190602/20190602_120000T.WAV", "AudioMoth", "Fen", "2019-06-02T12:00:00", None, "2019-06-02"),
        ("Fen/5B1C67A8.WAV", "AudioMoth", "Fen", "2018-06-09T23:50:00", "+00:00", None),
        ("Fen/19700101_000100.WAV", "AudioMoth", "Fen", None, None, None),
        ("BOG3_0+1_20170504_043000.wav", "Song Meter", "BOG3", "2017-05-04T04:30:00", None, "2017-05-03"),
        ("Fen/Data/SMM09120_20230718_214310.wav", "Song Meter", "Fen", "2023-07-18T21:43:10", None, "2023-07-18"),
        ("F4_SMM0441_20241109_172000_250.wav", "Song Meter", "F4", "2024-11-09T17:20:00.250", None, "2024-11-09"),
        ("A_2_20190601_050000.wav", None, "A_2", "2019-06-01T05:00:00", None, "2019-05-31"),
        ("Rock/20211013T051500+0930_Rec2_-12.4+130.88.flac", "Frontier Labs", "Rock", "2021-10-13T05:15:00", "+09:30", "2021-10-12"),
        ("S7_20221106_013000_-0500.wav", "Swift", "S7", "2022-11-06T01:30:00", "-05:00", "2022-11-05"),
        ("5147.190601050000.wav", "SoundTrap", "5147", "2019-06-01T05:00:00", None, "2019-05-31"),
        ("2023-03-04-birdnet-21:05:54.wav", "BirdNET-Pi", None, "2023-03-04T21:05:54", None, "2023-03-04"),
        ("C:\\data\\Fen\\20190602_220000.WAV", "AudioMoth", "Fen", "2019-06-02T22:00:00", None, "2019-06-02"),
        ("audio/20190602_220000.WAV", "AudioMoth", None, "2019-06-02T22:00:00", None, "2019-06-02"),
    ],
)  # fmt: skip
def test_names(
    name: str, recorder: str | None, site: str | None, start: str | None, zone: str | None, night: str | None
) -> None:
    found = earmark.recording_info(name)
    assert (found.recorder, found.site, found.start, found.utc_offset, found.night) == (
        recorder,
        site,
        start,
        zone,
        night,
    )


@pytest.mark.parametrize(
    "name",
    [
        "Fen/holiday.wav", "Fen_20190230_050000.wav", "20190601_240000.WAV", "M_120190601_210000.wav", "XC20190601.mp3",
        "DEADBEEF.WAV", "5afcd584.wav", "20190601.WAV", "190601_0012.wav", "1-100032-A-0.wav", "20255501431234.wav",
        "1559365200.wav", "jazz/jazz.00054.wav", "AUD-20190601-WA0003.opus", "", "..", "20190601-05a0-4c17-b152.wav",
    ],
)  # fmt: skip
def test_names_that_say_nothing(name: str) -> None:
    assert earmark.recording_info(name) == earmark.RecordingInfo()


@given(st.text(max_size=40))
def test_no_name_breaks_it(name: str) -> None:
    found = earmark.recording_info(name.replace("\0", ""))
    assert found.night is None or found.start is not None


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def sound(path: Path, *chunks: bytes) -> Path:
    body = b"WAVE" + chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)) + b"".join(chunks)
    body += chunk(b"data", b"\0" * 160)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def wamd(**fields: bytes) -> bytes:
    kinds = {"version": 0, "model": 1, "serial": 2, "prefix": 4, "time": 5, "place": 6}
    return b"".join(struct.pack("<HI", kinds[k], len(v)) + v for k, v in fields.items())


def test_guano_counts_before_the_name(tmp_path: Path) -> None:
    text = b"GUANO|Version: 1.0\nTimestamp: 2019-06-03 03:00:00+1:00\nModel: X\nSerial: 7\nLoc Position: 10.5 -20\n"
    found = earmark.recording_info(sound(tmp_path / "M_20190601_030000.wav", chunk(b"guan", text)))
    assert (found.recorder, found.site, found.start, found.utc_offset) == ("X", "M", "2019-06-03T03:00:00", "+01:00")
    assert (found.night, found.latitude, found.longitude, found.serial) == ("2019-06-02", 10.5, -20, "7")
    assert found.note is not None
    assert "its name says 2019-06-01T03:00:00 and its GUANO 2019-06-03T03:00:00" in found.note


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"GUANO|Version: 1.0\nno colon here\n", "damaged"),
        (b"\xff\xfe\xfd", "damaged"),
        (b"GUANO|Version: 1.0\nTimestamp: yesterday\n", "is no time"),
        (b"GUANO|Version: 1.0\nLoc Position: 95 200\n", "none on the globe"),
        (b"Timestamp: 2019-06-01T22:00:00\n", "do not say their version"),
    ],
)
def test_damaged_guano_leaves_the_name(tmp_path: Path, content: bytes, note: str) -> None:
    found = earmark.recording_info(sound(tmp_path / "M_20190601_220000.wav", chunk(b"guan", content)))
    assert (found.site, found.start) == ("M", "2019-06-01T22:00:00")
    assert note in str(found.note)


def test_wamd_and_audiomoth(tmp_path: Path) -> None:
    fields = wamd(
        version=b"\1\0",
        model=b"SM3",
        prefix=b"CAIRN-9",
        time=b"2016-11-04 18:22:40-07:00",
        place=b"WGS84,44.5,S,70.25,W,1",
    )
    found = earmark.recording_info(sound(tmp_path / "CAIRN-1_20161104$182240.wav", chunk(b"wamd", fields)))
    assert (found.site, found.utc_offset, found.latitude, found.longitude) == ("CAIRN-9", "-07:00", -44.5, -70.25)
    assert "the site 'CAIRN-1' and its WAMD 'CAIRN-9'" in str(found.note)
    later = earmark.recording_info(
        sound(tmp_path / "A_20161104_182240.wav", chunk(b"wamd", wamd(version=b"\2\0", model=b"SM9")))
    )
    assert (later.site, later.recorder) == ("A", None)
    assert "of version 2" in str(later.note)
    text = b"Recorded at 03:45:00 04/03/2022 (UTC-3:30) by AudioMoth 24F319045C1B7A02 at medium gain"
    info = b"INFO" + chunk(b"ICMT", text)
    moth = earmark.recording_info(sound(tmp_path / "clip.wav", chunk(b"LIST", info)))
    assert (moth.recorder, moth.start, moth.utc_offset) == ("AudioMoth", "2022-03-04T03:45:00", "-03:30")
    assert (moth.serial, moth.site, moth.note) == ("24F319045C1B7A02", None, None)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real names")
def test_real_names_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def differs(table: Path, keys: tuple[str, ...]) -> list[str]:
        with table.open(encoding="utf-8", newline="") as file:
            found = [(line, earmark.recording_info(line["path"])) for line in csv.DictReader(file)]
        assert len(found) > 37
        return [line["path"] for line, info in found if any((getattr(info, k) or "") != line[k] for k in keys)]

    assert differs(SHARED / "names.csv", ("recorder", "site", "start", "utc_offset", "night")) == []
    monkeypatch.chdir(SHARED / "wav")
    assert differs(SHARED / "wav" / "expected.csv", ("recorder", "site", "start", "utc_offset", "serial")) == []
