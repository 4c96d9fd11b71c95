"""Corpora in parts: the clips of a data set are cut into parts, each is worked on by itself and written as one file.

::

    OUT/
      earmark.json              what was done: backbone or model, with its fingerprint
      embeddings/part-<hash>.parquet  embeddings of clips (id, path, label, group, start, end, embedding, fingerprint), or answers
      errors/part-<hash>.parquet  clips that could not be used (id, reason)

A part appears when it is whole, or never; its name is a hash of its clips, so that done twice it is there once. To
resume is to read the names of the clips that are there, and to cut the rest into parts. ``OUT`` is a folder or a URI.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from math import prod
from pathlib import Path
from typing import Any, Protocol

from ..backbones.base import Backbone, Floats, load_backbone
from ..core import plugins
from ..core.errors import AudioError, DataError
from ..core.paths import is_remote
from ..core.spec import Part
from ..core.storage import Place, place
from ..data.cache import Cache
from ..data.clips import Clip, Excluded
from .files import write_stream
from .make import embedded
from .pooling import by_vector, statistics

FACTS = "earmark.json"
LARGEST = 256  # clips of a part: 64 MB of embeddings of YAMNet, a minute of work
Write = Callable[[Sequence[Clip], Path], tuple[int, list[Excluded]]]  # clips, file -> lines written, clips excluded


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
    pool: str = "windows"

    @classmethod
    def of(cls, part: Part, pool: str = "windows") -> Embedding:
        """Raises RecipeError, WeightsError."""
        built = load_backbone(part)
        if by_vector(pool):
            statistics(pool)
        elif pool != "windows":
            raise DataError(f"the pooling is {pool!r}; wanted windows, or statistics: mean, mean+std, max, …")
        return cls(part, built.net.content if built.net else None, built.fingerprint, built.shape, pool)

    @property
    def facts(self) -> dict[str, Any]:
        return {"holds": "embeddings", "backbone": self.part.name, "params": self.part.kwargs, "pool": self.pool,
                "shape": list(self.shape), "fingerprint": self.fingerprint}  # fmt: skip

    def open(self) -> Write:
        """Raises DataError if the backbone here is another."""
        given: dict[str, Any] = {} if self.net is None else {"weights": self.net}
        backbone: Backbone = plugins.build("backbones", self.part.name, **{**self.part.kwargs, **given})
        if backbone.fingerprint != self.fingerprint:
            raise DataError(
                f"{self.part}: the front end on this machine is not the one the work was given for. Wanted: the same "
                "version of Earmark on every machine"
            )
        return partial(_write_embeddings, backbone, self.pool)


# ------------------------------------------------------------------------------------------------- one part
@dataclass(frozen=True)
class Made:
    """A part that is done."""

    clips: int
    lines: int
    excluded: tuple[Excluded, ...]
    seconds: float
    written: int = 0  # bytes
    name: str = ""  # of its file, if it has lines


def make(write: Write, out: str, clips: Sequence[Clip]) -> Made:
    """Work on the clips of one part and write it. Raises DataError, BundleError."""
    began, target = time.perf_counter(), place(out)
    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        file = Path(folder) / f"part-{_key(clips)}.parquet"
        lines, gone = write(clips, file)
        written = file.stat().st_size if lines else 0
        refuse(
            out, gone
        )  # first: clips told of there are not done again, the others are until the embeddings are there
        if lines:
            (target / "embeddings" / file.name).put(file)
    name = f"embeddings/{file.name}" if lines else ""
    return Made(len(clips), lines, tuple(gone), time.perf_counter() - began, written, name)


def refuse(out: str, gone: Sequence[Excluded]) -> None:
    """Tell of clips that could not be used in the table of errors."""
    if not gone:
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    key = hashlib.sha256("\n".join(e.path for e in gone).encode(errors="backslashreplace")).hexdigest()[:16]
    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        file = Path(folder) / f"part-{key}.parquet"
        pq.write_table(pa.table({"id": [_text(e.path) for e in gone], "reason": [e.reason for e in gone]}), file)
        (place(out) / "errors" / file.name).put(file)


def _key(clips: Sequence[Clip]) -> str:
    return hashlib.sha256("\n".join(c.id for c in clips).encode(errors="backslashreplace")).hexdigest()[:16]


def _text(value: str) -> str:
    return value.encode(errors="backslashreplace").decode()  # a name may be no UTF-8


def _near(clips: Iterable[Clip], folder: Path) -> Iterator[tuple[list[Clip], Path | str]]:
    """Clips of one file after another, and where it lies here, or why it does not.

    What is remote is fetched while the file before is worked on, and deleted after it: at most two lie here.
    """

    def fetched(number: int, path: Path) -> Path | str:
        if not is_remote(path):
            return path
        there = place(path)
        here = folder / f"sound-{number}{Path(there.path).suffix}"
        try:
            there.fetch(here)
        except AudioError as error:
            here.unlink(missing_ok=True)
            return error.reason
        return here

    with ThreadPoolExecutor(1) as fetching:
        waiting: deque[tuple[list[Clip], Future[Path | str]]] = deque()

        def first() -> Iterator[tuple[list[Clip], Path | str]]:
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


def _write_embeddings(backbone: Backbone, pool: str, clips: Sequence[Clip], file: Path) -> tuple[int, list[Excluded]]:
    gone: list[Excluded] = []

    def sounds() -> Iterator[tuple[Clip, Iterable[Floats]]]:
        for group, here in _near(clips, file.parent):
            if isinstance(here, str):
                gone.extend(Excluded(c.id, here) for c in group)
                continue
            # Embeddings of a long sound wait on the disk; see embeddings.Cache.
            with tempfile.TemporaryDirectory(dir=file.parent) as held:
                for clip in group:
                    (one,) = embedded([replace(clip, path=here)], backbone, cache=Cache(Path(held)), workers=1)
                    if isinstance(one, Excluded):
                        gone.append(one)
                    else:
                        yield clip, one.blocks

    return write_stream(file, sounds(), backbone, pool), gone


# ------------------------------------------------------------------------------------------------- all parts
def left(work: Work, out: str, clips: Sequence[Clip]) -> list[Clip]:
    """Clips that do not lie at ``out`` yet, neither as embeddings nor as errors.

    Raises DataError if something else lies there, or a clip with another label or group than it has now.
    """
    target = place(out)
    _agree(target, work.facts)
    done = _done(target, clips)
    # Workers may stand in another folder.
    return [c if is_remote(c.path) else replace(c, path=c.path.absolute()) for c in clips if _text(c.id) not in done]


def cut(clips: Sequence[Clip], *, workers: int, largest: int = LARGEST) -> list[Sequence[Clip]]:
    """Parts of at most ``largest`` clips, and of fewer if each worker would get less than 16 parts: so that all end at one time."""
    size = max(1, min(largest, -(-len(clips) // (16 * workers))))
    return [clips[i : i + size] for i in range(0, len(clips), size)]


def _agree(target: Place, wanted: dict[str, Any]) -> None:
    content = (target / FACTS).read()
    if content is None:
        if target.holds_something():
            raise DataError(f"{target}: found files there, and no {FACTS}; choose an empty folder or a new name")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / FACTS
            file.write_text(json.dumps(wanted, indent=1, ensure_ascii=False) + "\n", "utf-8")
            (target / FACTS).put(file)
        return
    found = facts(target)
    for name, value in json.loads(json.dumps(wanted)).items():
        if name != "params" and found.get(name) != value:  # spelled otherwise they may be the same: see fingerprint
            raise DataError(
                f"{target}: holds {found.get('holds')} of {found.get('backbone') or found.get('model')} with the {name} "
                f"{found.get(name)!r}; now it is {value!r}. Choose another folder: what does not agree is not mixed"
            )


def facts(target: Place) -> dict[str, Any]:
    """What ``earmark.json`` of a store says. Raises DataError if there is none."""
    content = (target / FACTS).read()
    try:
        found = json.loads(content or b"")
        if found["holds"] not in ("embeddings", "answers"):
            raise ValueError(f"holds {found['holds']!r}")
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(
            f"{target}: is not a store ({FACTS} is missing or damaged: {error}). Wanted: what "
            "`earmark embed … --out FOLDER/` wrote"
        ) from error
    return dict(found)


def read_columns(file: Place, columns: Sequence[str] | None = None) -> Any:
    """Columns of one Parquet file as a pyarrow table. Raises DataError if it is damaged."""
    import pyarrow.parquet as pq

    try:
        with file.files.open_input_file(file.path) as opened:
            return pq.ParquetFile(opened).read(columns=list(columns) if columns else None)
    except (OSError, ValueError, LookupError) as error:
        raise DataError(
            f"{file}: not a readable part ({str(error).splitlines()[0][:200]}). Delete it and run again: its clips are done anew"
        ) from error


def _done(target: Place, clips: Sequence[Clip]) -> set[str]:
    """Names of the clips that are there. Raises DataError if one of them has another label or group now."""
    told = {_text(c.id): (c.label or None, c.group or None) for c in clips}
    labelled = facts(target)["holds"] == "embeddings"
    done: set[str] = set()

    def look(file: Place) -> list[tuple[str, Any, Any]]:
        embeddings = labelled and file.path.startswith(f"{target.path.rstrip('/')}/embeddings/")
        found = read_columns(file, ["id", "label", "group"] if embeddings else ["id"])
        seen = found.group_by(found.column_names, use_threads=False).aggregate([])
        return [(d["id"], d.get("label"), d.get("group") if embeddings else ()) for d in seen.to_pylist()]

    with ThreadPoolExecutor(min(32, 4 * (os.cpu_count() or 1))) as pool:
        for lines in pool.map(look, [*(target / "embeddings").below(), *(target / "errors").below()]):
            for name, label, group in lines:
                if group != () and name in told and told[name] != (label, group):
                    raise DataError(
                        f"{target}: the clip {name!r} lies there with label {label!r} and group {group!r}; the data now say "
                        f"{told[name][0]!r} and {told[name][1]!r}. Write to another folder, or give the labels when you "
                        "compare (earmark compare TABLE --embeddings FOLDER)"
                    )
                done.add(name)
    return done


def local(work: Work, out: str, parts: Sequence[Sequence[Clip]], *, workers: int | None = None) -> Iterator[Made]:
    """Do parts here, several at once, as they get done. Raises what ``make`` raises."""
    write = work.open()
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        waiting = deque(pool.submit(make, write, out, part) for part in parts)
        try:
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def embedding_width(found: dict[str, Any]) -> int:
    """Numbers in a window of a store of embeddings, by its facts."""
    return int(prod(found["shape"])) * (len(statistics(found["pool"])) if by_vector(found["pool"]) else 1)
