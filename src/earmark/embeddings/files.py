"""Embeddings in a file that other programs read: Parquet, NPZ or CSV.

Columns: ``id, path, label, group, fold, recording, start, end, embedding`` (Parquet: a list of float32, and the backbone's
``fingerprint``; CSV: ``v0, v1, …``). Of a multi-label task also the ``targets`` of each window (1, 0, NaN: not looked
at), a number a class, and the ``classes`` (Parquet: in the metadata; CSV: a column ``target:CLASS`` each, empty for NaN).
What was excluded stands in the metadata, with its reason (not in CSV, which has none). Annotations lie beside the file
(``annotation_files``). Embeddings with more than one axis are flattened; their shape
stands in the file's metadata (``shape`` in NPZ). Embeddings are written as they come: memory grows neither with the
number of sounds nor with their length.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from ..backbones.base import Backbone, Floats
from ..core import excel, npy, parquet, seal
from ..core.errors import DataError, MissingExtraError
from ..core.outputs import EMBEDDINGS, check
from ..core.paths import spelled
from ..data.annotation_files import ANNOTATIONS, SPANS, beside, write_csv, written
from ..data.annotations import Annotation, Span, spans
from ..data.clips import Clip, Dataset, Excluded
from ..data.overlap import targets_of
from ..data.targets import Targets, Task
from ..data.windows import Windows
from .make import Embeddings
from .pooling import WINDOWS, Pooling, Running

Columns = dict[str, Any]
Batches = Iterable[tuple[Columns, Floats]]
Write = Callable[[Path, Batches, int, Mapping[str, Any]], None]
FORMAT = 2  # of files and stores; 1: what Earmark 0.1 wrote
TARGET = "target:"  # before a class, in the head of a CSV
_NAMES = ("id", "path", "label", "group", "fold", "recording")
_BATCH = 2**21  # values (8 MB) written at a time


class Block(NamedTuple):
    """Some windows of a clip: ``start``, ``end`` (n,) s in the recording, ``X`` (n, width), and their targets if known."""

    clip: Clip
    recording: str
    start: Any
    end: Any
    X: Floats
    targets: Targets | None = None


def write(
    out: Path,
    embeddings: Embeddings,
    dataset: Dataset,
    backbone: Backbone,
    pool: str = WINDOWS,
    *,
    force: bool = False,
) -> int:
    """Write embeddings, or one pooled vector per clip, and the annotations of the data set beside them.

    Embeddings that lie at ``out`` are replaced when the new file is whole. Returns how many lines were written. Raises
    DataError for an ending that is none of .parquet, .npz, .csv, and if something else lies at ``out`` or beside it,
    unless ``force``.
    """
    facts = file_facts(backbone, pool, dataset.task, embeddings.targets.classes if embeddings.targets else ())
    gone = {e.path: e for e in (*dataset.excluded, *embeddings.excluded.values())}
    told = dataset.annotations, spans(dataset.annotated)
    blocks = blocks_of(embeddings, dataset, pool)
    return _write(out, blocks, backbone, facts, told, excluded=tuple(gone.values()), force=force)


def write_stream(
    out: Path,
    sounds: Iterable[tuple[Clip, Iterable[Floats]]],
    backbone: Backbone,
    pool: str = WINDOWS,
    *,
    dataset: Dataset | None = None,
    excluded: Sequence[Excluded] = (),
    force: bool = False,
) -> int:
    """The same for clips whose embeddings come in blocks; ``dataset`` says what windows of a multi-label task are.

    ``excluded`` may grow while they come.
    """
    blocks = stream_blocks(sounds, backbone, pool)
    if dataset is None or dataset.task is not Task.MULTI:
        return _write(out, blocks, backbone, file_facts(backbone, pool), excluded=excluded, force=force)
    facts = file_facts(backbone, pool, dataset.task, dataset.classes)
    told = dataset.annotations, spans(dataset.annotated)
    return _write(out, _with_targets(blocks, dataset), backbone, facts, told, excluded=excluded, force=force)


def _with_targets(blocks: Iterable[Block], dataset: Dataset) -> Iterator[Block]:
    """Blocks with what their windows are, by the annotations of their recordings."""
    of: dict[str, list[Annotation]] = defaultdict(list)
    for one in dataset.annotations:
        of[one.path].append(one)
    for block in blocks:
        windows = Windows(np.full(len(block.X), block.recording), block.start, block.end)
        told = targets_of(windows, of[block.recording], dataset.annotated, dataset.classes)
        yield block._replace(targets=told)


def file_facts(backbone: Backbone, pool: str, task: Task = Task.SINGLE, classes: Sequence[str] = ()) -> dict[str, Any]:
    """What a file says of the embeddings in it."""
    named = {"classes": list(classes)} if task is Task.MULTI else {}
    return {
        "format": FORMAT,
        "task": str(task),
        **named,
        "backbone": backbone.name,
        "fingerprint": backbone.fingerprint,
        "shape": list(backbone.shape),
        "pool": pool,
        **({"params": dict(backbone.params)} if backbone.params else {}),
    }


def width_of(shape: Sequence[int], pool: str) -> int:
    """Numbers in a line, by the shape of an embedding and the pooling."""
    return prod(shape) * max(1, len(Pooling(pool).statistics))


def _write(
    out: Path,
    blocks: Iterable[Block],
    backbone: Backbone,
    facts: dict[str, Any],
    told: tuple[Sequence[Annotation], Sequence[Span]] = ((), ()),
    *,
    excluded: Sequence[Excluded],
    force: bool,
) -> int:
    check(out, EMBEDDINGS, force=force)
    tables: list[tuple[Path, Sequence[Annotation | Span], tuple[str, ...]]] = []
    tables += zip(beside(out), told, (ANNOTATIONS, SPANS), strict=True)
    for path, found, _ in tables:
        if found and path.exists() and not written(path) and not force:
            raise DataError(
                f"{path} exists and was not written by embed. Nothing of yours is overwritten: choose another place with "
                "--out, or say --force to have it replaced"
            )
    write_part = writer(out)
    width = width_of(backbone.shape, str(facts["pool"]))
    written_lines = 0

    def counted() -> Iterator[tuple[Columns, Floats]]:
        nonlocal written_lines
        for columns, X in batches(blocks, width, facts.get("classes")):
            written_lines += len(X)
            yield columns, X
        if excluded:  # all are known now
            facts["excluded"] = [[one.path, one.reason] for one in excluded]

    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".earmark-", dir=out.parent) as temporary:
        part = Path(temporary) / out.name
        write_part(part, counted(), width, facts)
        part.replace(out)
    for path, found, columns in tables:
        if found:
            write_csv(path, found, columns)
        elif written(path):  # what was said of the embeddings that lay here before
            path.unlink()
    return written_lines


def writer(out: Path) -> Write:
    """What writes a file of that ending. Raises DataError if it is none of .parquet, .npz, .csv."""
    writers: dict[str, Write] = {".parquet": write_parquet, ".npz": _npz, ".csv": _csv}
    if out.suffix.lower() not in writers:
        raise DataError(f"{out}: found the ending {out.suffix!r}; wanted .parquet, .npz or .csv")
    return writers[out.suffix.lower()]


def stream_blocks(sounds: Iterable[tuple[Clip, Iterable[Floats]]], backbone: Backbone, pool: str) -> Iterator[Block]:
    """Blocks of clips whose embeddings come in blocks (windows, *shape)."""
    for clip, parts in sounds:
        name = clip.recording_id
        running, count = Running(pool) if Pooling(pool).by_vector else None, 0
        for part in parts:
            if running:
                running.add(part)
            else:
                start = clip.start + backbone.hop * np.arange(count, count + len(part))
                yield Block(clip, name, start, start + backbone.window, part.reshape(len(part), -1))
            count += len(part)
        if running:
            end = clip.start + backbone.hop * (count - 1) + backbone.window
            yield Block(clip, name, np.array([clip.start]), np.array([end]), running.vector()[None])


def blocks_of(embeddings: Embeddings, dataset: Dataset, pool: str) -> Iterator[Block]:
    """Blocks of embeddings that are at hand, a clip each. Raises DataError for a multi-label task without targets."""
    if (dataset.task is Task.MULTI) != (embeddings.targets is not None and embeddings.targets.task is Task.MULTI):
        raise DataError(
            f"{dataset.name}: the task is {dataset.task}, and the embeddings have "
            f"{'targets of the other task' if embeddings.targets else 'no targets'}; wanted targets of each window where the "
            "task is multi-label, and labels of clips where it is single-label"
        )
    by_id = {c.id: c for c in dataset.clips}
    cuts = np.searchsorted(embeddings.clip, np.arange(len(embeddings.ids) + 1))
    targets = embeddings.targets
    for i, (name, recording) in enumerate(zip(embeddings.ids, embeddings.recordings, strict=True)):
        own = slice(cuts[i], cuts[i + 1])
        start, end, X = embeddings.start[own], embeddings.end[own], embeddings.X[own]
        said = None if targets is None else targets[own]
        if Pooling(pool).by_vector:
            running = Running(pool)
            running.add(X)
            start, end, X = start[:1], end[-1:], running.vector()[None]
            said = None if said is None else said.pooled(np.zeros(len(said), np.int64), 1)
        yield Block(by_id[name], recording, start, end, X.reshape(len(X), -1), said)


def batches(
    blocks: Iterable[Block], width: int, classes: Sequence[str] | None = None
) -> Iterator[tuple[Columns, Floats]]:
    """Columns and embeddings of so many lines that writing them is worth its while; at least one batch."""
    held: list[Block] = []

    def joined() -> tuple[Columns, Floats]:
        columns: Columns = {
            name: [value for b in held for value in [_text(getattr(b.clip, name))] * len(b.X)] for name in _NAMES
        }
        columns["recording"] = [name for b in held for name in [_text(b.recording)] * len(b.X)]
        columns["start"] = np.concatenate([np.zeros(0), *(b.start for b in held)])
        columns["end"] = np.concatenate([np.zeros(0), *(b.end for b in held)])
        if classes is not None:
            said = [b.targets.values for b in held if b.targets is not None]
            columns["targets"] = np.concatenate([np.zeros((0, len(classes)), np.float32), *said])
        return columns, np.concatenate([np.zeros((0, width), np.float32), *(b.X for b in held)])

    for block in blocks:
        held.append(block)
        if sum(b.X.size for b in held) >= _BATCH:
            yield joined()
            held = []
    yield joined()


def _text(value: object) -> str | None:
    # The name of a file may be no UTF-8, which Parquet cannot hold.
    told = spelled(value) if isinstance(value, Path) else str(value or "")
    return told.encode(errors="backslashreplace").decode() or None


def write_parquet(
    path: Path,
    found: Batches,
    width: int,
    facts: Mapping[str, Any],
    names: Sequence[str] = _NAMES,
    *,
    targets: bool = True,
) -> None:
    """Write embeddings with the columns ``names`` of their clips, start, end; and targets, if there are any."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("writing Parquet (.npz and .csv need nothing)", "train") from error

    def lists(values: Floats, size: int) -> Any:
        return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), size)

    fields = [(name, pa.string()) for name in names] + [("start", pa.float64()), ("end", pa.float64())]
    last = [("embedding", pa.list_(pa.float32(), width)), ("fingerprint", pa.dictionary(pa.int32(), pa.string()))]
    asked = len(facts["classes"]) if targets and "classes" in facts else 0
    more = [("targets", pa.list_(pa.float32(), asked))] if asked else []
    schema = pa.schema([*fields, *more, *last], {"earmark": json.dumps(facts)})
    # Measured on embeddings of YAMNet: a quarter smaller than by default, and no slower.
    with pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=[*names, "fingerprint"], **parquet.WRITING
    ) as file:
        for columns, X in found:
            arrays = [pa.array(columns[name], kind) for name, kind in fields]
            arrays += [lists(columns["targets"], asked)] if asked else []
            key = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(X), np.int32)), pa.array([facts["fingerprint"]]))
            file.write_table(pa.Table.from_arrays([*arrays, lists(X, width), key], schema=schema))
        if "excluded" in facts:
            file.add_key_value_metadata({"excluded": json.dumps(facts["excluded"])})
    parquet.seal(path)


