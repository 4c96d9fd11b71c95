"""A sound within a file: some bytes of it, behind a beginning that may be another than the file's own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK = 2**20
_FAR = 2**62  # beyond all files, and what systems can count


class Spliced:
    """``head``, then the bytes [start, stop) of ``file``, as a file that can be read."""

    def __init__(self, file: BinaryIO, start: int, stop: int, head: bytes = b"") -> None:
        self.file = file
        self.start = start
        self.head = head
        self.size = len(head) + stop - start
        self.at = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer only at the end."""
        size = self.size - self.at if size is None or size < 0 else min(size, self.size - self.at)
        found = [self.head[self.at : self.at + size]] if self.at < len(self.head) else []
        missing = size - sum(map(len, found))
        if missing > 0:
            self.file.seek(self.start + max(0, self.at - len(self.head)))
            while missing > 0 and (piece := self.file.read(missing)):
                found.append(piece)
                missing -= len(piece)
        joined = b"".join(found)
        self.at += len(joined)
        return joined

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """The new position. Raises ValueError for one before the beginning."""
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        if place < 0:
            raise ValueError(f"negative seek position {place}")
        self.at = min(place, self.size)
        return self.at

    def tell(self) -> int:
        """The position."""
        return self.at


def at(file: BinaryIO, place: int, size: int) -> bytes:
    """Bytes of a file from ``place`` on, fewer at its end."""
    if place > _FAR:
        return b""
    file.seek(place)
    found = b""
    while len(found) < size and (piece := file.read(size - len(found))):
        found += piece
    return found


def places(file: BinaryIO, start: int, stop: int, wanted: bytes) -> Iterator[int]:
    """Where ``wanted`` stands within [start, stop) of a file."""
    while start < stop:
        block = at(file, start, min(_BLOCK + len(wanted) - 1, stop - start))
        found = block.find(wanted)
        while found >= 0:
            yield start + found
            found = block.find(wanted, found + 1)
        if len(block) < len(wanted):
            return
        start += max(1, len(block) - len(wanted) + 1)
