"""Corpora in shards: the clips of a data set are cut into shards, each is worked on by itself and written as a
file of each table of the store (``tables``).

A shard appears when it is whole, or never; its name is a hash of its clips, so that done twice it is there once. To
resume is to read the names of the clips that are there, and to cut the rest into shards. ``OUT`` is a folder or a URI.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from ..backbones.base import Backbone, Floats, load_backbone
from ..core import interrupts, parquet, plugins
from ..core.errors import AudioError, DataError, UnreachedError
from ..core.paths import is_remote, spelled
from ..core.spec import Part
from ..core.storage import Place, place
from ..data.annotation_files import ANNOTATIONS, SPANS, write_parquet
from ..data.annotations import spans
from ..data.cache import Cache
from ..data.clips import Clip, Dataset, Excluded
from ..data.targets import Task
from . import origin
from .files import FORMAT, blocks_of, stream_blocks
from .make import Embeddings, embedded
from .pooling import WINDOWS, Pooling
from .tables import ANSWERS, EMBEDDINGS, ERRORS, ORDER, Recordings, agree, shards_of, write_shard
from .tables import FACTS as FACTS
from .tables import facts as facts
from .tables import read_columns as read_columns

SEVERAL = 3  # sounds one after another that are not reached: then the store itself is not, or not now
LARGEST = 256  # clips of a shard: 64 MB of embeddings of YAMNet, a minute of work
# clips, folder -> lines of its <table>.parquet, clips excluded
_Lines = list[dict[str, Any]]
Write = Callable[[Sequence[Clip], Path], tuple[int, list[Excluded]]]


class Work(Protocol):
    """What is done to each clip. It can be pickled and holds all that another machine needs."""

    @property
    def facts(self) -> dict[str, Any]:
        """Told in ``earmark.json``. What differs there may not lie in one folder."""

    def open(self) -> Write:
        """Ready to work, on the machine where it is to be done."""


@dataclass(frozen=True)
class Embedding:
    """Embeddings of a backbone. ``net`` is its ONNX file: other machines need no weights installed."""

    part: Part
    net: bytes | None
    fingerprint: str
    shape: tuple[int, ...]
    pool: Pooling = WINDOWS

    @classmethod
    def of(cls, part: Part, pool: str = WINDOWS) -> Embedding:
        """Raises RecipeError, WeightsError."""
        built = load_backbone(part)
        pool = Pooling(pool)
        if pool.height:
            raise DataError(f"the pooling is {pool!r}; wanted windows, or statistics: mean, mean+std, max, …")
        return cls(part, built.net.content if built.net else None, built.fingerprint, built.shape, pool)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "holds": EMBEDDINGS,
            "task": str(Task.SINGLE),
            "backbone": self.part.name,
            "params": self.part.kwargs,
            "pool": self.pool,
            "shape": list(self.shape),
            "fingerprint": self.fingerprint,
        }

    def open(self) -> Write:
        """Raises DataError if the backbone here is another."""
        given: dict[str, Any] = {} if self.net is None else {"weights": self.net}
        backbone: Backbone = plugins.build("backbones", self.part.name, **{**self.part.kwargs, **given})
        if backbone.fingerprint != self.fingerprint:
            raise DataError(
                f"{self.part}: the front end on this machine is not the one the work was given for. Wanted: the same "
                "version of Earmark on every machine"
            )
        return partial(_write_embeddings, backbone, self.pool, self.facts)


# ------------------------------------------------------------------------------------------------- one shard
@dataclass(frozen=True)
class Made:
    """A shard that is done."""

    clips: int
    lines: int
    excluded: tuple[Excluded, ...]
    seconds: float
    written: int = 0  # bytes
    name: str = ""  # of its file, if it has lines


def make(write: Write, out: str, clips: Sequence[Clip]) -> Made:
    """Work on the clips of one shard and write it. Raises DataError, BundleError."""
    began, target = time.perf_counter(), place(out)
    name, written = "", 0
    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        lines, gone = write(clips, Path(folder))
        # Errors first: clips told of there are not done again, the others are until the last table is there.
        refuse(out, gone, clips)
        for table in ORDER if lines else ():
            file = Path(folder) / f"{table}.parquet"
            if file.exists():
                name = f"{table}/shard-{_key(clips)}.parquet"
                written += file.stat().st_size
                (target / name).put(file)
    return Made(len(clips), lines, tuple(gone), time.perf_counter() - began, written, name)


def refuse(out: str, gone: Sequence[Excluded], clips: Sequence[Clip]) -> None:
    """Tell of clips that could not be used in the table of errors; those that were not reached are left to do."""
    paths = {c.id: c.path for c in clips}
    gone = [e for e in gone if not isinstance(e, Unreached)]
    if not gone:
        return
    import pyarrow as pa

    lines = [
        {"id": _text(e.path), "reason": e.reason, "path": _text(spelled(paths[e.path])), **origin.of(paths[e.path])}
        for e in gone
    ]
    schema = pa.schema([*((name, pa.string()) for name in ("id", "reason", "path")), *origin.schema()])
    key = hashlib.sha256("\n".join(e.path for e in gone).encode(errors="backslashreplace")).hexdigest()[:16]
    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        file = Path(folder) / f"shard-{key}.parquet"
        parquet.write(pa.Table.from_pylist(lines, schema=schema), file)
        (place(out) / ERRORS / file.name).put(file)


def _key(clips: Sequence[Clip]) -> str:
    return hashlib.sha256("\n".join(c.id for c in clips).encode(errors="backslashreplace")).hexdigest()[:16]


def _text(value: str) -> str:
    return value.encode(errors="backslashreplace").decode()  # a name may be no UTF-8


@dataclass(frozen=True)
class Unreached(Excluded):
    """A file that could not be reached now; the next run tries it again."""


def unusable(clip: Clip, error: AudioError) -> Excluded:
    """A clip that could not be used, as what is told of it."""
    return (Unreached if isinstance(error, UnreachedError) else Excluded)(clip.id, error.reason)


def near(clips: Iterable[Clip], folder: Path) -> Iterator[tuple[list[Clip], Path | AudioError]]:
    """Clips of one file after another, and where it lies here, or why it does not.

    What is remote is fetched while the file before is worked on, and deleted after it: at most two lie here. Where
    several one after another are not reached, no more are asked for.
    """
    failed: list[UnreachedError] = []

    def fetched(number: int, path: Path) -> Path | AudioError:
        if not is_remote(path):
            return _closed(path) or path
        if len(failed) >= SEVERAL:
            return UnreachedError(path, failed[-1].reason)
        there = place(path)
        here = folder / f"sound-{number}{Path(there.path).suffix}"
        try:
            there.fetch(here)
        except AudioError as error:
            here.unlink(missing_ok=True)
            if isinstance(error, UnreachedError):
                failed.append(error)
            return error
        failed.clear()
        return here

    with interrupts.pool(1) as fetching:
        waiting: deque[tuple[list[Clip], Future[Path | AudioError]]] = deque()

        def first() -> Iterator[tuple[list[Clip], Path | AudioError]]:
            group, coming = waiting.popleft()
            here = coming.result()
            yield group, here
            if isinstance(here, Path) and here.parent == folder:
                here.unlink(missing_ok=True)

        for number, (path, group) in enumerate(groupby(clips, key=lambda c: c.path)):
            waiting.append((list(group), fetching.submit(fetched, number, path)))
            if len(waiting) > 1:
                yield from first()
        while waiting:
            yield from first()


def _closed(path: Path) -> UnreachedError | None:
    """Why a file here cannot be opened now, though it is there; None also for one that is not there, or no file."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENAMETOOLONG):
            return UnreachedError(path, f"unreadable: {error.strerror or error}")
    return None


