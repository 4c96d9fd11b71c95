"""The sha256 of a file."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, in hex.

    Raises OSError, also for what is no regular file: to open a pipe could wait for ever.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("a folder, not a file" if path.is_dir() else "not a regular file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
