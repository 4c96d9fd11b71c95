"""Tables of spans that were looked at: ``path, start, end`` and, if one class alone was looked for, ``label``."""

from __future__ import annotations

import math
from pathlib import Path

from ...core.errors import DataError
from ..annotations import EVERY, Span
from . import table
from ._columns import Columns
from ._content import decoded, is_nothing, labels_in, seconds


def read_spans(path: Path) -> tuple[Span, ...]:
    """Spans of a table; without times it is the whole recording. Raises DataError, with the line."""
    if not path.is_file():
        raise DataError(
            f"{path}: found no table of spans there; wanted 'all', or a table with path, start, end[, label]"
        )
    names, found = table.held(path, "" if path.suffix.lower() in (".parquet", ".pq") else decoded(path))
    columns = Columns.find(names)
    name, label = columns.of.get("path"), columns.labels[:1]
    if name is None:
        raise DataError(f"{path}: found the columns {', '.join(names) or 'none'}; wanted path, start, end[, label]")
    made = []
    for where, line in found:
        recording = line[name.name].strip().replace("\\", "/")
        if not recording:
            raise DataError(f"{where}: {name.name} is empty; wanted a recording, or {EVERY!r} for all of them")
        start, end = (
            None if column is None or is_nothing(line[column.name]) else column.time(line[column.name], where, None)
            for column in (columns.of.get("start"), columns.of.get("end"))
        )
        if end is None and (long := columns.of.get("duration")) and not is_nothing(line[long.name]):
            end = (start or 0.0) + seconds(line[long.name], f"{where}: {long.name}")
        for one in labels_in(line[label[0].name]) if label else [""]:
            try:
                made.append(Span(recording, start or 0.0, math.inf if end is None else end, one or None))
            except DataError as error:
                raise DataError(f"{where}: {error}") from error
    return tuple(made)
