"""One writer at a time to a file that several processes add to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_FAR = 2**62  # Windows locks bytes: one that no file has


@contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """A file opened to be read and added to, made if it is not there; others that ask for it wait until it is closed.

    The lock is the system's: it ends with the process. A place that knows no locks goes without. Raises OSError.
    """
    with path.open("a+b") as file:
        with suppress(OSError):
            _lock(file)
        try:
            yield file
        finally:
            file.flush()
            with suppress(OSError):
                _lock(file, off=True)


def _lock(file: BinaryIO, *, off: bool = False) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file.fileno(), _FAR, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK if off else msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN if off else fcntl.LOCK_EX)
