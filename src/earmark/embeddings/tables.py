"""What lies in a store: tables of Parquet, a file a shard, and ``earmark.json``.

::

    OUT/
      earmark.json                    format, task (and classes), what was done: backbone or model, with its fingerprint
      embeddings/shard-<hash>.parquet  id (of the clip), recording, start, end, embedding, fingerprint: a line a window
      recordings/shard-<hash>.parquet  id, recording, path, label, group, fold, start, duration, windows,
                                  bytes, modified, sha256 (of the file): a line a clip
      targets/shard-<hash>.parquet     id, start, end, targets (1, 0, NaN a class): of a multi-label task, a line a window
      annotations/, annotated/        who heard what where, and where somebody looked (``data.annotation_files``)
      answers/shard-<hash>.parquet     instead of all these: what a model said, a line a clip
      errors/shard-<hash>.parquet      clips that could not be used (id, reason, path, bytes, …)

What people say of sounds stands apart from what backbones make of them: new labels leave the embeddings as they are.
Stores of format 1 (Earmark 0.1) have everything in one table; they are read, and not added to.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import Floats
from ..core import legacy, parquet, seal
from ..core.errors import DataError
from ..core.paths import spelled
from ..core.storage import Place
from ..core.text import first_line
from ..data.clips import Clip, writable
from ..data.targets import Targets, Task, task
from . import origin
from .files import FORMAT, Block, Columns, batches, width_of, write_parquet

FACTS = "earmark.json"
EMBEDDINGS, RECORDINGS, TARGETS, ANSWERS, ERRORS = "embeddings", "recordings", "targets", "answers", "errors"
# A shard's tables as they are put: a clip is done when the last is there.
ORDER = (TARGETS, RECORDINGS, ANSWERS, EMBEDDINGS)
_OLD = ["id", "path", "label", "group", "fold"]  # of format 1, in the table of the embeddings


# ------------------------------------------------------------------------------------------------- what was done
def facts(target: Place, *, damaged: bool = False) -> dict[str, Any]:
    """What ``earmark.json`` of a store says, with ``format`` and ``task``. Raises DataError if there is none, or it was
    changed; ``damaged``: then it is told all the same, as far as it can be read.
    """
    content = (target / FACTS).read()
    try:
        found = json.loads(content or b"")
        number, broken = found.get("format", 1), seal.broken(found)
        if number == 1:
            found = {"format": 1, "task": str(Task.SINGLE), **legacy.file_facts(found)}
        if found["holds"] not in (EMBEDDINGS, ANSWERS):
            raise ValueError(f"holds {found['holds']!r}")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{target}: is not a store ({FACTS} is missing or damaged: {error}). Wanted: what "
            "`earmark embed … --out FOLDER/` wrote"
        ) from error
    if number not in (1, FORMAT):
        raise DataError(
            f"{target}: found a store of format {number!r}; this Earmark reads {FORMAT} and 1. Use a newer Earmark"
        )
    if task(found.get("task")) is Task.MULTI and not isinstance(found.get("classes"), list):
        raise DataError(f"{target}: {FACTS} says multi-label and names no classes. Write the store again")
    if broken and not damaged:
        raise DataError(
            f"{target}: {FACTS} is damaged (its checksum differs: it was changed since it was written). Get a fresh copy "
            "of it, or write the store again"
        )
    return dict(found)


def agree(target: Place, wanted: Mapping[str, Any]) -> None:
    """Tell in ``earmark.json`` what is done; raise DataError if something else was done there before."""
    content = (target / FACTS).read()
    if content is None:
        if target.holds_something():
            raise DataError(f"{target}: found files there, and no {FACTS}; choose an empty folder or a new name")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / FACTS
            file.write_text(json.dumps(seal.sealed(wanted), indent=1, ensure_ascii=False) + "\n", "utf-8")
            (target / FACTS).put(file)
        return
    found = facts(target)
    if found["format"] != FORMAT:
        raise DataError(
            f"{target}: was written by Earmark 0.1. It is read as it is, and not added to: choose another folder"
        )
    for name, value in json.loads(json.dumps(wanted)).items():
        if name != "params" and found.get(name) != value:  # spelled otherwise they may be the same: see fingerprint
            raise DataError(
                f"{target}: holds {found.get('holds')} of {found.get('backbone') or found.get('model')} with the {name} "
                f"{found.get(name)!r}; now it is {value!r}. Choose another folder: what does not agree is not mixed"
            )


def embedding_width(found: Mapping[str, Any]) -> int:
    """Numbers in a line of a store of embeddings, by its facts."""
    return width_of(found["shape"], found["pool"])


# ------------------------------------------------------------------------------------------------- writing
def write_shard(folder: Path, blocks: Iterable[Block], about: Mapping[str, Any]) -> int:
    """Write ``<table>.parquet`` of each table of a shard into a folder; returns how many windows there are."""
    import pyarrow as pa

    clips: dict[str, dict[str, Any]] = {}
    kept: list[Columns] = []
    classes = about.get("classes")

    def noted() -> Iterator[Block]:
        for block in blocks:
            line = clips.setdefault(block.clip.id, {**_facts_of(block.clip), "recording": writable(block.recording)})
            line["windows"] += len(block.X)
            yield block

    def told() -> Iterator[tuple[Columns, Floats]]:
        for columns, X in batches(noted(), embedding_width(about), classes):
            kept.append({name: columns[name] for name in ("id", "start", "end", TARGETS)} if classes else {})
            yield columns, X

    write_parquet(
        folder / f"{EMBEDDINGS}.parquet", told(), embedding_width(about), about, ("id", "recording"), targets=False
    )
    texts = [(name, pa.string()) for name in ("id", "recording", "path", "label", "group", "fold")]
    numbers = [("start", pa.float64()), ("duration", pa.float64()), ("windows", pa.int64()), *origin.schema()]
    table = pa.Table.from_pylist(list(clips.values()), schema=pa.schema([*texts, *numbers]))
    parquet.write(table, folder / f"{RECORDINGS}.parquet")
    if classes:
        values = np.concatenate([k[TARGETS] for k in kept])
        said = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), len(classes))
        columns = [
            [i for k in kept for i in k["id"]],
            *(np.concatenate([k[n] for k in kept]) for n in ("start", "end")),
        ]
        made = pa.table([*columns, said], names=["id", "start", "end", TARGETS])
        parquet.write(made, folder / f"{TARGETS}.parquet")
    return sum(line["windows"] for line in clips.values())


def _facts_of(clip: Clip) -> dict[str, Any]:
    texts = {"id": clip.id, "path": spelled(clip.path), "label": clip.label, "group": clip.group, "fold": clip.fold}
    return {
        **{name: writable(value) if value else None for name, value in texts.items()},
        "start": clip.start,
        "duration": clip.duration,
        "windows": 0,
        **origin.of(clip.path),
    }


# ------------------------------------------------------------------------------------------------- reading
def read_columns(file: Place, columns: Sequence[str] | None = None, *, whole: bool = False) -> Any:
    """Columns of one Parquet file as a pyarrow table; ``whole`` as in ``core.parquet``. Raises DataError if it is damaged."""
    try:
        with file.files.open_input_file(file.path) as opened:
            return parquet.read(opened, columns, whole=whole)
    except (OSError, ValueError, LookupError) as error:
        raise DataError(
            f"{file}: not a readable shard ({first_line(error)}). Delete it and run again: its clips are done anew"
        ) from error


def file_name(file: Place) -> str:
    """The last part of its path: the tables of a shard are called alike."""
    return file.path.rpartition("/")[2]


def shards_of(where: Place, found: Mapping[str, Any]) -> list[Place]:
    """The files of embeddings in a store."""
    return (where / (legacy.STORE_FOLDER if found["format"] == 1 else EMBEDDINGS)).below()


class Recordings:
    """Facts of the clips of a store, by shard."""

    def __init__(self, where: Place, found: Mapping[str, Any]) -> None:
        self._old = found["format"] == 1
        self._lines: dict[tuple[str, str], dict[str, Any]] = {}
        for file in () if self._old else (where / RECORDINGS).below():
            for line in read_columns(file).to_pylist():
                # A shard knows its own clips; one that was moved here under another name finds them all the same.
                self._lines[file_name(file), line["id"]] = self._lines[line["id"], ""] = line

    def of(self, file: Place) -> list[tuple[Clip, str, int]]:
        """(clip, recording, how many windows) of a file of embeddings, in its order. Raises DataError."""
        lines = read_columns(file, _OLD if self._old else ["id"])
        names, index = numbered(lines.column("id"))
        counts = np.bincount(index, minlength=len(names))
        if self._old:
            told = lines.take(np.unique(index, return_index=True)[1]).to_pylist()
        else:
            told = [self.line(file, name) for name in names]
        return [
            (_clip(line), line.get("recording") or line["id"], int(n)) for line, n in zip(told, counts, strict=True)
        ]

    def line(self, file: Place, name: str) -> dict[str, Any]:
        """The line of a clip in a shard. Raises DataError."""
        line = self._lines.get((file_name(file), name)) or self._lines.get((name, ""))
        if line is None:
            raise DataError(
                f"{file}: nothing in {RECORDINGS}/ tells of its clip {name!r}. Copy the file of the same name there, or delete "
                "this one and run embed again"
            )
        return line


def _clip(line: Mapping[str, Any]) -> Clip:
    return Clip(
        line["id"],
        Path(line["path"] or line["id"]),
        line["label"],
        line["group"],
        line["fold"],
        line.get("start") or 0.0,
        line.get("duration"),
    )


def read_targets(where: Place, file: Place, found: Mapping[str, Any], windows: Any) -> Targets:
    """Targets of the windows of a file of embeddings; ``windows``: its id and start. Raises DataError."""
    said = where / TARGETS / file_name(file)
    table = read_columns(said, ["id", "start", TARGETS], whole=True)
    if not (table.column("id").equals(windows.column("id")) and _same(table, windows)):
        raise DataError(f"{said}: is not of the windows of {file}, line by line. Write the targets of this shard again")
    classes = tuple(found["classes"])
    values = np.asarray(table.column(TARGETS).combine_chunks().flatten(), np.float32).reshape(len(table), -1)
    try:
        return Targets(classes, values, task(found["task"]))
    except DataError as error:
        raise DataError(f"{said}: {error}") from error


def _same(a: Any, b: Any) -> bool:
    return np.array_equal(np.asarray(a.column("start")), np.asarray(b.column("start")), equal_nan=True)


def numbered(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Names in order of their first line, and the number of the name of each line."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices, np.int64)
