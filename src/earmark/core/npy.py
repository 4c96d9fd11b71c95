"""numpy's files, read from several threads and written in blocks.

numpy reads their headers with Python's own parser, which up to 3.11.7 must not be used by two threads at once: now and then it
raises SystemError (https://github.com/python/cpython/issues/106905). So headers are read one at a time, values as before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as headers
from numpy.typing import NDArray

_ONE = threading.Lock()


def read(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file. Raises OSError; ValueError for a damaged file or one that holds objects."""
    with path.open("rb") as file:
        shape, dtype = _header(file)
        return np.fromfile(file, dtype, prod(shape)).reshape(shape)


def about(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the array in a ``.npy`` file. Raises as ``read`` does."""
    with path.open("rb") as file:
        return _header(file)


def blocks(path: Path, values: int) -> Iterator[NDArray[Any]]:
    """The array in blocks of about ``values``. Not by a memory map: what was read of it would stay in memory."""
    with path.open("rb") as file:
        shape, dtype = _header(file)
        width = prod(shape[1:])
        step = max(1, values // width)
        for at in range(0, shape[0], step):
            count = min(step, shape[0] - at)
            yield np.fromfile(file, dtype, count * width).reshape(count, *shape[1:])


def write_header(out: BinaryIO, rows: int, shape: tuple[int, ...]) -> None:
    """Header of a ``.npy`` file of float32 (rows, *shape). It is as long for any number of rows: numpy leaves room."""
    facts = {"descr": "<f4", "fortran_order": False, "shape": (rows, *shape)}
    headers.write_array_header_1_0(out, facts)  # type: ignore[no-untyped-call, unused-ignore]


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    readers = {(1, 0): headers.read_array_header_1_0, (2, 0): headers.read_array_header_2_0}
    version = headers.read_magic(file)
    if version not in readers:
        raise ValueError(f"found a .npy file of version {version}; wanted 1.0 or 2.0")
    with _ONE:
        shape, by_columns, dtype = readers[version](file)
    if dtype.hasobject or (by_columns and len(shape) > 1):
        raise ValueError("found an array of objects, or one that is stored by columns; wanted numbers by rows")
    if os.fstat(file.fileno()).st_size - file.tell() < prod(shape) * dtype.itemsize:
        raise ValueError(f"found a .npy file that is cut short; wanted an array of {shape}")
    return shape, dtype