def _write_embeddings(
    backbone: Backbone, pool: str, about: Mapping[str, Any], clips: Sequence[Clip], folder: Path
) -> tuple[int, list[Excluded]]:
    gone: list[Excluded] = []

    def sounds() -> Iterator[tuple[Clip, Iterable[Floats]]]:
        for group, here in near(clips, folder):
            if isinstance(here, AudioError):
                gone.extend(unusable(c, here) for c in group)
                continue
            # Embeddings of a long sound wait on the disk; see embeddings.Cache.
            with tempfile.TemporaryDirectory(dir=folder) as held:
                for clip in group:
                    (one,) = embedded([replace(clip, path=here)], backbone, cache=Cache(Path(held)), workers=1)
                    if isinstance(one, Excluded):
                        gone.append(one)
                    else:
                        yield clip, one.blocks

    return write_shard(folder, stream_blocks(sounds(), backbone, pool), about), gone


def write_store(
    out: str | Path, embeddings: Embeddings, dataset: Dataset, backbone: Backbone, pool: str = WINDOWS
) -> list[Made]:
    """Write embeddings that are at hand, with their targets, and the annotations of the data set, as a store.

    Clips that lie there are not written again. Raises DataError if something else lies at ``out``.
    """
    target, kept = place(out), set(embeddings.ids)
    classes = {"classes": list(embeddings.targets.classes)} if dataset.task is Task.MULTI and embeddings.targets else {}
    own = Embedding(Part.of(backbone.name, backbone.params), None, backbone.fingerprint, backbone.shape, Pooling(pool))
    about = {**own.facts, "task": str(dataset.task), **classes}
    agree(target, about)
    done = _done(target, dataset.clips)
    for table, columns, found in (
        ("annotations", ANNOTATIONS, dataset.annotations),
        ("annotated", SPANS, spans(dataset.annotated)),
    ):
        if found:
            with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
                key = hashlib.sha256(repr(found).encode(errors="backslashreplace")).hexdigest()[:16]
                write_parquet(file := Path(folder) / f"shard-{key}.parquet", found, columns)
                (target / table / file.name).put(file)

    def write(clips: Sequence[Clip], folder: Path) -> tuple[int, list[Excluded]]:
        chosen = embeddings.select([c.id for c in clips])
        return write_shard(folder, blocks_of(chosen, dataset, pool), about), []

    left_to_do = [c for c in dataset.clips if c.id in kept and _text(c.id) not in done]
    return [make(write, str(out), clips) for clips in cut(left_to_do, workers=1)]


