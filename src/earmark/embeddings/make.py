"""Sound -> backbone -> rows, each clip once: the pipeline and the cache.

The cache is keyed by content: sha256 of the file, start and duration, and the backbone's fingerprint. A file that
moves or is renamed is found again; a backbone whose facts change is not. Rows are written to a temporary name and
renamed, so that two processes may share a cache and a killed one leaves nothing half-written.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .. import audio
from ..core import npy
from ..audio import silence
from ..backbones.base import Backbone, Floats
from ..data.clips import Clip, Dataset, Excluded
from ..data.load import open_dataset
from ..core.errors import AudioError, DataError
from ..core.paths import home
from .pooling import pool_vectors
from ..core.progress import bar
from ..core.spec import Part
from ..core.atomic import whole

if TYPE_CHECKING:
    from ..audio.transforms import Change


@dataclass(frozen=True)
class Embeddings:
    """Rows of clips. ``X`` (rows, *shape) float32; ``clip`` (rows,) index into ``ids``, ascending; ``start`` (rows,) s.

    ``digest`` (one per clip) is the content key: equal digests are the same samples. ``excluded`` are the clips that
    gave no rows, with the reason; they are not in ``ids``.
    """

    X: Floats
    clip: NDArray[np.int64]
    ids: tuple[str, ...]
    start: NDArray[np.float64]
    digest: tuple[str, ...]
    fingerprint: str
    excluded: dict[str, Excluded]
    _pooled: dict[str, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    def select(self, ids: Sequence[str]) -> Embeddings:
        """Rows of the clips ``ids`` only, in that order. Raises DataError if one has no rows."""
        place = {name: i for i, name in enumerate(self.ids)}
        missing = [i for i in ids if i not in place]
        if missing:
            raise DataError(f"{len(missing)} clips have no rows, e.g. {missing[0]!r}")
        order = [place[i] for i in ids]
        if order == list(range(len(self.ids))):
            return self
        cuts = np.searchsorted(self.clip, np.arange(len(self.ids) + 1))
        rows = np.concatenate([np.arange(cuts[i], cuts[i + 1]) for i in order])
        lengths = np.array([cuts[i + 1] - cuts[i] for i in order])
        return Embeddings(
            self.X[rows], np.repeat(np.arange(len(order)), lengths), tuple(ids), self.start[rows],
            tuple(self.digest[i] for i in order), self.fingerprint, {},
        )  # fmt: skip

    def vectors(self, how: str) -> Floats:
        """One vector per clip (clips, d), read-only: the statistics ``how`` of its rows, e.g. ``"mean+std"``.

        They are kept: nothing in them is fitted, so every fold and every head asks for the same.
        """
        if how not in self._pooled:
            made = pool_vectors(self.X, self.clip, len(self.ids), how)
            made.flags.writeable = False
            self._pooled[how] = made
        return self._pooled[how]

    def spread(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """One value per clip -> one per row."""
        return values[self.clip]


def rows_of(
    source: str | Path | BinaryIO,
    backbone: Backbone,
    *,
    start: float = 0.0,
    duration: float | None = None,
    watch: Callable[[float], None] | None = None,
) -> Iterator[Floats]:
    """Rows of one sound in blocks of about half a minute, in order: memory does not grow with its length.

    ``watch`` is told after each block how many seconds were read; it may raise to end the work. Raises AudioError if
    the sound cannot be used.
    """
    window, hop = backbone.window_samples, backbone.hop_samples
    seconds = max(30.0, 4 * window / backbone.sample_rate)
    held = np.zeros(backbone.pad_left, np.float32)
    given = False

    def blocks() -> Iterator[Floats]:
        read = 0
        for block in audio.blocks(source, backbone.sample_rate, start=start, duration=duration, seconds=seconds):
            read += len(block)
            if watch is not None:
                watch(read / backbone.sample_rate)
            yield block

    if backbone.trim_db is None:
        sound = blocks()
    else:  # read twice: where the sound begins and ends is only known at its end
        sound = silence.trimmed(blocks(), *silence.edges(blocks(), backbone.trim_db))
    for block in sound:
        held = np.concatenate([held, block]) if len(held) else block
        if len(held) >= window:
            rows = 1 + (len(held) - window) // hop
            yield _rows(backbone, held[: window + (rows - 1) * hop])
            held, given = held[rows * hop :], True
    if not given:
        yield backbone.embed(held[backbone.pad_left :])


def _rows(backbone: Backbone, samples: Floats) -> Floats:
    inputs = backbone.front(samples)
    return inputs if backbone.net is None else backbone.net(inputs)


def embed(
    source: Sequence[Clip] | str | Path | Dataset,
    backbone: Backbone | str,
    *,
    cache: Cache | None = None,
    workers: int | None = None,
    change: Change | None = None,
) -> Embeddings:
    """Rows of all clips, from the cache where they are known. A clip that cannot be used is told in ``excluded``.

    ``source`` are clips or what ``open_dataset`` opens, ``backbone`` is built or a name with its parameters as in a
    recipe, e.g. ``"yamnet"`` or ``"logmel(seconds=4)"``. ``workers`` files are worked on at once (default: one per processor); nets run on one thread each.
    ``change`` is done to each sound first (see ``effects``); rows of changed sounds are cached under its key.
    """
    if isinstance(backbone, str):
        backbone = Part.parse(backbone).backbone()
    clips = source if isinstance(source, Sequence) and not isinstance(source, str) else open_dataset(source).clips
    found: list[tuple[Clip, str, Floats]] = []
    excluded: dict[str, Excluded] = {}
    for one in embedded(clips, backbone, cache=cache, workers=workers, change=change):
        if isinstance(one, Excluded):
            excluded[one.path] = one
        else:
            blocks = list(one.blocks)
            found.append((one.clip, one.digest, blocks[0] if len(blocks) == 1 else np.concatenate(blocks)))
    lengths = [len(rows) for _, _, rows in found]
    return Embeddings(
        X=np.concatenate([rows for _, _, rows in found]) if found else np.zeros((0, *backbone.shape), np.float32),
        clip=np.repeat(np.arange(len(found)), lengths),
        ids=tuple(clip.id for clip, _, _ in found),
        start=np.concatenate(
            [clip.start + backbone.hop * np.arange(n) for (clip, _, _), n in zip(found, lengths, strict=True)]
        )
        if found
        else np.zeros(0),
        digest=tuple(digest for _, digest, _ in found),
        fingerprint=backbone.fingerprint,
        excluded=excluded,
    )


@dataclass(frozen=True)
class Embedded:
    """Rows of one clip, in blocks (rows, *shape); many blocks are read from the cache one by one."""

    clip: Clip
    digest: str
    blocks: Iterable[Floats]


def embedded(
    clips: Sequence[Clip],
    backbone: Backbone,
    *,
    cache: Cache | None = None,
    workers: int | None = None,
    change: Change | None = None,
) -> Iterator[Embedded | Excluded]:
    """What ``embed`` gives, clip by clip in order. With a cache, memory grows neither with clips nor their length."""

    def digest_of(content: str) -> str:
        return f"{content} {change.key}" if change else content

    def kept(clip: Clip, content: str | None) -> Embedded | None:
        if cache is None or content is None:
            return None
        rows = cache.blocks(digest_of(content), backbone)
        return None if rows is None else Embedded(clip, digest_of(content), rows)

    def one(clip: Clip) -> Embedded | Excluded:
        try:
            content = content_key(clip, cache)
            if found := kept(clip, content):
                return found
            digest = digest_of(content)
            if change is None:
                made = rows_of(clip.path, backbone, start=clip.start, duration=clip.duration)
            else:
                rate = backbone.sample_rate
                samples = audio.load(clip.path, rate, start=clip.start, duration=clip.duration)
                made = iter([backbone.embed(change(samples, rate, content))])
            return Embedded(clip, digest, cache.keep_blocks(digest, backbone, made) if cache else list(made))
        except AudioError as error:
            return Excluded(clip.id, error.reason)

    workers = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool, bar(f"embed {backbone.name}", len(clips)) as step:
        # A few clips ahead of whoever takes them, so that results do not pile up.
        waiting: deque[Future[Embedded | Excluded]] = deque()
        for clip in clips:
            # What is known is read here: to hand that over takes longer than to do it.
            if cache and not waiting and (found := kept(clip, cache.known_key(clip))):
                yield found
                step()
                continue
            waiting.append(pool.submit(one, clip))
            if len(waiting) > 4 * workers:
                yield waiting.popleft().result()
                step()
        while waiting:
            yield waiting.popleft().result()
            step()


def content_key(clip: Clip, cache: Cache | None = None) -> str:
    """Hash of a clip's content: the file's bytes, and start and duration if it is a part. Raises AudioError."""
    try:
        return _key(clip, cache.hash_of(clip.path) if cache else hash_file(clip.path))
    except (OSError, ValueError) as error:  # ValueError: no file can have that name
        raise AudioError(clip.path, f"unreadable: {getattr(error, 'strerror', None) or error}") from error


def _key(clip: Clip, digest: str) -> str:
    return digest if clip.start == 0 and clip.duration is None else f"{digest}+{clip.start:.6f}+{clip.duration}"


def hash_file(path: Path) -> str:
    """sha256 of a file's bytes. Raises OSError, also for what is no regular file: to open a pipe could wait for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("a folder, not a file" if path.is_dir() else "not a regular file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(path: Path) -> tuple[str | bytes, int, int]:
    """What a file's hash is remembered by: where it lies, bytes, time of change. Raises OSError."""
    facts, place = path.stat(), os.path.realpath(path)
    # sqlite takes no text that is no UTF-8
    return place if place.isprintable() else os.fsencode(place), facts.st_size, facts.st_mtime_ns


