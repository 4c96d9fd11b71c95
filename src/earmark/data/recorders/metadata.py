"""What recorders write into their WAV files: GUANO, WAMD, and the comments of AudioMoths."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from .names import offset_of

_LARGEST = 1 << 20  # bytes of a chunk that is text
_CLOCK = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?) ?(Z|[+-]\d{1,2}:?\d\d)?",
)
_COMMENT = re.compile(
    r"Recorded at (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))? (\d\d)/(\d\d)/(\d{4})(?: \(UTC([+-]\d{1,2}(?::\d\d)?)?\))?"
    r" (?:by AudioMoth ([0-9A-F]{16})|during deployment [0-9A-F]{16}) "
)
_ARTIST = re.compile(r"AudioMoth ([0-9A-F]{16})")
_WAMD = {1: "model", 2: "serial", 4: "prefix", 5: "time", 6: "place"}


@dataclass
class Known:
    """What one kind of metadata says, and what is wrong with it."""

    kind: str
    recorder: str = ""
    site: str = ""
    serial: str = ""
    start: datetime | None = None
    utc_offset: timedelta | None = None
    latitude: float | None = None
    longitude: float | None = None
    original: str = ""  # the file's name when it was recorded
    faults: list[str] = field(default_factory=list)


def read(path: Path) -> list[Known] | None:
    """What the metadata of a WAV file say, the surest first; None for other files and such as cannot be read."""
    try:
        with path.open("rb") as file:
            if (chunks := _chunks(file)) is None:
                return None
            found = [known for name, content, whole in chunks if (known := _known(name, content, whole)) is not None]
    except OSError:
        return None
    return sorted(found, key=lambda known: ("GUANO", "WAMD", "comment").index(known.kind))


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes, bool]] | None:
    """Chunks of text of a RIFF file: name, content, and whether all of it is there; None for another file."""
    head = file.read(12)
    return _texts(file) if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE" else None


def _texts(file: BinaryIO) -> Iterator[tuple[bytes, bytes, bool]]:
    large = 0
    end = file.seek(0, 2)
    at = 12
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            large = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        if name == b"data" and size == 0xFFFFFFFF:
            size = large
        if name in (b"guan", b"wamd", b"LIST"):
            file.seek(at + 8)
            yield name, file.read(min(size, _LARGEST)), at + 8 + size <= end
        at += 8 + size
        if size % 2:  # padded, as it should be, or not, as some write it
            file.seek(at)
            at += 0 if file.read(4).strip() in (b"guan", b"wamd", b"LIST", b"data") else 1


def _known(name: bytes, content: bytes, whole: bool) -> Known | None:
    if name == b"guan":
        return _guano(content, whole)
    if name == b"wamd":
        return _wamd(content, whole)
    return _comment(content)


def _guano(content: bytes, whole: bool) -> Known:
    known = Known("GUANO")
    try:
        text = content.rstrip(b"\0").decode("utf-8") if whole else ""
    except UnicodeDecodeError:
        text = ""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not all(":" in line for line in lines):
        known.faults.append("its GUANO metadata are damaged and not used")
        return known
    of = {key.strip().casefold(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "guano|version" not in of:
        known.faults.append("its GUANO metadata do not say their version and are not used")
        return known
    known.recorder, known.serial = of.get("model", ""), of.get("serial", "")
    known.site = of.get("wa|song meter|prefix", "")
    known.original = of.get("original filename", "")
    if stamp := of.get("timestamp"):
        _clock(known, stamp)
    if place := of.get("loc position"):
        _place(known, place.replace(",", " ").split())
    return known


def _wamd(content: bytes, whole: bool) -> Known:
    known, of, at = Known("WAMD"), dict[str, str](), 0
    version = None
    while at + 6 <= len(content) and whole:
        kind, size = struct.unpack_from("<HI", content, at)
        value = content[at + 6 : at + 6 + size]
        if len(value) < size:
            whole = False
        elif kind == 0:
            version = int.from_bytes(value, "little")
        elif kind in _WAMD:
            of[_WAMD[kind]] = value.rstrip(b"\0").decode("utf-8", errors="replace").strip()
        at += 6 + size
    if not whole:
        known.faults.append("its WAMD metadata are damaged and not used")
        return known
    if version != 1:
        known.faults.append(f"its WAMD metadata are of version {version} and not used; wanted 1")
        return known
    known.recorder, known.serial, known.site = (of.get(k, "") for k in ("model", "serial", "prefix"))
    if stamp := of.get("time"):
        _clock(known, stamp)
    if place := of.get("place"):
        _place(known, _signed(place.split(",")[1:]))
    return known


def _signed(fields: list[str]) -> list[str]:
    """Latitude and longitude with signs, for ``44.1,N,70.5,W`` as for ``52.1,-0.4``."""
    if len(fields) > 3 and fields[1] in ("N", "S") and fields[3] in ("E", "W"):
        return [("-" if fields[1] == "S" else "") + fields[0], ("-" if fields[3] == "W" else "") + fields[2]]
    return fields[:2]


def _comment(content: bytes) -> Known | None:
    """What an AudioMoth says in the comment of a LIST chunk."""
    if content[:4] != b"INFO":
        return None
    if (found := _COMMENT.match(_info(content, b"ICMT"))) is None:
        return None
    clock, fraction, day, month, year, zone, serial = found.groups()
    artist = _ARTIST.match(_info(content, b"IART"))
    known = Known("comment", "AudioMoth", serial=artist[1] if artist else serial or "")
    _clock(known, f"{year}-{month}-{day} {clock}" + (f".{fraction}" if fraction else ""))
    if known.start is not None:  # the first firmware said no zone, and meant UTC
        known.utc_offset = offset_of(zone) if zone else timedelta(0)
    return known


def _info(content: bytes, name: bytes) -> str:
    """A text of a LIST chunk, or ""."""
    if (at := content.find(name)) < 0:
        return ""
    size = int.from_bytes(content[at + 4 : at + 8], "little")
    return content[at + 8 : at + 8 + size].split(b"\0")[0].decode("utf-8", errors="replace")


def _clock(known: Known, text: str) -> None:
    found = _CLOCK.fullmatch(text.strip())
    offset = offset_of(found[3]) if found and found[3] else None
    try:
        if found is None or (found[3] and offset is None):
            raise ValueError
        known.start, known.utc_offset = datetime.fromisoformat(f"{found[1]}T{found[2]}"), offset
    except ValueError:
        known.faults.append(f"its {known.kind} says {text[:40]!r}, which is no time")


def _place(known: Known, fields: list[str]) -> None:
    try:
        latitude, longitude = (float(f) for f in fields)
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise ValueError
        known.latitude, known.longitude = latitude, longitude
    except ValueError:
        known.faults.append(f"its {known.kind} says the position {' '.join(fields)[:40]!r}, which is none on the globe")