def _npz(path: Path, batches: Batches, width: int, facts: Mapping[str, Any]) -> None:
    held: list[Columns] = []

    def parts() -> Iterator[Floats]:
        for columns, X in batches:
            held.append(columns)
            yield X

    # Held beside until the end: how many there are is only known then, and stands at the beginning.
    embeddings = path.with_suffix(".embeddings")
    try:
        with embeddings.open("wb") as out:
            npy.write(out, parts(), (width,), sealed=False)  # a zip archive has checksums of its own
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as file:
            file.comment = seal.COMMENT
            file.write(embeddings, "X.npy")
            embeddings.unlink()
            for name in held[0]:
                found = [c[name] for c in held]
                column = (
                    np.array([v or "" for part in found for v in part])
                    if isinstance(found[0], list)
                    else np.concatenate(found)
                )
                _member(file, name, column)
            if "classes" in facts:
                _member(file, "classes", np.array(facts["classes"]))
            _member(file, "shape", np.array(facts["shape"]))
            _member(file, "facts", np.array(json.dumps(facts)))
        seal.seal_archive(path)
    finally:
        embeddings.unlink(missing_ok=True)


def _member(file: zipfile.ZipFile, name: str, array: Any) -> None:
    with file.open(f"{name}.npy", "w", force_zip64=True) as out:
        np.lib.format.write_array(out, array, allow_pickle=False)


def _csv(path: Path, found: Batches, width: int, facts: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(excel.beginning())
        out = csv.writer(file, lineterminator="\n")
        asked = [f"{TARGET}{name}" for name in facts.get("classes", ())]
        out.writerow([*_NAMES, "start", "end", *asked, *(f"v{i}" for i in range(width))])
        for columns, X in found:
            said = columns.pop("targets", np.zeros((len(X), 0)))
            for told, targets, embedding in zip(zip(*columns.values(), strict=True), said, X, strict=True):
                yes_no = ["" if np.isnan(v) else int(v) for v in targets]
                # Nine digits give back the very number.
                out.writerow(["" if f is None else f for f in told] + yes_no + [f"{v:.9g}" for v in embedding])
