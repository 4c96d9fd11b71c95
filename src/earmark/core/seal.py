"""Checksums inside what they are of: in a JSON object, over all that it says; at the end of a zip archive, over all before."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

KEY = "sha256"
_MARK, _HEX = b"earmark ", 64
COMMENT = _MARK + b"0" * _HEX  # of a zip archive, before it is sealed


def sealed(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object with its checksum, as the last key."""
    plain = {key: value for key, value in found.items() if key != KEY}
    return {**plain, KEY: _sum(plain)}


def broken(found: Mapping[str, Any]) -> bool:
    """True if an object's checksum is not that of what it says; one without (Earmark 0.1 wrote none) is taken as it is."""
    return KEY in found and found[KEY] != _sum({key: value for key, value in found.items() if key != KEY})


def seal_archive(path: Path) -> None:
    """Fill the checksum into a zip archive that was written with ``COMMENT``. Its own are of its members alone."""
    with path.open("r+b") as file:
        digest = _before(file)
        file.seek(-len(digest), os.SEEK_END)
        file.write(digest)


def archive_broken(path: Path) -> bool:
    """True if an archive has a checksum that is not that of what is before it. Raises OSError."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) <= len(COMMENT):
            return False
        file.seek(-len(COMMENT), os.SEEK_END)
        comment = file.read()
        return comment.startswith(_MARK) and comment.removeprefix(_MARK) != _before(file)


def _before(file: BinaryIO) -> bytes:
    """sha256, in hex, of a file but for the last bytes, where it stands."""
    left, digest = file.seek(0, os.SEEK_END) - _HEX, hashlib.sha256()
    file.seek(0)
    while left and (block := file.read(min(left, 2**20))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest().encode()


def _sum(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
