"""Files into a folder: each appears whole, and only what Earmark wrote there is replaced or removed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from . import manifest
from .errors import DataError

_NEXT = f"{manifest.NAME}-next"
_LEFT = 3600.0  # seconds after which an unfinished folder has been given up


def publish(
    folder: Path, files: Mapping[str, str | bytes], *, owned: tuple[str, ...] = (), force: bool = False
) -> None:
    """Write ``files`` (relative name -> content) under temporary names, then rename each into place, in order.

    ``owned``: folders such as ``"figures"`` of which what an earlier run wrote, and this one does not, is removed. The
    list of what is written comes first (``manifest``). Raises DataError if a file is in the way that Earmark did not
    write, unless ``force``; OSError if the folder cannot be written.
    """
    # Names of files may be no UTF-8: what cannot be written is written as \\udcff, which JSON reads back.
    content = {n: c.encode(errors="backslashreplace") if isinstance(c, str) else c for n, c in files.items()}
    known = manifest.read(folder)
    strange = [n for n in content if (folder / n).is_symlink() or (folder / n).exists()]
    strange = [n for n in strange if not manifest.own(folder, n, known)]
    if (strange or known is None) and not force:
        raise DataError(
            f"{folder} holds {', '.join(strange[:5]) or manifest.NAME}: not what Earmark wrote, or changed since. Nothing of "
            "yours is overwritten: choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as temporary:
        made = Path(temporary)
        sums = {name: hashlib.sha256(c).hexdigest() for name, c in content.items()}
        text = manifest.text(folder, known or {}, sums)
        for copy in (manifest.NAME, _NEXT):  # what is unfinished is known by it, too
            (made / copy).write_text(text, "utf-8")
        for name, c in content.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(c)
        (made / _NEXT).replace(folder / manifest.NAME)
        for name in content:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).replace(folder / name)
    _remove(folder, known or {}, set(content), owned)


def _remove(folder: Path, known: Mapping[str, list[str]], new: set[str], owned: tuple[str, ...]) -> None:
    """Remove what an earlier run wrote into the ``owned`` folders, if nobody changed it."""
    for name in known.keys() - new:
        parts = PurePosixPath(name).parts
        inside = len(parts) == 2 and parts[0] in owned and parts[1] != ".." and not (folder / name).is_symlink()
        if inside and manifest.own(folder, name, known):
            (folder / name).unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Remove what runs that were killed left: it holds its own list, or nothing."""
    for left in folder.glob(".unfinished-*"):
        if left.is_symlink() or not left.is_dir() or time.time() - left.stat().st_mtime <= _LEFT:
            continue
        listed = manifest.read(left) if (left / manifest.NAME).is_file() else {}
        inside = {p.relative_to(left).as_posix() for p in left.rglob("*") if p.is_symlink() or not p.is_dir()}
        if inside <= {manifest.NAME, _NEXT, *(listed or {})}:
            shutil.rmtree(left, ignore_errors=True)
