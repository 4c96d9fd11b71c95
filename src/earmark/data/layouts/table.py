"""A table of clips: CSV, TSV or Parquet with the columns path, label and, if known, group, fold or split, start, and
end or duration.

Seconds may be called as other programs call them (``times``); a column that speaks of time and is not read is told.
Paths are relative to the table; `s3://bucket/a.wav` lies in an object store. Other columns are left alone. Empty labels mean "not labelled".
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ...core.errors import DataError, MissingExtraError
from ...core.text import first_line
from ..clips import Clip, Dataset, writable
from ..times import Part, names, times_of

LAYOUT = {
    "clips.csv": "path,label,group,fold\na.wav,dog,Rex,1\nb.wav,dog,Ben,2\nc.wav,cat,Tom,1\nd.wav,cat,Kit,2\n",
    "a.wav": "",
    "b.wav": "",
    "c.wav": "",
    "d.wav": "",
}
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq")


def build(path: Path) -> Dataset:
    """Clips of a table. Raises DataError for a missing column or a value that cannot be read, with its line."""
    if path.is_dir():
        path = path / "clips.csv"
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path}: found a file ending in {path.suffix!r}; wanted a table ({', '.join(SUFFIXES)}) or a folder"
        )
    head: list[str] = []

    def check(columns: list[str]) -> None:
        if "path" not in columns:
            raise DataError(
                f"{path}: found the columns {', '.join(columns) or 'none'}; wanted path and label, and optionally group, "
                "fold or split, start, end or duration"
            )
        head.extend(columns)

    lines = list(read(path, check))
    times = times_of(head, lines, path)
    clips: dict[tuple[str, float, float | None], tuple[int, Clip]] = {}
    parts: list[tuple[str, Part]] = []
    for line, row in lines:
        part = times.part(row, f"{path}, line {line}")
        clip = _clip(row, line, path, part)
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
        parts.append((clip.id.removesuffix(part.name), part))
    both = zip((clip for _, clip in clips.values()), names(parts), strict=True)
    named = tuple(clip if clip.id == name else replace(clip, id=name) for clip, name in both)
    return Dataset(_name(path), named, notes=times.notes)


def _name(path: Path) -> str:
    """`clips.csv` says nothing: the folder's name does."""
    return writable(path.resolve().parent.name if path.stem in ("clips", "metadata", "labels") else path.stem)


def _clip(row: dict[str, str], line: int, table: Path, part: Part) -> Clip:
    where = f"{table}, line {line}"
    if not row.get("path"):
        raise DataError(f"{where}: the path is empty")
    if "\0" in row["path"]:
        raise DataError(f"{where}: the path {row['path'][:80]!r} holds a zero byte, which no path can")
    remote = "://" in row["path"]  # in an object store
    return Clip(
        id=(row["path"] if remote else Path(row["path"]).as_posix()) + part.name,
        path=Path(row["path"]) if remote else table.parent / row["path"],
        label=row.get("label") or None,
        group=row.get("group") or None,
        fold=row.get("fold") or row.get("split") or None,
        start=part.start,
        duration=part.duration,
    )


def read(path: Path, check: Callable[[list[str]], None]) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of a table with their numbers; ``check`` is given its columns first. Raises DataError if it is damaged."""
    yield from (_parquet if path.suffix.lower() in (".parquet", ".pq") else _text)(path, check)


def _text(path: Path, check: Callable[[list[str]], None]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            mark = "\t" if head.count("\t") else (";" if head.count(";") > head.count(",") else ",")
            reader = csv.DictReader(file, delimiter=mark, restval="")
            check([str(c).strip() for c in reader.fieldnames or []])
            for row in reader:
                yield (
                    reader.line_num,
                    {str(k).strip(): (v or "").strip() for k, v in row.items() if isinstance(v, str)},
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable table ({error}). Wanted: CSV or TSV in UTF-8, or Parquet") from error


def _parquet(path: Path, check: Callable[[list[str]], None]) -> Iterator[tuple[int, dict[str, str]]]:
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
        reason = first_line(error)
        raise DataError(f"{path}: not a readable Parquet file ({reason})") from error
    check(table.column_names)
    for line, row in enumerate(lines, start=1):
        yield line, {k: "" if v is None or v != v else str(v) for k, v in row.items()}
