"""Embeddings that are there already: a file of embeddings is evaluated as it is, with no sound and no backbone.

Files are what ``earmark embed`` writes (.parquet, .npz, .csv), or any .npz with

========================  ==========================================================================================
``ids``                   name of the clip that each window is of (or ``id``, ``clip``, ``clips``; in capitals or not)
``targets``, ``classes``  of a multi-label task: (n, classes) of 1, 0 and NaN (not looked at), and the classes' names
any name                  embeddings (n, *shape) of numbers, as long as ``ids``. ``X`` is called ``embeddings`` in recipes, other
                          arrays by their own names: ``choi/svm``
``labels``, ``groups``,   optional, one for each window (or ``label``, ``y``; ``group``; ``fold``, ``split``; ``start`` and
``folds``, ``start, end`` ``end`` in seconds)
========================  ==========================================================================================

Several files are joined: those called ``…-train`` and ``…-test`` are the two sides of a split. What the files do not
know (labels, groups, folds) may stand in a table of clips.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import Backbone, Floats
from ..core import legacy, parquet, seal
from ..core.errors import DataError, MissingExtraError
from ..core.text import first_line
from ..data.annotation_files import read_beside
from ..data.annotations import annotated_by
from ..data.clips import Clip, Dataset, Excluded
from ..data.sources import files_of
from ..data.targets import Targets, Task, task
from .embedded import _NAMES, Embedded, file_backbone
from .files import TARGET
from .make import Embeddings

# What the one array of embeddings is called in files; in recipes it is "embeddings".
_X_NAMES = ("x", "embedding", "embeddings", legacy.COLUMN, legacy.STORE_FOLDER)
SIDES = ("train", "valid", "test")
Column = NDArray[Any]


def read(source: str | Path | Iterable[str | Path]) -> Embedded:
    """Read files of embeddings. Raises DataError that says what was found and what was wanted."""
    files = files_of(source)
    if not files:
        raise DataError(
            f"found no file of embeddings at {source}; wanted .npz, or .parquet or .csv as `earmark embed` writes"
        )
    found = [_file(f) for f in files]
    names = [n for n in found[0].embeddings if all(n in other.embeddings for other in found)]
    if not names:
        raise DataError(f"the files {', '.join(f.name for f in files)} have no embeddings of the same name")
    columns = {k: np.concatenate([_or_empty(f.columns.get(k), len(f.columns["id"]), k) for f in found]) for k in _NAMES}
    if len(files) > 1 and not any(columns["fold"]):
        sides = [next((s for s in SIDES if f.stem.lower().endswith(s)), "") for f in files]
        columns["fold"] = np.concatenate([np.full(len(f.columns["id"]), s) for f, s in zip(found, sides, strict=True)])
    _one_backbone(files, found)
    name = files[0].stem if len(files) == 1 else _shared([f.stem for f in files])
    joined = {n: np.concatenate([f.embeddings[n] for f in found]) for n in names}
    ready = _ready(name, columns, joined, found[0].facts, _joined(files, [f.targets for f in found]))
    told = [read_beside(f) for f in files]
    annotations = tuple(one for found_here, _ in told for one in found_here)
    spans = tuple(one for _, found_here in told for one in found_here)
    excluded = tuple(gone for f in found for gone in f.excluded)
    dataset = replace(ready.dataset, excluded=excluded, annotations=annotations, annotated=annotated_by(spans))
    return replace(ready, dataset=dataset)


def _one_backbone(files: Sequence[Path], found: Sequence[_File]) -> None:
    """Raise DataError if files say that other backbones, or another pooling, made the embeddings in them."""
    facts = [(f.facts.get("backbone"), f.facts.get("fingerprint"), f.facts.get("pool")) for f in found]
    other = next((i for i, fact in enumerate(facts) if fact != facts[0]), None)
    if other is not None:
        one, two = (
            f"{files[i].name}: {facts[i][0] or 'unknown'}, pooled {facts[i][2] or 'unknown'}" for i in (0, other)
        )
        raise DataError(f"these files hold embeddings that were not made alike ({one}; {two}); wanted one backbone")


def _joined(files: Sequence[Path], targets: Sequence[Targets | None]) -> Targets | None:
    """The targets of several files, one after the other. Raises DataError if they are not of the same classes."""
    kinds = {t and (t.classes, t.task) for t in targets}
    if len(kinds) > 1:
        told = "; ".join(
            f"{f.name}: {', '.join(t.classes) if t else 'none'}" for f, t in zip(files, targets, strict=True)
        )
        raise DataError(f"these files have targets of different classes or tasks ({told}); wanted the same in each")
    given = [t for t in targets if t is not None]
    return Targets(given[0].classes, np.concatenate([t.values for t in given]), given[0].task) if given else None


@dataclass(frozen=True)
class _File:
    columns: dict[str, Column]
    embeddings: dict[str, Floats]
    facts: Mapping[str, Any]
    targets: Targets | None
    excluded: tuple[Excluded, ...]


def _ready(
    name: str,
    columns: dict[str, Column],
    embeddings: dict[str, Floats],
    facts: Mapping[str, Any],
    targets: Targets | None = None,
) -> Embedded:
    ids, first, index = np.unique(columns["id"], return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))  # clips in the order of the file
    clip = place[index]
    order = np.argsort(clip, kind="stable")
    begins = np.sort(first)
    columns["recording"] = np.where(columns["recording"] == "", columns["id"], columns["recording"])
    for column in ("label", "group", "fold", "recording"):
        value = columns[column]
        torn = np.flatnonzero(value != value[begins][clip])
        if len(torn):
            raise DataError(
                f"{name}: the embeddings of clip {columns['id'][torn[0]]!r} have more than one {column}; wanted one for each clip"
            )
    clips = tuple(
        Clip(
            id=str(columns["id"][i]),
            path=Path(str(columns["path"][i] or columns["id"][i])),
            label=str(columns["label"][i]) or None,
            group=str(columns["group"][i]) or None,
            fold=str(columns["fold"][i]) or None,
        )
        for i in begins
    )
    targets = None if targets is None else targets[order]
    start, end = columns["start"][order].astype(float), columns["end"][order].astype(float)
    window = float(np.median(end - start)) if np.isfinite(end - start).all() else float("nan")
    cuts = np.searchsorted(clip[order], np.arange(len(ids) + 1))
    made: dict[str, Embeddings] = {}
    backbones: dict[str, Backbone] = {}
    for key, X in embeddings.items():
        X = np.ascontiguousarray(X[order], np.float32)
        if not np.isfinite(X).all():
            raise DataError(f"{name}: the embeddings {key!r} hold numbers that are not finite")
        digest = tuple(hashlib.sha256(X[a:b].tobytes()).hexdigest() for a, b in zip(cuts, cuts[1:], strict=False))
        backbones[key] = file_backbone(key, X, window, facts)
        made[key] = Embeddings(
            X=X,
            clip=clip[order],
            ids=tuple(c.id for c in clips),
            start=start,
            end=end,
            recordings=tuple(str(columns["recording"][i]) for i in begins),
            digest=digest,
            fingerprint=backbones[key].fingerprint,
            excluded={},
            targets=targets,
        )
    if len(made) == 1:  # the one array may be called by its name, and "embeddings"
        (key,) = made
        made["embeddings"], backbones["embeddings"] = made[key], backbones[key]
        known = str(facts.get("backbone", "embeddings"))
        made[known], backbones[known] = made[key], backbones[key]
    return Embedded(Dataset(name, clips, task=task(facts.get("task", Task.SINGLE))), made, backbones, facts)


# ------------------------------------------------------------------------------------------------- files
# What numpy, zipfile, csv, json and pyarrow (whose errors are ValueErrors, OSErrors and RuntimeErrors) say of damage.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    BadZipFile,
    RuntimeError,
    MemoryError,
    csv.Error,
    zlib.error,
)


def _file(path: Path) -> _File:
    readers = {".npz": _npz, ".csv": _csv, ".parquet": _parquet, ".pq": _parquet}
    try:
        return _checked(path, *readers[path.suffix.lower()](path))
    except _DAMAGE as error:
        reason = first_line(error)
        raise DataError(f"{path}: not a readable file of embeddings ({reason})") from error


def _checked(path: Path, arrays: dict[str, Column], facts: dict[str, Any]) -> _File:
    columns: dict[str, Column] = {}
    for column, names in _NAMES.items():
        key = next((k for k in arrays if k.lower() in names and arrays[k].ndim == 1), None)
        if key is not None:
            columns[column] = arrays.pop(key)
    if "id" not in columns:
        raise DataError(
            f"{path}: found {', '.join(arrays) or 'nothing'}; wanted 'ids', the clip of each window, and the embeddings 'X'"
        )
    n = len(columns["id"])
    targets = _targets(path, arrays, facts, n)
    embeddings = {
        "embeddings" if k.lower() in _X_NAMES else k.lower(): v.reshape(n, *facts.get("shape", v.shape[1:]))
        for k, v in arrays.items()
        if v.ndim > 1 and len(v) == n and v.size and np.issubdtype(v.dtype, np.number)
    }
    if not embeddings:
        raise DataError(
            f"{path}: found no array of embeddings (numbers, {n} long as 'ids' is, two axes or more); wanted one called 'X'"
        )
    for column, value in columns.items():
        if len(value) != n:
            raise DataError(
                f"{path}: {column!r} has {len(value)} values for {n} embeddings; wanted one for each window"
            )
        columns[column] = value.astype(float) if column in ("start", "end") else value.astype(str)
    kind = {} if targets is None else {"task": targets.task}
    excluded = tuple(Excluded(str(gone), str(reason)) for gone, reason in facts.pop("excluded", []))
    return _File(columns, embeddings, {**facts, **kind}, targets, excluded)


def _targets(path: Path, arrays: dict[str, Column], facts: Mapping[str, Any], n: int) -> Targets | None:
    """Targets of each window, taken from the arrays of a file; None if it has none. Raises DataError."""
    at = {k.lower(): k for k in arrays}
    told_task = task(facts.get("task", Task.MULTI if "targets" in at else Task.SINGLE))
    if "targets" not in at:
        if told_task is Task.MULTI:
            raise DataError(f"{path}: says that it is multi-label and has no targets; wanted 'targets' and 'classes'")
        return None
    values = arrays.pop(at["targets"])
    names = arrays.pop(at["classes"]) if "classes" in at else np.array(facts.get("classes", []))
    if not len(names):
        raise DataError(f"{path}: found targets and no classes; wanted 'classes', the name of each column of 'targets'")
    if len(values) != n:
        raise DataError(f"{path}: found {len(values)} lines of targets for {n} windows; wanted one for each window")
    try:
        return Targets(tuple(map(str, names.tolist())), values, told_task)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _npz(path: Path) -> tuple[dict[str, Column], dict[str, Any]]:
    if path.exists() and not is_zipfile(path):  # numpy takes it for a pickle then, and tells how to load that unsafely
        raise BadZipFile("no .npz: it is not a zip archive")
    if seal.archive_broken(path):
        raise BadZipFile("its checksum differs: it was changed or damaged")
    # Opened here: numpy leaves a file open that turns out to be damaged.
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {k: file[k] for k in file.files}
    facts = json.loads(str(arrays.pop("facts"))) if "facts" in arrays else {}
    return arrays, _facts(facts)


def _parquet(path: Path) -> tuple[dict[str, Column], dict[str, Any]]:
    try:
        with path.open("rb") as file:  # opened here: its name may be one that is no UTF-8
            table = parquet.read(file)
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading Parquet", "train") from error
    told = table.schema.metadata or {}
    facts = json.loads(told.get(b"earmark", b"{}"))
    if b"excluded" in told and b"earmark" in told:
        facts["excluded"] = json.loads(told[b"excluded"])
    arrays: dict[str, Column] = {}
    for name in table.column_names:
        if name in ("embedding", legacy.COLUMN, "targets"):
            values = table.column(name).combine_chunks()
            arrays[name] = np.asarray(values.flatten()).reshape(len(table), -1)
        elif name in ("start", "end"):
            arrays[name] = np.asarray(table.column(name), float)
        else:
            arrays[name] = np.array(["" if v is None else str(v) for v in table.column(name).to_pylist()])
    return arrays, _facts(facts)


def _csv(path: Path) -> tuple[dict[str, Column], dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        head = next(reader, [])
        lines = list(reader)
    first = head.index("v0")
    arrays: dict[str, Column] = {name: np.array([line[i] for line in lines]) for i, name in enumerate(head[:first])}
    asked = [name for name in head[:first] if name.startswith(TARGET)]
    try:
        if asked:
            said = [[arrays[name][i] or "nan" for name in asked] for i in range(len(lines))]
            arrays["targets"] = np.array(said, np.float32).reshape(len(lines), len(asked))
            arrays["classes"] = np.array([name.removeprefix(TARGET) for name in asked])
        for name in asked:
            del arrays[name]
        arrays["embedding"] = np.array([line[first:] for line in lines], np.float32)
    except ValueError as error:
        raise DataError(
            f"{path}: the columns of targets, or from v0 on, hold something that is no number ({error})"
        ) from error
    return arrays, {}


def _facts(facts: Any) -> dict[str, Any]:
    """Facts of `earmark embed`; the shape is that of a window, so it does not hold for pooled vectors."""
    if not isinstance(facts, dict):
        raise ValueError("its facts are no table")
    if int(facts.get("format", 1)) == 1:
        facts = legacy.file_facts(facts)
    pooled = facts.get("pool", "windows") != "windows"
    return {k: v for k, v in facts.items() if not (pooled and k == "shape")}


def _or_empty(column: Column | None, n: int, name: str) -> Column:
    if column is not None:
        return column
    return np.full(n, np.nan) if name in ("start", "end") else np.full(n, "")


def _shared(names: Sequence[str]) -> str:
    """What the names begin with, to a separator: ``["a-test", "a-train"]`` -> ``"a"``."""
    end = next((i for i, c in enumerate(zip(*names, strict=False)) if len(set(c)) > 1), min(map(len, names)))
    return re.sub(r"[-_. ][^-_. ]*$", "", names[0][:end]) or "embeddings"
