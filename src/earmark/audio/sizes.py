"""Sizes in headers, held against the file: what a recorder never wrote, or 32 bits could not hold, is put right.

A header says how many bytes of samples follow. It is not believed where the file goes on behind them with what is no
chunk: sizes of 0 (the recorder lost power), placeholders for "not known yet", sizes that were written some time before
the end, and sizes of 4 GiB and more in 32 bits, of which only the rest is left. A decoder is then given a header with the
size that the file has. A header that promises more than there is stays: it tells that the sound was cut off.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from .spliced import Spliced, at

NO_SIZE = 0x7FFFF000  # recorders and pipes write about this or more for "not known yet"
_WRAP = 2**32
_LEAST = 0.1  # seconds: less than that behind the samples is no sound
_MOST_CHUNKS = 1000  # before the samples
_TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICS")  # what taggers write behind a sound
_W64 = {name: name + b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a" for name in (b"wave", b"fmt ", b"data")}
_W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"


@dataclass(frozen=True)
class Kind:
    """How a container writes its chunks: the length of a name and of a size, whether sizes count both, how chunks align."""

    order: str
    name: int = 4
    size: str = "I"
    counts_head: bool = False
    align: int = 2

    @property
    def head(self) -> int:
        """Bytes of a chunk before what is in it."""
        return self.name + struct.calcsize(f"={self.size}")

    def chunks(self, file: BinaryIO, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """(name, where its content begins, its size) of each chunk from ``place`` on, as the sizes say."""
        for _ in range(_MOST_CHUNKS):
            head = at(file, place, self.head)
            if len(head) < self.head or place >= end:
                return
            (size,) = struct.unpack(f"{self.order}{self.size}", head[self.name :])
            size = max(0, size - self.head) if self.counts_head else size
            yield head[: self.name], place + self.head, size
            place += self.head + size + -size % self.align


RIFF, RIFX, FORM, CAFF = Kind("<"), Kind(">"), Kind(">"), Kind(">", size="Q", align=1)
WAVE64 = Kind("<", name=16, size="Q", counts_head=True, align=8)


@dataclass(frozen=True)
class Header:
    """Where samples begin, how many bytes of them are told, where the header says that all ends, and what would be right."""

    kind: Kind
    data: int
    told: int
    ends: int | None  # None: it does not say
    pace: int  # bytes a second
    written: Callable[[int], bytes]  # a header for that many bytes of samples


def mended(file: BinaryIO, start: int, end: int) -> Spliced | None:
    """The sound at ``start`` of a file behind a header whose sizes are true; None if its own will do."""
    header = _header(file, start, end)
    if header is None:
        return None
    size = _size(file, header, end)
    return None if size is None else Spliced(file, header.data, header.data + size, header.written(size))


def joined(file: BinaryIO, start: int, end: int) -> int | None:
    """Where another sound of the same kind begins behind a RIFF file that ends before ``end``; None: nowhere."""
    head = at(file, start, 8)
    if len(head) < 8 or head[:4] not in (b"RIFF", b"RF64"):
        return None
    header = _header(file, start, end)
    if header is None or header.ends is None:
        return None
    for place in {header.ends, header.ends + header.ends % 2, header.data + header.told + header.told % 2}:
        following = at(file, place, 12)
        if place < end and following[:4] in (b"RIFF", b"RF64") and following[8:] == b"WAVE":
            return place
    return None


def _size(file: BinaryIO, header: Header, end: int) -> int | None:
    """Bytes of samples in the file, where the header's word is wrong."""
    told, rest = header.told, end - header.data
    if told >= 2**62 and rest > 0:  # beyond what libsndfile can add up
        return rest
    if told >= rest or rest <= 0:
        return None
    least = max(1, int(_LEAST * header.pace))
    wrapped = told + (rest - told) // _WRAP * _WRAP
    if _finished(file, header, header.data + told, end):
        return None
    if wrapped > told and header.kind.size == "I":
        behind = header.data + wrapped
        return wrapped if rest - wrapped < least or _finished(file, header, behind, end) else rest
    if told == 0 or told >= NO_SIZE:
        return rest
    if header.ends is not None and header.ends > header.data + told + header.kind.align:
        return None  # the header speaks of what stands behind the samples, whatever that is
    return rest if rest - told >= least else None


def _finished(file: BinaryIO, header: Header, place: int, end: int) -> bool:
    """Whether chunks, or what taggers write, follow at ``place`` and fill the file."""
    place += -(place - header.data) % header.kind.align
    for name, begins, size in header.kind.chunks(file, place, end):
        if name.startswith(_TAGS):
            return True
        if not all(32 <= c < 127 for c in name[:4]) or begins + size > end + 1:
            return False
        place = begins + size
    return end - place < header.kind.head


