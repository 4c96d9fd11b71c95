"""Is a cache whole? Every file has a right header, size and checksum, is float32, and has the shape of its neighbours."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from ..core import npy
from ..core.text import first_line

Tell = Callable[[str, str, bool], None]  # where, what, whether it is damaged
_FOLDER = re.compile(r".+-[0-9a-f]{12}")  # a backbone and the beginning of its fingerprint
_FILE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}\.npy")
_UNFINISHED = re.compile(r"[0-9a-f]{2}/\.[\w-]+\.part")
_OWN = re.compile(r"CACHEDIR\.TAG|hashes\.sqlite(-wal|-shm|-journal)?|\.[\w-]+\.part")
_BLOCK = 2**20  # values that are looked at together
_HOW = "delete it: it is made again when it is needed"


def looks_like(folder: Path) -> bool:
    """True for a folder that says so itself, or in which nothing but a cache lies: one beside sounds is data."""
    names = {p.name for p in folder.iterdir()}
    if b"Earmark" in _begin(folder / "CACHEDIR.TAG"):
        return True
    kept = {n for n in names if _FOLDER.fullmatch(n) and (folder / n).is_dir() and _keys(folder / n)}
    return (bool(kept) or "hashes.sqlite" in names) and all(n in kept or _OWN.fullmatch(n) for n in names)


def _begin(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(1000)
    except OSError:
        return b""


def _keys(folder: Path) -> bool:
    """True if the folders in a folder are called as those of a cache are: by two digits."""
    inside = list(folder.iterdir())
    return bool(inside) and all(p.is_dir() and re.fullmatch(r"[0-9a-f]{2}", p.name) for p in inside)


def look(folder: Path, tell: Tell) -> dict[str, int]:
    """Tell what is wrong; returns how many files, bytes and backbones were looked at."""
    _hashes(folder / "hashes.sqlite", tell)
    count = size = bare = 0
    backbones = sorted(p for p in folder.iterdir() if _FOLDER.fullmatch(p.name) and p.is_dir())
    for backbone in backbones:
        shapes: dict[str, tuple[int, ...]] = {}
        for file in sorted(p for p in backbone.rglob("*") if p.is_symlink() or not p.is_dir()):
            inside, name = file.relative_to(backbone).as_posix(), file.relative_to(folder).as_posix()
            if not _FILE.fullmatch(inside):
                left = _UNFINISHED.fullmatch(inside)
                tell(name, "what an ended run left unfinished" if left else "is no file of a cache", False)
                continue
            count += 1
            if (shape := _shape(file, name, tell)) is not None:
                shapes[name], size = shape, size + file.stat().st_size
        usual = Counter(s[1:] for s in shapes.values()).most_common(1)
        for name, shape in shapes.items():
            if shape[1:] != usual[0][0]:
                usual_shape = f"the others of its backbone are of {usual[0][0]}"
                tell(name, f"found arrays of {shape[1:]}, {usual_shape}; {_HOW}", True)
            elif not npy.sealed(folder / name):
                bare += 1
    if bare:
        tell(
            "embeddings",
            f"{bare} files have no checksum (Earmark 0.1 wrote none): a changed number would not show",
            False,
        )
    return {"backbones": len(backbones), "files": count, "bytes": size}


def _shape(file: Path, name: str, tell: Tell) -> tuple[int, ...] | None:
    """Shape of the array in a file, or None if it is damaged, which is told."""
    try:
        shape, dtype = npy.about(file)
        if dtype != np.float32 or len(shape) < 2 or 0 in shape[1:]:
            tell(name, f"found an array {shape} of {dtype}; wanted float32 with two axes or more; {_HOW}", True)
            return None
        # Not any(): what a checksum says shows at the end.
        wrong = sum(not np.isfinite(block).all() for block in npy.blocks(file, _BLOCK))
    except (OSError, ValueError) as error:
        tell(name, f"cannot be read ({first_line(error)}); {_HOW}", True)
        return None
    if wrong:
        tell(name, f"holds numbers that are not finite; {_HOW}", True)
    return None if wrong else shape


def _hashes(file: Path, tell: Tell) -> None:
    """The table of hashes, which sqlite itself can check. It is opened for reading only."""
    if not file.is_file():
        return
    # Nobody has it open unless its log lies beside it; then sqlite would leave one there, if it were not told.
    how = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True, timeout=30)) as table:
            said = str(table.execute("PRAGMA quick_check").fetchone()[0])
    except sqlite3.OperationalError as error:  # in use, or a place where sqlite cannot put its lock
        tell(file.name, f"was not looked at ({error})", False)
        return
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        tell(file.name, f"is damaged ({first_line(said)}); delete it: files are hashed again", True)
