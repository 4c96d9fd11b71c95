"""Reading numpy's files from several threads.

numpy reads their headers with Python's own parser, which up to 3.11.7 must not be used by two threads at once: now and then it
raises SystemError (https://github.com/python/cpython/issues/106905). So headers are read one at a time, values as before.
"""

from __future__ import annotations

import os
import threading
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


def mapped(path: Path) -> np.memmap[Any, Any]:
    """The same, read where it is asked for."""
    with path.open("rb") as file:
        shape, dtype = _header(file)
        return np.memmap(path, dtype, "r", file.tell(), shape)


def read_all(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a small ``.npz`` file. Raises as ``read`` does, and BadZipFile."""
    with _ONE, path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


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
