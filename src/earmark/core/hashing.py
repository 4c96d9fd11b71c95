"""The sha256 of a file."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from .interrupts import check

_BLOCK = 2**20


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, in hex.

    Raises OSError, also for what is no regular file: to open a pipe could wait for ever.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("a folder, not a file" if path.is_dir() else "not a regular file")
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            check()
            digest.update(block)
        return digest.hexdigest()