# ------------------------------------------------------------------------------------------------- all shards
def all_unreached(made: Made) -> bool:
    """True if no clip of a shard was reached."""
    return made.clips == sum(isinstance(one, Unreached) for one in made.excluded)


def left(work: Work, out: str, clips: Sequence[Clip]) -> list[Clip]:
    """Clips that do not lie at ``out`` yet, neither as embeddings nor as errors.

    Raises DataError if something else lies there, or a clip with another label or group than it has now.
    """
    target = place(out)
    agree(target, work.facts)
    done = _done(target, clips)
    # Workers may stand in another folder.
    return [c if is_remote(c.path) else replace(c, path=c.path.absolute()) for c in clips if _text(c.id) not in done]


def cut(clips: Sequence[Clip], *, workers: int, largest: int = LARGEST) -> list[Sequence[Clip]]:
    """Shards of at most ``largest`` clips, and of fewer if each worker would get less than 16 shards: so that all end at one time."""
    size = max(1, min(largest, -(-len(clips) // (16 * workers))))
    return [clips[i : i + size] for i in range(0, len(clips), size)]


def _done(target: Place, clips: Sequence[Clip]) -> set[str]:
    """Names of the clips that are there. Raises DataError if one of them has another label or group now."""
    now = {_text(c.id): c for c in clips}
    found = facts(target)
    if found["holds"] == EMBEDDINGS:
        recordings = Recordings(target, found)
        files = shards_of(target, found)
        look: Callable[[Place], _Lines] = lambda f: [recordings.line(f, c.id) for c, _, _ in recordings.of(f)]  # noqa: E731
    else:
        files, look = (target / ANSWERS).below(), _lines
    done: set[str] = set()
    with interrupts.pool(min(32, 4 * (os.cpu_count() or 1))) as pool:
        there = [*zip(files, pool.map(look, files), strict=True)]
        refused = [one for lines in pool.map(_lines, (target / ERRORS).below()) for one in lines]
    # A sound that could not be used and is another one now is tried again.
    done |= {one["id"] for one in refused if one["id"] not in now or not origin.came(one, now[one["id"]])}
    for file, line in ((file, line) for file, lines in there for line in lines):
        name = line["id"]
        done.add(name)
        if name not in now:
            continue
        if not origin.same(line, now[name]):
            raise DataError(
                f"{target}: the clip {name!r} lies there, done with another sound than {spelled(now[name].path)} "
                f"({line['path']}, or what was there before). Write to another folder, or delete {file}: its clips are then done again"
            )
        told, wanted = (line.get("label"), line.get("group")), (now[name].label or None, now[name].group or None)
        if "label" in line and told != wanted:
            raise DataError(
                f"{target}: the clip {name!r} lies there with label {told[0]!r} and group {told[1]!r}; the data now say "
                f"{wanted[0]!r} and {wanted[1]!r}. Write to another folder, or give the labels when you "
                "compare (earmark compare TABLE --embeddings FOLDER)"
            )
    return done


def _lines(file: Place) -> _Lines:
    found: _Lines = read_columns(file, ["id", "path", *origin.COLUMNS]).to_pylist()
    return found


def local(work: Work, out: str, shards: Sequence[Sequence[Clip]], *, workers: int | None = None) -> Iterator[Made]:
    """Do shards here, several at once, as they get done. Raises what ``make`` raises."""
    write = work.open()
    with interrupts.pool(workers) as pool:
        waiting = deque(pool.submit(make, write, out, shard) for shard in shards)
        while waiting:
            yield waiting.popleft().result()
