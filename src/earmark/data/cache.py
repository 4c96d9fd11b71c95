"""Embeddings kept on disk by content, and which file has which hash."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..backbones.base import Backbone, Floats
from ..core import legacy, npy
from ..core.atomic import whole
from ..core.errors import AudioError, DataError
from ..core.hashing import sha256_of
from ..core.paths import home, is_remote
from ..core.storage import at_hand
from .clips import Clip

if TYPE_CHECKING:
    pass


def content_key(clip: Clip, cache: Cache | None = None) -> str:
    """Hash of a clip's content: the file's bytes, and start and duration if it is a part. Raises AudioError."""
    try:
        if is_remote(clip.path):  # a copy that is here for a while: not remembered
            return _key(clip, sha256_of(at_hand(clip.path)))
        return _key(clip, cache.hash_of(clip.path) if cache else sha256_of(clip.path))
    except (OSError, ValueError) as error:  # ValueError: no file can have that name
        raise AudioError(clip.path, f"unreadable: {getattr(error, 'strerror', None) or error}") from error


def _key(clip: Clip, digest: str) -> str:
    return digest if clip.start == 0 and clip.duration is None else f"{digest}+{clip.start:.6f}+{clip.duration}"


def _state(path: Path) -> tuple[str | bytes, int, int]:
    """What a file's hash is remembered by: where it lies, bytes, time of change. Raises OSError."""
    facts, place = path.stat(), os.path.realpath(path)
    # sqlite takes no text that is no UTF-8
    return place if place.isprintable() else os.fsencode(place), facts.st_size, facts.st_mtime_ns


_TAG = "CACHEDIR.TAG"


_TAGGED = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n# Embeddings that Earmark keeps: they are made again when needed.\n"
)


_ROWS = re.compile(r".+-[0-9a-f]{12}")  # a backbone and its fingerprint: a folder


_KEY = re.compile(r"[0-9a-f]{2}")


_KEPT = re.compile(r"[0-9a-f]{2}/([0-9a-f]{62}\.npy|\.[\w-]+\.part)")  # embeddings, and what a kill left of some


_CACHES = re.compile(rf"{_TAG}|hashes\.sqlite(-wal|-shm|-journal)?|{_ROWS.pattern}|\.[\w-]+\.part")


_LARGE = 2**22  # values (16 MB) above which the embeddings of one sound are not held in memory


def _default() -> Path:
    """Where embeddings are kept if nothing else is said. What 0.1 kept moves there once."""
    folder, old = home() / "embeddings", home() / legacy.STORE_FOLDER
    with suppress(OSError):  # it is there already, or another process was faster, or it cannot be written
        if not folder.exists() and old.is_dir():
            old.rename(folder)
    return folder


