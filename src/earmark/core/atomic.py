"""A file or folder into its place, so that whoever looks, or comes after a kill, finds the old or the new one whole."""

from __future__ import annotations

import atexit
import ctypes
import errno
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

READABLE = 0o666  # the mode of a file for everybody, less what the umask takes away
_unfinished: set[Path] = set()  # of this process, now
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE: renameat2(2)


@contextmanager
def whole(file: Path, *, mode: int = 0o600, sync: bool = False) -> Iterator[BinaryIO]:
    """A new file that appears under its name when it is whole, or never. Raises OSError.

    ``mode``: who may read it, less what the umask takes away. ``sync``: it is on the disk before it appears.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{secrets.token_hex(8)}.part")
    _unfinished.add(temporary)
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as out:
            yield out
            if sync:
                out.flush()
                os.fsync(out.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """A temporary folder beside ``target``, to be put in its place by ``swap``; what is left of it is removed."""
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    _unfinished.add(part)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _unfinished.discard(part)


@atexit.register
def _tidy() -> None:
    """Remove what a process that is made to end has not finished; see ``interrupts``."""
    for path in list(_unfinished):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def swap(part: Path, target: Path) -> None:
    """Put the folder ``part`` in the place of ``target``, which is removed. Raises OSError; then ``target`` is as it was.

    Linux exchanges the two names in one step. Elsewhere two renames do it, and a kill between them leaves the old
    folder beside, called ``.NAME-old``: the next swap, or ``restored``, puts it back.
    """
    restored(target, _marked(part))
    if not target.exists():
        part.rename(target)
    elif _exchanged(part, target):
        shutil.rmtree(part, ignore_errors=True)
    else:
        old = _old(target)
        if old.exists() and not (_marked(part) & _marked(old) or _names(old) <= _names(part) | _names(target)):
            raise OSError(errno.EEXIST, "is in the way, and not what Earmark wrote", str(old))
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        try:
            part.rename(target)
        except OSError:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def restored(target: Path, marks: frozenset[str] = frozenset({"earmark.json"})) -> bool:
    """Put back what a kill amid ``swap`` left beside ``target``; True if there was something.

    ``marks``: names of files by which a folder of the kind is known; one called alike but without them is the user's.
    """
    old = _old(target)
    if target.exists() or not old.is_dir() or not marks & _marked(old):
        return False
    with suppress(OSError):  # another process was faster, or the place cannot be written
        old.rename(target)
    return target.exists()


def _marked(folder: Path) -> frozenset[str]:
    """Names of the JSON files in a folder: every folder that is swapped has one that says what it is."""
    return frozenset(name for name in _names(folder) if name.endswith(".json"))


def _names(folder: Path) -> frozenset[str]:
    return frozenset(p.name for p in folder.iterdir()) if folder.is_dir() else frozenset()


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}-old")


def _exchanged(a: Path, b: Path) -> bool:
    """Exchange two names in one step, if the system can (Linux 3.15, and most of its file systems)."""
    done = False
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # an older C library
            done = ctypes.CDLL(None).renameat2(_HERE, os.fsencode(a), _HERE, os.fsencode(b), _EXCHANGE) == 0
    return done
