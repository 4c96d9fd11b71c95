"""How many samples a FLAC file holds: its header's word, held against the number of its last frame.

FLAC numbers its frames. A header that was written before the sound was whole speaks of fewer samples, and a decoder
would end there; it is then given the number that the frames say.
"""

from __future__ import annotations

from typing import BinaryIO

from .spliced import Spliced, at

_TAIL = 2**18  # bytes at the end in which two frames begin
_SIZES = {1: 192, **{i: 576 << (i - 2) for i in range(2, 6)}, **{i: 256 << (i - 8) for i in range(8, 16)}}


def begins(head: bytes) -> bool:
    """Whether these eight bytes begin a FLAC file: its name, and a first block that is STREAMINFO."""
    return head[:4] == b"fLaC" and head[4:5] in (b"\x00", b"\x80") and head[5:8] == b"\x00\x00\x22"


def mended(file: BinaryIO, start: int, stop: int) -> Spliced | None:
    """The FLAC file at [start, stop) behind a header with the true number of samples; None if its own will do."""
    head = at(file, start, 42)
    if len(head) < 42 or not begins(head):
        return None
    told = int.from_bytes(head[21:26], "big") & (2**36 - 1)
    if not told:  # not known: then the decoder reads to the end
        return None
    tail = at(file, max(start + 42, stop - _TAIL), _TAIL)
    found = _end(tail[: stop - start - 42], int.from_bytes(head[10:12], "big"))
    if found is None or found <= told:
        return None
    number = int.from_bytes(head[21:26], "big") & (0xF << 36) | min(found, 2**36 - 1)
    return Spliced(file, start + 42, stop, head[:21] + number.to_bytes(5, "big") + head[26:])


def _end(tail: bytes, block: int) -> int | None:
    """The sample behind the last frame, where the frame before ends where that one begins: no accident does so."""
    ends: dict[int, int] = {}  # of frames by their first sample
    place = len(tail)
    while (place := tail.rfind(b"\xff", 0, place)) >= 0:
        frame = _frame(tail, place, block)
        if frame is None:
            continue
        first, size = frame
        if first + size in ends:
            return ends[first + size]
        ends[first] = first + size
    return None


def _frame(tail: bytes, place: int, block: int) -> tuple[int, int] | None:
    """(first sample, samples) of the frame whose header stands at ``place``, if one does: it has a checksum."""
    head = tail[place : place + 16]
    if len(head) < 16 or head[1] not in (0xF8, 0xF9) or head[3] & 1 or head[2] >> 4 == 0:
        return None
    length = next((n for n in range(8) if not head[4] & 0x80 >> n), 8)
    if length in (1, 8):
        return None
    more = max(0, length - 1)
    number = head[4] & (0x7F >> length)
    for byte in head[5 : 5 + more]:
        number = number << 6 | byte & 0x3F
    at_ = 5 + more
    code, rate = head[2] >> 4, head[2] & 15
    size = _SIZES.get(code, 0)
    if code in (6, 7):
        size = int.from_bytes(head[at_ : at_ + code - 5], "big") + 1
        at_ += code - 5
    at_ += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if at_ >= len(head) or _crc8(head[:at_]) != head[at_]:
        return None
    return (number if head[1] == 0xF9 else number * block), size


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