_TAG = "CACHEDIR.TAG"
_TAGGED = b"Signature: 8a477f597d28d172789f06886806bc55\n# Rows that Earmark keeps: they are made again when needed.\n"
_ROWS = re.compile(r".+-[0-9a-f]{12}")  # a backbone and its fingerprint: a folder
_KEY = re.compile(r"[0-9a-f]{2}")
_KEPT = re.compile(r"[0-9a-f]{2}/([0-9a-f]{62}\.npy|\.[\w-]+\.part)")  # rows, and what a kill left of some
_CACHES = re.compile(rf"{_TAG}|hashes\.sqlite(-wal|-shm|-journal)?|{_ROWS.pattern}|\.[\w-]+\.part")
_LARGE = 2**22  # values (16 MB) above which the rows of one sound are not held in memory


class Cache:
    """Rows on disk under ``folder`` (default ``<home>/rows``), and which file has which hash.

    The hash of a file is remembered with its size and time of change, so that a second run need not read it.
    A cache that cannot be written is used for reading only.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder else home() / "rows"
        self._local = threading.local()
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._tag()

    def _tag(self) -> None:
        """Say that this is a cache (https://bford.info/cachedir), unless something else lies here, too."""
        names = [p.name for p in self.folder.iterdir()]
        if _TAG not in names and all(_CACHES.fullmatch(name) for name in names):
            with whole(self.folder / _TAG) as out:
                out.write(_TAGGED)

    def _file(self, digest: str, backbone: Backbone) -> Path:
        key = hashlib.sha256(f"{digest} {backbone.fingerprint}".encode()).hexdigest()
        return self.folder / f"{backbone.name}-{backbone.fingerprint[:12]}" / key[:2] / f"{key[2:]}.npy"

    def rows(self, digest: str, backbone: Backbone) -> Floats | None:
        """Rows kept for a content key, or None. A damaged file counts as not kept."""
        try:
            rows: Floats = npy.read(self._file(digest, backbone))
        except (OSError, ValueError, EOFError):
            return None
        return rows if rows.shape[1:] == backbone.shape and rows.dtype == np.float32 else None

    def blocks(self, digest: str, backbone: Backbone) -> Iterable[Floats] | None:
        """The same in blocks: one, or of a long sound many that are read when they are asked for."""
        file = self._file(digest, backbone)
        try:
            if file.stat().st_size <= 4 * _LARGE:
                rows = self.rows(digest, backbone)
                return None if rows is None else [rows]
            shape, dtype = npy.about(file)
        except (OSError, ValueError, EOFError):
            return None
        good = shape[1:] == backbone.shape and dtype == np.float32
        return npy.blocks(file, _LARGE // 4) if good else None

    def keep(self, digest: str, backbone: Backbone, rows: Floats) -> None:
        """Keep rows. Failing to (disk full, read-only) costs time later, not the run."""
        with suppress(OSError), whole(self._file(digest, backbone)) as out:
            np.save(out, rows, allow_pickle=False)

    def keep_blocks(self, digest: str, backbone: Backbone, blocks: Iterable[Floats]) -> Iterable[Floats]:
        """Keep rows that come in blocks, and give them back: many of them from where they are kept.

        Raises DataError if the rows of a long sound cannot be kept for want of room.
        """
        held: list[Floats] = []
        coming = iter(blocks)
        for block in coming:
            held.append(block)
            if sum(b.size for b in held) > _LARGE:
                break
        else:
            rows = held[0] if len(held) == 1 else np.concatenate(held)
            self.keep(digest, backbone, rows)
            return [rows]
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
            raise DataError(f"{self.folder}: found no room for the rows of a long sound ({error})") from error
        return self.blocks(digest, backbone) or []

    def hash_of(self, path: Path) -> str:
        """sha256 of a file, remembered while its size and time of change stay the same. Raises OSError."""
        place, size, time = _state(path)
        with suppress(sqlite3.Error):
            if digest := self._remembered(place, size, time):
                return digest
        digest = hash_file(path)
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
        row = self._table().execute(asked, (place, size, time)).fetchone()
        return str(row[0]) if row else None

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
        """Delete all rows, or those of the backbone ``name``; returns the bytes freed.

        A folder is the cache's if it is called like one of its own and nothing but rows lies in it: all else is left
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
        """Folders of rows and the files in them."""
        for folder in sorted(self.folder.glob("*-*")):
            if _ROWS.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                below = [p for p in folder.rglob("*") if p.is_symlink() or not (p.is_dir() and _KEY.fullmatch(p.name))]
                if below and all(p.is_file() and _KEPT.fullmatch(p.relative_to(folder).as_posix()) for p in below):
                    yield folder, below
