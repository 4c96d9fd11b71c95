"""Annotations, and the spans that were looked at, in tables of their own: apart from sounds and embeddings.

Beside a file ``NAME`` they are ``NAME.annotations.csv`` and ``NAME.annotated.csv``; in a store, Parquet. Columns:
``recording, start, end, label`` and, of annotations, ``low, high`` (Hz), ``by, when``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..core import parquet
from ..core.atomic import READABLE, whole
from ..core.errors import DataError, MissingExtraError
from .annotations import Annotation, Span, record
from .clips import writable

ANNOTATIONS = ("recording", "start", "end", "label", "low", "high", "by", "when")
SPANS = ("recording", "start", "end", "label")
_One = TypeVar("_One", Annotation, Span)
_NUMBERS = frozenset({"start", "end", "low", "high"})
_BESIDE = {".annotations.csv": (Annotation, ANNOTATIONS), ".annotated.csv": (Span, SPANS)}


def beside(file: Path) -> tuple[Path, Path]:
    """Where annotations and spans of a file lie."""
    first, second = (file.with_name(file.name + ending) for ending in _BESIDE)
    return first, second


def is_beside(path: Path) -> bool:
    """True for a name that ``beside`` gives."""
    return path.name.lower().endswith(tuple(_BESIDE))


def written(path: Path) -> bool:
    """True for a file of that name that Earmark wrote: by its first line."""
    columns = next((c for ending, (_, c) in _BESIDE.items() if path.name.endswith(ending)), ())
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline().strip() == ",".join(columns)
    except OSError:
        return False


def write_csv(path: Path, found: Sequence[Annotation | Span], columns: Sequence[str]) -> None:
    """Write a table, whole or not at all. Raises OSError."""
    with whole(path, mode=READABLE) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        out = csv.writer(text, lineterminator="\n")
        out.writerow(columns)
        for one in found:
            out.writerow([_cell(v) for v in _line(one, columns).values()])
        text.detach()


def read_beside(file: Path) -> tuple[tuple[Annotation, ...], tuple[Span, ...]]:
    """Annotations and spans beside a file; none where there are no tables. Raises DataError."""
    notes, spans = beside(file)
    return (
        from_lines(_read(notes, ANNOTATIONS), Annotation, str(notes)) if notes.is_file() else (),
        from_lines(_read(spans, SPANS), Span, str(spans)) if spans.is_file() else (),
    )


def _read(path: Path, columns: Sequence[str]) -> list[dict[str, str | None]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable table ({error}); wanted CSV in UTF-8") from error
    missing = [c for c in columns[:4] if c not in (reader.fieldnames or [])]
    if missing:
        raise DataError(f"{path}: found no column {missing[0]!r}; wanted {', '.join(columns)}")
    return lines


def from_lines(lines: Iterable[Mapping[str, Any]], kind: type[_One], where: str) -> tuple[_One, ...]:
    """Lines of a table as what they say. Raises DataError with the line."""
    columns = ANNOTATIONS if kind is Annotation else SPANS
    made = []
    for number, line in enumerate(lines, start=1):
        values = {c: _value(line.get(c), c, f"{where}, line {number}") for c in columns}
        if kind is Annotation:
            values["label"] = values["label"] or ""
        try:
            made.append(kind(values.pop("recording"), **values))
        except DataError as error:
            raise DataError(f"{where}, line {number}: {error}") from error
    return tuple(made)


def _value(found: Any, column: str, where: str) -> Any:
    if found is None or found == "":
        return None
    if column not in _NUMBERS:
        return str(found)
    try:
        return float(found)
    except ValueError:
        raise DataError(f"{where}: {column} is {found!r}; wanted a number") from None


def _line(one: Annotation | Span, columns: Sequence[str]) -> dict[str, Any]:
    values = {"recording": one.path, **record(one)}
    return {c: writable(v) if isinstance(v := values[c], str) else v for c in columns}


def _cell(value: Any) -> Any:
    return "" if value is None else repr(value) if isinstance(value, float) else value


def write_parquet(path: Path, found: Sequence[Annotation | Span], columns: Sequence[str]) -> None:
    """Write a table of Parquet. Raises MissingExtraError."""
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise MissingExtraError("writing Parquet", "train") from error
    schema = pa.schema([(c, pa.float64() if c in _NUMBERS else pa.string()) for c in columns])
    parquet.write(pa.Table.from_pylist([_line(one, columns) for one in found], schema=schema), path)
