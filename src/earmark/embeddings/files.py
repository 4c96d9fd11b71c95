"""Embeddings in a file that other programs read: Parquet, NPZ or CSV.

Columns: ``id, path, label, group, fold, start, end, embedding`` (Parquet: a list of float32, and the backbone's
``fingerprint``; CSV: ``v0, v1, …``). Embeddings with more than one axis are flattened; their shape stands in the file's
metadata (``shape`` in NPZ). Embeddings are written as they come: memory grows neither with the number of sounds nor with
their length.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..backbones.base import Backbone, Floats
from ..core import npy
from ..core.errors import DataError, MissingExtraError
from ..core.outputs import EMBEDDINGS, check
from ..core.paths import spelled
from ..data.clips import Clip, Dataset
from .make import Embeddings
from .pooling import Running, by_vector, statistics

Columns = dict[str, Any]
Batches = Iterable[tuple[Columns, Floats]]
_NAMES = ("id", "path", "label", "group", "fold")
_BATCH = 2**21  # values (8 MB) written at a time


def write(
    out: Path,
    embeddings: Embeddings,
    dataset: Dataset,
    backbone: Backbone,
    pool: str = "windows",
    *,
    force: bool = False,
) -> int:
    """Write embeddings, or one pooled vector per clip. Embeddings that lie at ``out`` are replaced when the new file is whole.

    Returns how many lines were written. Raises DataError for an ending that is none of .parquet, .npz, .csv, and if
    something else lies at ``out``, unless ``force``.
    """
    by_id = {c.id: c for c in dataset.clips}
    cuts = np.searchsorted(embeddings.clip, np.arange(len(embeddings.ids) + 1))
    sounds = ((by_id[name], [embeddings.X[a:b]]) for name, a, b in zip(embeddings.ids, cuts, cuts[1:], strict=False))
    return write_stream(out, sounds, backbone, pool, force=force)


def write_stream(
    out: Path,
    sounds: Iterable[tuple[Clip, Iterable[Floats]]],
    backbone: Backbone,
    pool: str = "windows",
    *,
    force: bool = False,
) -> int:
    """The same for clips whose embeddings come in blocks."""
    check(out, EMBEDDINGS, force=force)
    write_part = writer(out)
    width = prod(backbone.shape)
    if by_vector(pool):
        width *= len(statistics(pool))
    facts = {
        "backbone": backbone.name,
        "fingerprint": backbone.fingerprint,
        "shape": list(backbone.shape),
        "pool": pool,
    }
    written = 0

    def counted() -> Iterator[tuple[Columns, Floats]]:
        nonlocal written
        for columns, X in _batches(_lines(sounds, backbone, pool), width):
            written += len(X)
            yield columns, X

    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".earmark-", dir=out.parent) as temporary:
        part = Path(temporary) / out.name
        write_part(part, counted(), width, facts)
        part.replace(out)
    return written


def writer(out: Path) -> Callable[[Path, Batches, int, Mapping[str, Any]], None]:
    """What writes a file of that ending. Raises DataError if it is none of .parquet, .npz, .csv."""
    writers = {".parquet": _parquet, ".npz": _npz, ".csv": _csv}
    if out.suffix.lower() not in writers:
        raise DataError(f"{out}: found the ending {out.suffix!r}; wanted .parquet, .npz or .csv")
    return writers[out.suffix.lower()]


def _lines(
    sounds: Iterable[tuple[Clip, Iterable[Floats]]], backbone: Backbone, pool: str
) -> Iterator[tuple[Clip, Any, Any, Floats]]:
    """Clip, start (n,), end (n,) and flat embeddings (n, width), block by block."""
    for clip, blocks in sounds:
        running, count = Running(pool) if by_vector(pool) else None, 0
        for block in blocks:
            if running:
                running.add(block)
            else:
                start = clip.start + backbone.hop * np.arange(count, count + len(block))
                yield clip, start, start + backbone.window, block.reshape(len(block), -1)
            count += len(block)
        if running:
            end = clip.start + backbone.hop * (count - 1) + backbone.window
            yield clip, np.array([clip.start]), np.array([end]), running.vector()[None]


def _batches(lines: Iterable[tuple[Clip, Any, Any, Floats]], width: int) -> Iterator[tuple[Columns, Floats]]:
    """Columns and embeddings of so many lines that writing them is worth its while; at least one batch."""
    held: list[tuple[Clip, Any, Any, Floats]] = []

    def joined() -> tuple[Columns, Floats]:
        columns: Columns = {
            name: [
                value for clip, _, _, X in held for value in [_text(getattr(clip, name))] * len(X)
            ] for name in _NAMES
        }  # fmt: skip
        columns["start"] = np.concatenate([np.zeros(0), *(start for _, start, _, _ in held)])
        columns["end"] = np.concatenate([np.zeros(0), *(end for _, _, end, _ in held)])
        return columns, np.concatenate([np.zeros((0, width), np.float32), *(X for _, _, _, X in held)])

    for line in lines:
        held.append(line)
        if sum(X.size for _, _, _, X in held) >= _BATCH:
            yield joined()
            held = []
    yield joined()


def _text(value: object) -> str | None:
    # The name of a file may be no UTF-8, which Parquet cannot hold.
    told = spelled(value) if isinstance(value, Path) else str(value or "")
    return told.encode(errors="backslashreplace").decode() or None


def _parquet(path: Path, batches: Batches, width: int, facts: Mapping[str, Any]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("writing Parquet (.npz and .csv need nothing)", "train") from error
    fields = [(name, pa.string()) for name in _NAMES] + [("start", pa.float64()), ("end", pa.float64())]
    last = [("embedding", pa.list_(pa.float32(), width)), ("fingerprint", pa.dictionary(pa.int32(), pa.string()))]
    schema = pa.schema([*fields, *last], {"earmark": json.dumps(facts)})
    # Measured on embeddings of YAMNet: a quarter smaller than by default, and no slower.
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=[*_NAMES, "fingerprint"]) as file:
        for columns, X in batches:
            lists = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(X).ravel()), width)
            arrays = [pa.array(columns[name], kind) for name, kind in fields]
            key = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(X), np.int32)), pa.array([facts["fingerprint"]]))
            file.write_table(pa.Table.from_arrays([*arrays, lists, key], schema=schema))


def _npz(path: Path, batches: Batches, width: int, facts: Mapping[str, Any]) -> None:
    held: list[Columns] = []
    count = 0
    embeddings = path.with_suffix(
        ".embeddings"
    )  # how many there are is only known at the end, and stands at the beginning
    try:
        with embeddings.open("wb") as out:
            npy.write_header(out, 0, (width,))
            for columns, X in batches:
                np.ascontiguousarray(X, np.float32).tofile(out)
                count += len(X)
                held.append(columns)
            out.seek(0)
            npy.write_header(out, count, (width,))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as file:
            file.write(embeddings, "X.npy")
            embeddings.unlink()
            for name in held[0]:
                parts = [c[name] for c in held]
                column = (
                    np.array([v or "" for part in parts for v in part])
                    if isinstance(parts[0], list)
                    else np.concatenate(parts)
                )
                _member(file, name, column)
            _member(file, "shape", np.array(facts["shape"]))
            _member(file, "facts", np.array(json.dumps(facts)))
    finally:
        embeddings.unlink(missing_ok=True)


def _member(file: zipfile.ZipFile, name: str, array: Any) -> None:
    with file.open(f"{name}.npy", "w", force_zip64=True) as out:
        np.lib.format.write_array(out, array, allow_pickle=False)


def _csv(path: Path, batches: Batches, width: int, facts: Mapping[str, Any]) -> None:  # noqa: ARG001
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_NAMES, "start", "end", *(f"v{i}" for i in range(width))])
        for columns, X in batches:
            for facts_of_row, embedding in zip(zip(*columns.values(), strict=True), X, strict=True):
                writer.writerow(["" if f is None else f for f in facts_of_row] + [f"{v:.7g}" for v in embedding])
