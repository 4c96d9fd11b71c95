"""Arrays in numpy's files, written in blocks and sealed: behind the values stands a sha256 of all that is before it.

numpy reads such a file as any other. One that numpy or Earmark 0.1 wrote has no seal; it is read, too. Headers are read
here as numpy writes them, byte for byte: its own reader runs Python's parser over them, which warns, or raises what it
likes, where one byte is damaged.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as headers
from numpy.typing import NDArray

_HEADER = re.compile(
    rb"\{'descr': '([<>|=]\w{1,4})', 'fortran_order': (False|True), 'shape': (\([\d, ]{0,99}\)), \} *\n"
)
_LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4}  # version of a file -> bytes that tell how long its header is
_MARK = b"earmark"
_SEAL = len(_MARK) + 32  # no multiple of 4: no header with other numbers is right for the same size


class _About(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int  # bytes before the values
    sealed: bool


def about(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the array in a ``.npy`` file. Raises OSError; ValueError for a damaged file or one that holds objects."""
    with path.open("rb") as file:
        return _about(file)[:2]


def sealed(path: Path) -> bool:
    """True if a file has a seal; ``read`` and ``blocks`` say whether it is whole. Raises as ``about`` does."""
    with path.open("rb") as file:
        return _about(file).sealed


def read(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file. Raises as ``about`` does, also where its seal is broken."""
    with path.open("rb") as file:
        found = _about(file)
        values = np.fromfile(file, found.dtype, prod(found.shape))
        _check(file, found, hashlib.sha256(values.data))
    return values.reshape(found.shape)


def blocks(path: Path, values: int) -> Iterator[NDArray[Any]]:
    """The array in blocks of about ``values``. Not by a memory map: what was read of it would stay in memory.

    Raises as ``read`` does; that a seal is broken shows at the end.
    """
    with path.open("rb") as file:
        found, digest = _about(file), hashlib.sha256()
        rows, *inner = found.shape
        step = max(1, values // max(1, prod(inner)))
        for at in range(0, rows, step):
            count = min(step, rows - at)
            block = np.fromfile(file, found.dtype, count * prod(inner)).reshape(count, *inner)
            digest.update(block.data)
            yield block
        _check(file, found, digest)


def write(out: BinaryIO, parts: Iterable[NDArray[np.float32]], shape: tuple[int, ...], *, sealed: bool = True) -> int:
    """Write arrays (n, *shape) of float32 one behind the other as one; returns how many there are in all."""
    digest, count = hashlib.sha256(), 0
    out.write(header(0, shape))
    for part in parts:
        content = np.ascontiguousarray(part, "<f4")
        digest.update(content.data)
        content.tofile(out) if hasattr(out, "fileno") else out.write(content.tobytes())
        count += len(part)
    begin = header(count, shape)
    out.seek(0)
    out.write(begin)
    out.seek(0, os.SEEK_END)
    if sealed:
        digest.update(begin)
        out.write(_MARK + digest.digest())
    return count


def header(rows: int, shape: tuple[int, ...]) -> bytes:
    """Header of a ``.npy`` file of float32 (rows, *shape). It is as long for any number of rows: numpy leaves room."""
    out = io.BytesIO()
    facts = {"descr": "<f4", "fortran_order": False, "shape": (rows, *shape)}
    headers.write_array_header_1_0(out, facts)  # type: ignore[no-untyped-call, unused-ignore]
    return out.getvalue()


def _check(file: BinaryIO, found: _About, digest: Any) -> None:
    """Raise ValueError if the seal of a file is not that of its values, of which ``digest`` is, and its header."""
    if found.sealed:
        seal = file.read()
        file.seek(0)
        digest.update(file.read(found.start))
        if seal != _MARK + digest.digest():
            raise ValueError("its checksum differs: it was changed or damaged")


def _about(file: BinaryIO) -> _About:
    begin = file.read(8)
    if not begin.startswith(b"\x93NUMPY") or begin[6:] not in _LENGTHS:
        raise ValueError("found no header of a .npy file of version 1.0 or 2.0")
    length = int.from_bytes(file.read(_LENGTHS[begin[6:]]), "little")
    told = _HEADER.fullmatch(file.read(min(length, 1 << 16)))
    shape = tuple(int(n) for n in re.findall(rb"\d+", told[3])) if told else ()
    if told is None or repr(shape).encode() != told[3]:
        raise ValueError("found a header of a .npy file that is damaged, or tells of something else than plain numbers")
    try:
        dtype = np.dtype(told[1].decode())
    except TypeError as error:
        raise ValueError(f"found an array of {told[1].decode()!r}; wanted numbers") from error
    if dtype.hasobject or (told[2] == b"True" and len(shape) > 1):
        raise ValueError("found an array of objects, or one that is stored by columns; wanted numbers by rows")
    start, size = file.tell(), os.fstat(file.fileno()).st_size
    return _About(shape, dtype, start, _whole(file, start, size - start - prod(shape) * dtype.itemsize, shape))


def _whole(file: BinaryIO, start: int, spare: int, shape: tuple[int, ...]) -> bool:
    """True if a seal stands behind the values, False if nothing does. Raises ValueError for anything else."""
    if spare < 0:
        raise ValueError(f"found a .npy file that is cut short; wanted an array of {shape}")
    file.seek(-spare, os.SEEK_END)
    marked = spare > 0 and file.read(len(_MARK)) == _MARK
    file.seek(start)
    if marked and spare < _SEAL:
        raise ValueError("found a .npy file that is cut short: its checksum is not whole")
    more = spare - _SEAL * marked
    if more:
        raise ValueError(f"holds {more} bytes more than its header says")
    return marked
