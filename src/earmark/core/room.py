"""Disks that are full: which folder it was, and how to choose another."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress

FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_LITTLE = 16 * 2**20  # bytes; a folder with less left is taken for full


def is_full(error: OSError) -> bool:
    """True if there was no room for what was to be written, or no temporary folder that can be written at all."""
    return error.errno in FULL or _none(error)


def advice(error: OSError) -> str:
    """What to say of the temporary folder beside an error; "" if it has nothing to do with it."""
    if _none(error):
        return ". Set TMPDIR to a folder that can be written: TMPDIR=/somewhere earmark …"
    if error.errno not in FULL:
        return ""
    folder = tempfile.gettempdir()
    with suppress(OSError):
        inside = error.filename is not None and os.fsdecode(error.filename).startswith(folder + os.sep)
        if inside or (error.filename is None and shutil.disk_usage(folder).free < _LITTLE):
            return f". The temporary folder {folder} is full; TMPDIR=/somewhere/else chooses another"
    return f". Temporary files lie in {folder}; TMPDIR chooses another place for them" if error.filename is None else ""


def _none(error: OSError) -> bool:
    return isinstance(error, FileNotFoundError) and "temporary directory" in str(error)
