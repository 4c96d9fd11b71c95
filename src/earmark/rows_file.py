"""Rows in a file that other programs read: Parquet, NPZ or CSV.

Columns: ``id, path, label, group, fold, start, end, row`` (Parquet: a list of float32; CSV: ``v0, v1, …``). Rows with
more than one axis are flattened; their shape stands in the file's metadata (``shape`` in NPZ).
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .backbone import Backbone
from .data import Dataset
from .embeddings import Embeddings
from .errors import DataError, MissingExtraError


def write(out: Path, rows: Embeddings, dataset: Dataset, backbone: Backbone, pool: str = "rows") -> None:
    """Write rows, or one pooled vector per clip. What lies at ``out`` is replaced when the new file is whole.

    Raises DataError for an ending that is none of .parquet, .npz, .csv.
    """
    writers = {".parquet": _parquet, ".npz": _npz, ".csv": _csv}
    if out.suffix.lower() not in writers:
        raise DataError(f"{out}: found the ending {out.suffix!r}; wanted .parquet, .npz or .csv")
    by_id = {c.id: c for c in dataset.clips}
    clips = [by_id[i] for i in rows.ids]
    if pool == "rows":
        X, index, start, end = rows.X.reshape(len(rows.X), -1), rows.clip, rows.start, rows.start + backbone.window
    else:
        X, index = rows.vectors(pool), np.arange(len(clips))
        start = np.array([c.start for c in clips])
        last = np.flatnonzero(np.r_[rows.clip[1:] != rows.clip[:-1], True])
        end = rows.start[last] + backbone.window
    columns: dict[str, Any] = {
        name: [getattr(clips[i], name) and str(getattr(clips[i], name)) for i in index]
        for name in ("id", "path", "label", "group", "fold")
    }
    columns |= {"start": start, "end": end}
    facts = {
        "backbone": backbone.name,
        "fingerprint": backbone.fingerprint,
        "shape": list(backbone.shape),
        "pool": pool,
    }
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        writers[out.suffix.lower()](part, X, columns, facts)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _parquet(path: Path, X: Any, columns: dict[str, Any], facts: dict[str, Any]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("writing Parquet (.npz and .csv need nothing)", "train") from error
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(X).ravel()), X.shape[1])
    arrays = {k: pa.array(v, pa.string() if isinstance(v, list) else pa.float64()) for k, v in columns.items()}
    table = pa.table({**arrays, "row": lists})
    pq.write_table(table.replace_schema_metadata({"earmark": json.dumps(facts)}), path)


def _npz(path: Path, X: Any, columns: dict[str, Any], facts: dict[str, Any]) -> None:
    arrays: dict[str, Any] = {
        k: np.array([x or "" for x in v]) if isinstance(v, list) else v for k, v in columns.items()
    }
    with path.open("wb") as file:
        np.savez(file, X=X, shape=np.array(facts["shape"]), facts=np.array(json.dumps(facts)), **arrays)


def _csv(path: Path, X: Any, columns: dict[str, Any], facts: dict[str, Any]) -> None:  # noqa: ARG001
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*columns, *(f"v{i}" for i in range(X.shape[1]))])
        for facts_of_row, row in zip(zip(*columns.values(), strict=True), X, strict=True):
            writer.writerow(["" if f is None else f for f in facts_of_row] + [f"{v:.7g}" for v in row])