def _header(file: BinaryIO, start: int, end: int) -> Header | None:
    head = at(file, start, 40)
    if len(head) < 24:
        return None
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return _wave(file, start, end, RIFX if head[:4] == b"RIFX" else RIFF)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _aiff(file, start, end)
    if head[:4] == b"caff":
        return _caf(file, start, end)
    if head[:16] == _W64_RIFF:
        return _w64(file, start, end)
    if head[:4] == b".snd":
        place, told, coding, rate, channels = struct.unpack(">IIIII", head[4:24])
        width = {2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8}.get(coding, 1)
        if not 24 <= place < end - start:
            return None
        before = at(file, start, place)
        unknown = before[:8] + b"\xff" * 4 + before[12:]  # the format's own word for "not known"
        return Header(Kind(">"), start + place, told, None, rate * channels * width, partial(_same, unknown))
    return None


def _wave(file: BinaryIO, start: int, end: int, kind: Kind) -> Header | None:
    magic, told_whole = struct.unpack(f"{kind.order}4sI", at(file, start, 8))
    long: tuple[int, int] | None = None
    form = b""
    for name, place, size in kind.chunks(file, start + 12, end):
        if name == b"ds64" and size >= 16:
            long = struct.unpack("<QQ", at(file, place, 16))
        elif name == b"fmt " and 16 <= size < 2**16:
            form = at(file, place, size)
        elif name == b"data" and form:
            whole, told = long if long and size >= _WRAP - 1 else (told_whole, size)
            pace = struct.unpack(f"{kind.order}I", form[8:12])[0]
            order = kind.order if magic == b"RIFX" else "<"
            return Header(kind, place, told, start + 8 + whole, pace, partial(_wave_head, order, form))
    return None


def _wave_head(order: str, form: bytes, size: int) -> bytes:
    """The beginning of a WAV with ``size`` bytes of samples: RIFF as long as it can say so, RF64 from there on."""
    described = b"fmt " + struct.pack(f"{order}I", len(form)) + form + bytes(len(form) % 2)
    if size + len(described) + 20 < _WRAP - 1:
        name = b"RIFX" if order == ">" else b"RIFF"
        whole = struct.pack(f"{order}I", 4 + len(described) + 8 + size)
        return name + whole + b"WAVE" + described + b"data" + struct.pack(f"{order}I", size)
    whole = struct.pack("<QQQI", 4 + 36 + len(described) + 8 + size, size, 0, 0)
    return b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + whole + described + b"data\xff\xff\xff\xff"


def _aiff(file: BinaryIO, start: int, end: int) -> Header | None:
    (whole,) = struct.unpack(">I", at(file, start + 4, 4))
    pace = 0
    for name, place, size in FORM.chunks(file, start + 12, end):
        if name == b"COMM" and size >= 18:
            channels, _, bits, exponent, mantissa = struct.unpack(">HIHHQ", at(file, place, 18))
            rate = mantissa * 2.0 ** (min(exponent, 16446) - 16446)  # an extended float of 80 bits
            pace = int(min(rate, 1e9) * channels * -(-bits // 8))
        elif name == b"SSND":
            before = at(file, start, place + 8 - start)
            # 0: to the end of the file, which is how libsndfile reads it
            open_ended = before[:-12] + bytes(4) + before[-8:]
            # of a size of 0 libsndfile knows itself; 8 is a header without samples
            told = max(0, size - 8) if size else end - place - 8
            return Header(FORM, place + 8, told, start + 8 + whole, pace, partial(_same, open_ended))
    return None


def _caf(file: BinaryIO, start: int, end: int) -> Header | None:
    pace = 0
    for name, place, size in CAFF.chunks(file, start + 8, end):
        if name == b"desc" and size >= 32:
            rate, _, _, packet, frames, *_ = struct.unpack(">d4sIIIII", at(file, place, 32))
            pace = int(min(rate, 1e9) * packet / frames) if frames and rate > 0 else 0
        elif name == b"data":
            before = at(file, start, place + 4 - start)
            told = end - place - 4 if size == 2**64 - 1 else max(0, size - 4)
            return Header(CAFF, place + 4, told, None, pace, partial(_caf_head, before))
    return None


def _w64(file: BinaryIO, start: int, end: int) -> Header | None:
    for name, place, size in WAVE64.chunks(file, start + 40, end):
        if name == _W64[b"data"]:
            before = at(file, start, place - start)
            told = size if size >= 2**62 else end - place  # libsndfile reads on where a smaller size is wrong
            return Header(WAVE64, place, told, None, 0, partial(_w64_head, before))
    return None


def _same(head: bytes, _: int) -> bytes:
    return head


def _caf_head(before: bytes, size: int) -> bytes:
    return before[:-12] + struct.pack(">Q", size + 4) + before[-4:]


def _w64_head(before: bytes, size: int) -> bytes:
    return before[:-8] + struct.pack("<Q", size + 24)