class Cache:
    """Embeddings on disk under ``folder`` (default ``<home>/embeddings``), and which file has which hash.

    The hash of a file is remembered with its size and time of change, so that a second run need not read it.
    A cache that cannot be written is used for reading only.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder else _default()
        self._local = threading.local()
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._tag()

    def __reduce__(self) -> tuple[type[Cache], tuple[Path]]:
        """A cache is its folder: so it goes to another process, though its connections do not."""
        return type(self), (self.folder,)

    def _tag(self) -> None:
        """Say that this is a cache (https://bford.info/cachedir), unless something else lies here, too."""
        names = [p.name for p in self.folder.iterdir()]
        if _TAG not in names and all(_CACHES.fullmatch(name) for name in names):
            with whole(self.folder / _TAG) as out:
                out.write(_TAGGED)

    def _file(self, digest: str, backbone: Backbone) -> Path:
        key = hashlib.sha256(f"{digest} {backbone.fingerprint}".encode()).hexdigest()
        return self.folder / f"{backbone.name}-{backbone.fingerprint[:12]}" / key[:2] / f"{key[2:]}.npy"

    def embeddings(self, digest: str, backbone: Backbone) -> Floats | None:
        """Embeddings kept for a content key, or None. A damaged file counts as not kept."""
        try:
            embeddings: Floats = npy.read(self._file(digest, backbone))
        except (OSError, ValueError, EOFError):
            return None
        return embeddings if embeddings.shape[1:] == backbone.shape and embeddings.dtype == np.float32 else None

    def blocks(self, digest: str, backbone: Backbone) -> Iterable[Floats] | None:
        """The same in blocks: one, or of a long sound many that are read when they are asked for."""
        file = self._file(digest, backbone)
        try:
            if file.stat().st_size <= 4 * _LARGE:
                embeddings = self.embeddings(digest, backbone)
                return None if embeddings is None else [embeddings]
            shape, dtype = npy.about(file)
        except (OSError, ValueError, EOFError):
            return None
        good = shape[1:] == backbone.shape and dtype == np.float32
        return npy.blocks(file, _LARGE // 4) if good else None

    def keep(self, digest: str, backbone: Backbone, embeddings: Floats) -> None:
        """Keep embeddings. Failing to (disk full, read-only) costs time later, not the run."""
        with suppress(OSError), whole(self._file(digest, backbone)) as out:
            np.save(out, embeddings, allow_pickle=False)

    def keep_blocks(self, digest: str, backbone: Backbone, blocks: Iterable[Floats]) -> Iterable[Floats]:
        """Keep embeddings that come in blocks, and give them back: many of them from where they are kept.

        Raises DataError if the embeddings of a long sound cannot be kept for want of room.
        """
        held: list[Floats] = []
        coming = iter(blocks)
        for block in coming:
            held.append(block)
            if sum(b.size for b in held) > _LARGE:
                break
        else:
            embeddings = held[0] if len(held) == 1 else np.concatenate(held)
            self.keep(digest, backbone, embeddings)
            return [embeddings]
        file, count = self._file(digest, backbone), 0
        if not os.access(self.folder, os.W_OK):
            return [*held, *coming]
        try:
            with whole(file) as out:
                npy.write_header(out, 0, backbone.shape)
                for block in chain(held, coming):
                    count += len(block)
                    block.tofile(out)
                out.seek(0)
                npy.write_header(out, count, backbone.shape)
        except OSError as error:
            raise DataError(f"{self.folder}: found no room for the embeddings of a long sound ({error})") from error
        return self.blocks(digest, backbone) or []

    def hash_of(self, path: Path) -> str:
        """sha256 of a file, remembered while its size and time of change stay the same. Raises OSError."""
        place, size, time = _state(path)
        with suppress(sqlite3.Error):
            if digest := self._remembered(place, size, time):
                return digest
        digest = sha256_of(path)
        with suppress(sqlite3.Error), self._table() as table:
            table.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", (place, size, time, digest))
        return digest

    def known_key(self, clip: Clip) -> str | None:
        """``content_key`` if the file's hash is remembered: nothing is read. None also if there is no such file."""
        with suppress(OSError, ValueError, sqlite3.Error):
            if digest := self._remembered(*_state(clip.path)):
                return _key(clip, digest)
        return None

    def _remembered(self, place: str | bytes, size: int, time: int) -> str | None:
        asked = "SELECT sha256 FROM hashes WHERE path = ? AND size = ? AND time = ?"
        embedding = self._table().execute(asked, (place, size, time)).fetchone()
        return str(embedding[0]) if embedding else None

    def _table(self) -> sqlite3.Connection:
        """One connection per thread: sqlite's may not be shared."""
        if not hasattr(self._local, "table"):
            table = sqlite3.connect(self.folder / "hashes.sqlite", timeout=30)
            table.execute("PRAGMA journal_mode = WAL")
            table.execute("PRAGMA synchronous = OFF")
            table.execute("CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, size INT, time INT, sha256 TEXT)")
            self._local.table = table
        return self._local.table  # type: ignore[no-any-return]

    def usage(self) -> dict[str, tuple[int, int]]:
        """Backbone folder -> (files, bytes), of folders that are the cache's."""
        sizes = {folder.name: [f.stat().st_size for f in files] for folder, files in self._folders()}
        return {name: (len(found), sum(found)) for name, found in sizes.items()}

    def clear(self, name: str | None = None) -> int:
        """Delete all embeddings, or those of the backbone ``name``; returns the bytes freed.

        A folder is the cache's if it is called like one of its own and nothing but embeddings lies in it: all else is left
        as it is. Raises DataError if nothing of a cache, but something else, lies in the folder.
        """
        found = list(self._folders())
        names = {p.name for p in self.folder.iterdir()} if self.folder.is_dir() else set()
        if not found and any(not _CACHES.fullmatch(n) or _ROWS.fullmatch(n) for n in names):
            raise DataError(f"{self.folder}: is no cache of Earmark's, or holds other files; nothing was deleted")
        freed = 0
        for folder, files in found:
            if name is None or folder.name.rsplit("-", 1)[0] == name:
                for file in files:
                    freed += file.stat().st_size
                    file.unlink(missing_ok=True)
                for inside in (*(p for p in folder.iterdir() if p.is_dir()), folder):
                    with suppress(OSError):  # another process has just kept something in it
                        inside.rmdir()
        return freed

    def _folders(self) -> Iterator[tuple[Path, list[Path]]]:
        """Folders of embeddings and the files in them."""
        for folder in sorted(self.folder.glob("*-*")):
            if _ROWS.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                below = [p for p in folder.rglob("*") if p.is_symlink() or not (p.is_dir() and _KEY.fullmatch(p.name))]
                if below and all(p.is_file() and _KEPT.fullmatch(p.relative_to(folder).as_posix()) for p in below):
                    yield folder, below
