"""Is a store of embeddings (or of answers) whole? Every shard is readable and finite, every clip is in it once, and all
were made by the one backbone that ``earmark.json`` names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..core import legacy, parquet
from ..core.errors import DataError, EarmarkError
from ..core.paths import is_remote
from ..core.seal import broken
from ..core.storage import Place, place
from ..embeddings.pooling import Pooling
from ..embeddings.shards import read_columns
from ..embeddings.tables import (
    ANSWERS,
    EMBEDDINGS,
    ERRORS,
    FACTS,
    RECORDINGS,
    TARGETS,
    embedding_width,
    facts,
    file_name,
)

Tell = Callable[[str, str, bool], None]  # where, what, whether it is damaged
SHARDS = (EMBEDDINGS, ANSWERS, legacy.STORE_FOLDER)  # folders of shards


def looks_like(source: str | Path) -> bool:
    """True for a folder or URI with shards in it, or with the facts of a store."""
    if not is_remote(source):
        folder = Path(source)
        if (folder / FACTS).is_file() and any((folder / name).is_dir() for name in SHARDS):
            return True
        return any(next((folder / name).glob("*.parquet"), None) for name in SHARDS)
    where = place(source)
    return (where / FACTS).read() is not None or any((where / name).below() for name in SHARDS)


def look(source: str | Path, tell: Tell) -> dict[str, int]:
    """Tell what is wrong; returns how many shards, clips, lines and clips in the table of errors were looked at."""
    where = place(source)
    known = _facts(where, tell)
    seen: dict[str, str] = {}
    lines = 0
    old = known.get("format") == 1
    folder = legacy.STORE_FOLDER if old else str(known.get("holds", EMBEDDINGS))
    shards = list((where / folder).below())
    for shard in shards:
        lines += _shard(shard, f"{folder}/{shard.path.rpartition('/')[2]}", known, seen, tell)
    if not lines:
        tell(folder, "there is nothing in it", True)
    bare = sum(not _sealed(file) for file in shards) + _others(where, tell)
    if bare:
        tell(folder, f"{bare} shards have no checksum (Earmark 0.1 wrote none): a changed number may not show", False)
    return {"shards": len(shards), "clips": len(seen), "lines": lines, "errors": _errors(where, seen, tell)}


def _sealed(file: Place) -> bool:
    """False for a file that has no checksum; what is damaged is told elsewhere."""
    try:
        with file.files.open_input_file(file.path) as opened:
            return parquet.check(opened, pages=False)
    except (OSError, ValueError):
        return True


def _others(where: Place, tell: Tell) -> int:
    """The tables beside the shards have to be whole, too; returns how many files of them have no checksum."""
    bare = 0
    for table in (RECORDINGS, TARGETS, "annotations", "annotated"):
        for file in (where / table).below():
            bare += not _sealed(file)
            try:
                read_columns(file)
            except DataError as error:
                tell(f"{table}/{file_name(file)}", str(error).removeprefix(f"{file}: "), True)
    return bare


def _facts(where: Place, tell: Tell) -> dict[str, Any]:
    """What the store says of itself; nothing if that is damaged, which is told."""
    try:
        known = facts(where, damaged=True)
        if known["holds"] != ANSWERS:
            embedding_width(known)
            wrong = [k for k in ("backbone", "pool", "fingerprint") if not isinstance(known.get(k), str)]
            if wrong or not isinstance(known.get("params"), dict):
                raise ValueError(f"has no {(wrong or ['params'])[0]}")
    except EarmarkError as error:
        tell(FACTS, str(error).removeprefix(f"{where}: "), True)
    except (ValueError, TypeError, LookupError) as error:
        tell(FACTS, f"is damaged ({error})", True)
    else:
        if broken(json.loads((where / FACTS).read() or b"{}")):
            tell(FACTS, "is damaged (its checksum differs: it was changed since it was written)", True)
        return known
    return {}


def _shard(shard: Place, name: str, known: dict[str, Any], seen: dict[str, str], tell: Tell) -> int:
    """Look at one shard; returns its lines. ``seen``: clip -> the shard it lies in, added to."""
    try:
        table = read_columns(shard)
    except DataError as error:
        tell(name, str(error).removeprefix(f"{shard}: "), True)
        return 0
    if "id" not in table.column_names:
        tell(name, f"has no column id; it has {', '.join(table.column_names)}", True)
        return 0
    ids, counts = np.unique(np.array(table.column("id").to_pylist(), dtype=object).astype(str), return_counts=True)
    for one in (i for i in ids.tolist() if i in seen):
        tell(one, f"lies in {seen[one]} and in {name}: delete one of the two and run the same command again", True)
    seen.update(dict.fromkeys(ids.tolist(), name))
    if "pool" in known and Pooling(known["pool"]).by_vector and (counts > 1).any():
        tell(name, f"{ids[counts.argmax()]} has {counts.max()} lines; pooled by {known['pool']} it has one", True)
    _made_by(table, name, known, tell)
    for column in table.column_names:
        _finite(table, column, name, known, tell)
    return len(table)


def _made_by(table: Any, name: str, known: dict[str, Any], tell: Tell) -> None:
    """Does what a shard says of its backbone agree with the facts of the store?"""
    try:
        own = json.loads((table.schema.metadata or {}).get(b"earmark", b"{}"))
        own = legacy.file_facts(own) if known.get("format") == 1 else own
    except ValueError:
        own = {}
        tell(name, "its facts cannot be read", True)
    for key in ("backbone", "fingerprint", "shape", "pool"):
        if key in known and key in own and own[key] != known[key]:
            tell(name, f"was made with the {key} {own[key]!r}, the store says {known[key]!r}", True)
    if "fingerprint" in table.column_names and "fingerprint" in known:
        others = set(table.column("fingerprint").unique().to_pylist()) - {known["fingerprint"]}
        if others and own.get("fingerprint") in (None, known["fingerprint"]):
            tell(name, f"holds lines of another fingerprint: {', '.join(sorted(map(str, others)))[:100]}", True)


def _finite(table: Any, column: str, name: str, known: dict[str, Any], tell: Tell) -> None:
    """Numbers are finite, and vectors as long as the facts say."""
    import pyarrow as pa

    values, kind = table.column(column), table.column(column).type
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
        flat = values.combine_chunks().flatten()
        if not pa.types.is_floating(flat.type):
            return
        wanted = len(table) * embedding_width(known) if "shape" in known else len(flat)
        if len(flat) != wanted:
            tell(name, f"has {len(flat)} values of {column} for {len(table)} lines; wanted {wanted}", True)
    elif pa.types.is_floating(kind):
        flat = values.drop_null().combine_chunks()  # a clip that is a whole file has no duration
    else:
        return
    if flat.null_count or not np.isfinite(np.asarray(flat)).all():
        tell(name, f"holds {column} that are missing or not finite: delete it and run the same command again", True)


def _errors(where: Place, seen: dict[str, str], tell: Tell) -> int:
    """Clips that stand in the table of errors, which has to be readable, too."""
    count = 0
    for shard in (where / ERRORS).below():
        name = f"{ERRORS}/{shard.path.rpartition('/')[2]}"
        try:
            ids = read_columns(shard, ["id", "reason"]).column("id").to_pylist()
        except DataError as error:
            tell(name, str(error).removeprefix(f"{shard}: "), True)
            continue
        count += len(ids)
        for one in (i for i in ids if i in seen):
            tell(str(one), f"stands in {name} as unusable, and lies in {seen[one]}", False)
    return count
