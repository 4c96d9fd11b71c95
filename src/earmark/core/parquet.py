"""Parquet with checksums: of each page (a part of the format), and of the whole file.

The seal stands between the last page and the footer, where no reader looks: pages and footer are found by what the
footer and the last eight bytes say. It holds a sha256 of the pages and one of the footer: who only asks for a column, or for a file's
facts, reads no more than these. Files without a seal (of Earmark 0.1, of other programs) are read, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_MARK = b"earmark1"
_SUM = 32
_SEAL = len(_MARK) + 2 * _SUM
_TAIL = 8  # the length of the footer, and "PAR1"
_BLOCK = 2**20
WRITING = {"write_page_checksum": True}  # for pyarrow's writers; ``seal`` comes after them


def write(table: Any, path: Path) -> None:
    """Write a table of pyarrow, sealed. Raises OSError."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, **WRITING)
    seal(path)


def seal(path: Path) -> None:
    """Seal a file that pyarrow has written."""
    with path.open("r+b") as file:
        at, footer = _footer(file)
        pages = _sum(file, at)
        file.seek(at)
        file.write(_MARK + pages + hashlib.sha256(footer).digest() + footer)


def read(file: Any, columns: Sequence[str] | None = None, *, whole: bool = False) -> Any:
    """A table of pyarrow, of all columns or some. Raises what pyarrow raises; ValueError where a checksum differs.

    Of a file that is asked for some columns, no others are read, unless it is to be looked at as a ``whole``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if whole or columns is None:
        file = pa.BufferReader(file.read())  # it may lie far away: read once
    check(file, pages=whole or columns is None)
    found = pq.ParquetFile(file, page_checksum_verification=True)
    table = found.read(columns=list(columns) if columns else None)
    added = {k: v for k, v in (found.metadata.metadata or {}).items() if k != b"ARROW:schema"}
    return table.replace_schema_metadata({**added, **(table.schema.metadata or {})})


def check(file: Any, *, pages: bool = True) -> bool:
    """True if the file has a seal, and that is whole. Raises ValueError where it is broken."""
    at, footer = _footer(file)
    file.seek(max(0, at - _SEAL))
    seal = file.read(_SEAL)
    if not seal.startswith(_MARK):
        return False
    same = seal.endswith(hashlib.sha256(footer).digest())
    if not same or (pages and seal[len(_MARK) :][:_SUM] != _sum(file, at - _SEAL)):
        raise ValueError("its checksum differs: it was changed or damaged")
    return True


def _sum(file: Any, size: int) -> bytes:
    """sha256 of the first bytes of a file."""
    digest = hashlib.sha256()
    file.seek(0)
    while size and (block := file.read(min(size, _BLOCK))):
        digest.update(block)
        size -= len(block)
    return digest.digest()


def _footer(file: Any) -> tuple[int, bytes]:
    """Where the footer begins, and its bytes to the end of the file. Raises ValueError."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    at = size - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or at < 4:
        raise ValueError("no Parquet, or cut short: its footer is not there")
    file.seek(at)
    return at, bytes(file.read())
