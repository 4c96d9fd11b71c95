"""Tables of events, CSV, TSV or Parquet: Earmark's own, and those of OpenSoundscape, DCASE, crowsetta, Kaleidoscope, BirdNET.

Columns are told by their names (``_columns``), times may be in milliseconds or samples. A line that names a recording and no
times and no label says that it was looked at and holds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...audio import probe
from ...core.errors import AudioError, DataError
from .. import lines
from ..layouts.table import PREDICTED, SUFFIXES, predicted
from ._columns import AUTO, Column, Columns, refuse_none
from ._content import Content, Said, chosen, is_nothing, labels_in, number, ordered
from ._recordings import recording_at

NAME = "table"
_SYNONYMS = ("commonname", "speciescode", "scientificname")  # BirdNET writes one species three times
Line = Mapping[str, str]


def matches(path: Path, text: str) -> bool:
    """True for the endings of tables, and for a first line that names times."""
    return path.suffix.lower() in set(SUFFIXES) - {".txt"} or _first(text).are_events


def of_events(path: Path, text: str) -> bool:
    """True if the columns of a table name times. Raises DataError for a table that cannot be read."""
    if path.suffix.lower() in (".parquet", ".pq"):
        return Columns.find(held(path, text)[0]).are_events
    return _first(text).are_events


def _first(text: str) -> Columns:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return Columns.find([n.strip().strip('"') for n in first.split(lines.separator(first))])


def read(path: Path, text: str) -> Content:
    """Raises DataError, with the line, for what is missing or cannot be read."""
    names, found = held(path, text)
    columns = Columns.find(names)
    if not columns.are_events:
        raise refuse_none(path, names)
    label = label_of(path, columns, names, found)
    if (named := columns.of.get("path")) and found and all(is_nothing(line[named.name]) for _, line in found):
        columns = replace(columns, of={what: one for what, one in columns.of.items() if what != "path"})
    content = Content()
    told: list[tuple[str, tuple[str, ...]]] = []
    for where, line in found:
        name = _recording(columns, line, where)
        told.append((name, tuple(groups_of(columns, line))))
        said = _event(columns, line, where, name, path)
        if said is None and label is not None and not is_nothing(line[label.name]):
            raise DataError(f"{where}: found the label {line[label.name][:40]!r} without times; wanted start and end")
        if said is None:
            content.empty.append(name)
        else:
            content.said += (said._replace(label=one) for one in labels_in(line.get(label.name) if label else None))
    content.groups = one_group(told, path)
    content.notes += unread(path, columns, found)
    if not found:
        content.empty.append("")
    return content


def held(path: Path, text: str) -> tuple[list[str], list[tuple[str, Line]]]:
    """Names of columns, and lines with where they stand."""
    names: list[str] = []
    found: list[tuple[str, Line]] = [
        (f"{path}, line {count}", line)
        for count, line in lines.read(path, names.extend, lambda _: re.sub(r"\r\n?", "\n", text))
    ]
    return names, found


def label_of(path: Path, columns: Columns, names: Sequence[str], found: Sequence[tuple[str, Line]]) -> Column | None:
    """The column of labels. Raises DataError for predictions, unless they are asked for, and where several could be it."""
    certain = [n for n in names if n.casefold() in PREDICTED]
    scores = [n for n in certain if any(_is_number(line[n]) for _, line in found)]
    scores += [c.name for c in columns.labels if c.plain == AUTO]
    model = bool(scores and predicted(path, scores, labelled=True, columns=[*PREDICTED, *scores]))
    filled = [c for c in columns.labels if any(not is_nothing(line[c.name]) for _, line in found)] or columns.labels[:1]
    if model:
        filled = (
            sorted((c for c in filled if c.plain in _SYNONYMS), key=lambda c: _SYNONYMS.index(c.plain))[:1] or filled
        )
    if not columns.labels and not columns.other:
        return None
    name = chosen((c.name for c in filled), path, "column") if filled else chosen((), path, "column")
    return next((c for c in columns.labels if c.name == name), None)


def groups_of(columns: Columns, line: Line) -> Iterator[str]:
    """The group of a line, if it says one."""
    column = columns.of.get("group")
    if column is not None and not is_nothing(line[column.name]):
        yield line[column.name].strip()


def one_group(told: Sequence[tuple[str, tuple[str, ...]]], path: Path) -> dict[str, str]:
    """The group of each recording. Raises DataError for one that has two."""
    found: dict[str, str] = {}
    for name, groups in told:
        for group in groups:
            if found.setdefault(name, group) != group:
                raise DataError(
                    f"{path}: the recording {name!r} has the groups {found[name]!r} and {group!r}; wanted one"
                )
    return found


def unread(path: Path, columns: Columns, found: Sequence[tuple[str, Line]]) -> list[str]:
    """A note on columns that mean nothing here and hold something."""
    other = [n for n in columns.other if any(not is_nothing(line[n]) for _, line in found)]
    shown = ", ".join(map(repr, other[:8])) + (f" and {len(other) - 8} more" if len(other) > 8 else "")
    return [f"{path}: not read, for they mean nothing here: {shown}."] if other else []


def _recording(columns: Columns, line: Line, where: str) -> str:
    """The recording that a line names; of Kaleidoscope in its folder."""
    column = columns.of.get("path")
    if column is None:
        return ""
    name = line[column.name].strip()
    if is_nothing(name):
        raise DataError(f"{where}: {column.name} is empty; wanted a recording")
    folder = line.get("FOLDER", "").strip().strip("\\/") if column.plain == "infile" else ""
    return f"{folder}/{name}" if folder else name


def _event(columns: Columns, line: Line, where: str, name: str, table: Path) -> Said | None:
    """What a line says; None if it says no times at all."""
    of = {what: column for what, column in columns.of.items() if not is_nothing(line[column.name])}
    if not {"start", "end", "duration"} & of.keys():
        return None
    start, end = of.get("start"), of.get("end") or of.get("duration")
    if start is None or end is None:
        missing = columns.of["start"] if start is None else columns.of.get("end") or columns.of["duration"]
        raise DataError(f"{where}: {missing.name} is empty; wanted both a beginning and an end, or neither")
    rate = _rate(of, line, where, name, table) if "sample" in (start.unit, end.unit) else None
    begin, last = start.time(line[start.name], where, rate), end.time(line[end.name], where, rate)
    if "end" not in of:
        last = round(begin + last, 9)
    ordered(begin, last, where, end.name)
    low, high = (of[k].hertz(line[of[k].name], where) if k in of else None for k in ("low", "high"))
    if low is not None and high is not None and high < low:
        raise DataError(
            f"{where}: {of['high'].name} is {high:g} and {of['low'].name} {low:g}; wanted the lower one first"
        )
    by, when = (line[of[k].name].strip() if k in of else None for k in ("by", "when"))
    return Said(name, begin, last, "", low, high, where, by, when)


def _rate(of: Mapping[str, Column], line: Line, where: str, name: str, table: Path) -> float | None:
    """Samples a second: as the table says, else as the recording does that lies beside it."""
    if "rate" in of:
        return number(line[of["rate"].name], f"{where}: {of['rate'].name}")
    sound = recording_at(table, name)
    try:
        return None if sound is None else float(probe(sound).sample_rate)
    except AudioError:
        return None


def _is_number(text: str) -> bool:
    try:
        return bool(text.strip()) and number(text, "") == number(text, "")
    except DataError:
        return False
