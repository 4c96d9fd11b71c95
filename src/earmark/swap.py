"""A file or folder into its place, so that whoever looks, or comes after a kill, finds the old or the new one whole."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE: renameat2(2)


@contextmanager
def whole(file: Path) -> Iterator[BinaryIO]:
    """A new file that appears under its name when it is whole, or never. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def swap(part: Path, target: Path) -> None:
    """Put the folder ``part`` in the place of ``target``, which is removed. Raises OSError; then ``target`` is as it was.

    Linux exchanges the two names in one step. Elsewhere two renames do it, and a kill between them leaves the old
    folder beside, called ``.NAME-old``: the next swap, or ``restored``, puts it back.
    """
    restored(target)
    if not target.exists():
        part.rename(target)
    elif _exchanged(part, target):
        shutil.rmtree(part, ignore_errors=True)
    else:
        old = _old(target)
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        try:
            part.rename(target)
        except OSError:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def restored(target: Path) -> bool:
    """Put back what a kill amid ``swap`` left beside ``target``; True if there was something."""
    old = _old(target)
    if target.exists() or not old.is_dir():
        return False
    with suppress(OSError):  # another process was faster, or the place cannot be written
        old.rename(target)
    return target.exists()


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}-old")


def _exchanged(a: Path, b: Path) -> bool:
    """Exchange two names in one step, if the system can (Linux 3.15, and most of its file systems)."""
    if sys.platform != "linux":
        return False
    try:
        call = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    return bool(call(_HERE, os.fsencode(a), _HERE, os.fsencode(b), _EXCHANGE) == 0)
