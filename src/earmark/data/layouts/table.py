"""A table of clips: CSV, TSV or Parquet with the columns path, label and, if known, group, fold or split, start and
duration or end (seconds; also start_time and end_time).

Paths are relative to the table; `s3://bucket/a.wav` lies in an object store. Other columns are left alone. Empty labels mean "not labelled".
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...core.errors import DataError, MissingExtraError
from ..clips import Clip, Dataset, part_mark, writable

LAYOUT = {
    "clips.csv": "path,label,group,fold\na.wav,dog,Rex,1\nb.wav,dog,Ben,2\nc.wav,cat,Tom,1\nd.wav,cat,Kit,2\n",
    "a.wav": "",
    "b.wav": "",
    "c.wav": "",
    "d.wav": "",
}
STARTS, ENDS = ("start", "start_time"), ("end", "end_time")
UNUSED = ("onset", "offset", "stop", "begin", "from", "to")  # times, perhaps: told that they are not used
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq")


def build(path: Path) -> Dataset:
    """Clips of a table. Raises DataError for a missing column or a value that cannot be read, with its line."""
    if path.is_dir():
        path = path / "clips.csv"
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path}: found a file ending in {path.suffix!r}; wanted a table ({', '.join(SUFFIXES)}) or a folder"
        )
    rows = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _text(path)
    clips: dict[tuple[str, float, float | None], tuple[int, Clip]] = {}
    columns: set[str] = set()
    for line, row in rows:
        columns |= row.keys()
        clip = _clip(row, line, path)
        # "a.wav" and "sub/../a.wav" are one file: with two labels, or on both sides of a split, it would lie.
        key = os.path.normpath(clip.path), clip.start, clip.duration
        if key in clips:
            first, other = clips[key]
            labels = "" if clip.label == other.label else f" with the labels {other.label!r} and {clip.label!r}"
            raise DataError(
                f"{path}: the clip {clip.id!r} is listed more than once, in lines {first} and {line}{labels}. Each clip "
                "(path, start, duration) must stand once: delete one of the lines"
            )
        clips[key] = line, clip
    idle = sorted(columns & set(UNUSED))
    notes = tuple(
        f"{path}: the column {c!r} was not used; times are start and duration, or start and end" for c in idle
    )
    return Dataset(name=_name(path), clips=tuple(clip for _, clip in clips.values()), notes=notes)


def _name(path: Path) -> str:
    """`clips.csv` says nothing: the folder's name does."""
    return writable(path.resolve().parent.name if path.stem in ("clips", "metadata", "labels") else path.stem)


def _clip(row: dict[str, str], line: int, table: Path) -> Clip:
    where = f"{table}, line {line}"
    if not row.get("path"):
        raise DataError(f"{where}: the path is empty")
    if "\0" in row["path"]:
        raise DataError(f"{where}: the path {row['path'][:80]!r} holds a zero byte, which no path can")
    start, duration = times(row, where)
    part = part_mark(start, duration)
    remote = "://" in row["path"]  # in an object store
    return Clip(
        id=(row["path"] if remote else Path(row["path"]).as_posix()) + part,
        path=Path(row["path"]) if remote else table.parent / row["path"],
        label=row.get("label") or None,
        group=row.get("group") or None,
        fold=row.get("fold") or row.get("split") or None,
        start=start,
        duration=duration,
    )


def times(row: Mapping[str, str], where: str) -> tuple[float, float | None]:
    """Start and duration in seconds that a line gives: by ``duration``, or by ``end``. Raises DataError."""
    start = _first_seconds(row, STARTS, where) or 0.0
    duration = _seconds(row.get("duration"), "duration", where)
    end = _first_seconds(row, ENDS, where)
    if duration == 0:
        raise DataError(f"{where}: the duration is 0; wanted seconds above 0, or nothing for the whole file")
    if end is None:
        return start, duration
    if end <= start:
        raise DataError(f"{where}: the end, {end:g} s, is not after the start, {start:g} s; wanted a later one")
    if duration is not None and abs(start + duration - end) > 1e-3:
        raise DataError(
            f"{where}: the end is {end:g} s, but start and duration give {start + duration:g} s; wanted one of the two, or "
            "both alike"
        )
    return start, duration if duration is not None else round(end - start, 9)


def _first_seconds(row: Mapping[str, str], columns: Iterable[str], where: str) -> float | None:
    """The value of the one of these columns that is filled. Raises DataError if two say different things."""
    found = {c: value for c in columns if (value := _seconds(row.get(c), c, where)) is not None}
    if len(set(found.values())) > 1:
        raise DataError(f"{where}: {' and '.join(f'{c} is {v:g}' for c, v in found.items())}; wanted one of them")
    return next(iter(found.values()), None)


def _seconds(text: str | None, column: str, where: str) -> float | None:
    if text is None or text == "":
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise DataError(f"{where}: {column} is {text!r}; wanted seconds, 0 or more")
    return value


def _text(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            mark = "\t" if head.count("\t") else (";" if head.count(";") > head.count(",") else ",")
            reader = csv.DictReader(file, delimiter=mark, restval="")
            _check_columns([str(c).strip() for c in reader.fieldnames or []], path)
            for row in reader:
                yield (
                    reader.line_num,
                    {str(k).strip(): (v or "").strip() for k, v in row.items() if isinstance(v, str)},
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable table ({error}). Wanted: CSV or TSV in UTF-8, or Parquet") from error


def _parquet(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        import pyarrow
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading Parquet", "train") from error
    try:
        with path.open("rb") as file:  # opened here: its name may be one that is no UTF-8
            table = pq.read_table(file)
        lines = table.to_pylist()
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, MemoryError, pyarrow.ArrowException) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise DataError(f"{path}: not a readable Parquet file ({reason})") from error
    _check_columns(table.column_names, path)
    for line, row in enumerate(lines, start=1):
        yield line, {k: "" if v is None or v != v else str(v) for k, v in row.items()}


def _check_columns(columns: list[str], path: Path) -> None:
    if "path" not in columns:
        raise DataError(
            f"{path}: found the columns {', '.join(columns) or 'none'}; wanted path and label, and optionally group, "
            "fold or split, start and duration or end"
        )
