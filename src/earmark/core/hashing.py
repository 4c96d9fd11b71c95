"""The sha256 of a file."""

from __future__ import annotations

import hashlib
import io
import stat
from pathlib import Path
from typing import Any

from .interrupts import check


class _Stoppable(io.FileIO):
    """A file whose reading ends when the work is wanted no more."""

    def readinto(self, buffer: Any, /) -> int:
        check()
        return super().readinto(buffer)


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, in hex.

    Raises OSError, also for what is no regular file: to open a pipe could wait for ever.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("a folder, not a file" if path.is_dir() else "not a regular file")
    with _Stoppable(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
