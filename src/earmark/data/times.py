"""Seconds of a clip in a table: which columns they stand in, and what they say.

A table's own words are ``start``, ``end`` and ``duration``: what stands there is seconds, or an error. Other programs say
``start_time``, ``begin``, ``onset``, ``Begin Time (s)``; ``end_time``, ``stop``, ``End (s)``; ``duration_s``. Such a column is
read if every line that fills it holds seconds: else it is about something else (a bus stop, a time of day), and a note says
so. ``offset`` is the end where there is an ``onset``; alone it may be either, so it is not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..core.errors import DataError

Row = Mapping[str, str]
Lines = Sequence[tuple[int, Row]]  # numbers of lines, and what stands in them

# How a column may be called, in small letters, without spaces and unit.
SECONDS = {
    "start": ("start", "starttime", "begin", "begintime", "onset"),
    "end": ("end", "endtime", "stop", "stoptime", "offset"),
    "duration": ("duration", "durationtime"),
}
_UNIT = re.compile(r"[ _]*(?:\((?:s|sec|seconds)\)|(?<=[ _])(?:s|sec|seconds))$")
_TIMES = re.compile(r"\b(?:start|begin|onset|end|stop|offset|duration)\b")
_TOLERANCE = 0.011  # seconds: tables are rounded, to hundredths at worst


class Part(NamedTuple):
    """Seconds of a file: from ``start`` for ``duration`` (None: to its end), and the end of the clip's name."""

    start: float
    duration: float | None
    name: str


@dataclass(frozen=True)
class Times:
    """Which columns of a table say ``start``, ``end`` and ``duration``, and notes about those that are not read."""

    columns: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()  # what the notes are about

    def part(self, row: Row, where: str) -> Part:
        """The part of its file that a line of the table names. Raises DataError, beginning with ``where``."""
        given, end, duration = (self._value(kind, row, where) for kind in ("start", "end", "duration"))
        start = given or 0.0
        if duration == 0:
            raise DataError(f"{where}: the duration is 0; wanted seconds above 0, or nothing for the whole file")
        if end is not None:
            if end <= start:
                raise DataError(
                    f"{where}: the clip ends at {end:g} s and starts at {start:g} s; wanted an end after the start"
                )
            if duration is not None and abs(start + duration - end) > _TOLERANCE:
                raise DataError(
                    f"{where}: {self.columns['end'][0]} is {end:g} s, but the start {start:g} s and the duration "
                    f"{duration:g} s make {start + duration:g} s; wanted values that agree, or one of the two columns"
                )
            duration = round(end - start, 9) if duration is None else duration
        return Part(start, duration, marks(start, duration)[0])

    def _value(self, kind: str, row: Row, where: str) -> float | None:
        said = {c: _seconds(row[c], c, where) for c in self.columns.get(kind, ()) if row.get(c)}
        if len(said) > 1 and max(said.values()) - min(said.values()) > _TOLERANCE:
            values = " and ".join(f"{column} is {value:g}" for column, value in said.items())
            raise DataError(f"{where}: {values}; wanted one {kind}, or values that agree")
        return next(iter(said.values()), None)


def times_of(head: Sequence[str], lines: Lines, table: object) -> Times:
    """What the columns ``head`` of ``table`` say of seconds, by their names and by what stands in ``lines``."""
    plain = {column: re.sub(r"[ _]", "", _UNIT.sub("", column.strip().lower())) for column in dict.fromkeys(head)}
    called = {kind: [c for name in names for c in plain if plain[c] == name] for kind, names in SECONDS.items()}
    others = [c for columns in called.values() for c in columns if c not in SECONDS]
    text = {c: wrong for c in others if (wrong := _no_seconds(c, lines))}
    found = {kind: tuple(c for c in columns if c not in text) for kind, columns in called.items()}
    if not any(plain[c] == "onset" for c in found["start"]):
        found["end"] = tuple(c for c in found["end"] if plain[c] != "offset")
    read = {c for columns in found.values() for c in columns}
    told = [c for c in plain if c not in read and _TIMES.search(c.lower().replace("_", " "))]
    if not told:
        return Times(found)
    what = ", ".join(repr(c) + (f" ({text[c]})" if c in text else "") for c in told)
    note = (
        f"{table}: {what} {'was' if len(told) == 1 else 'were'} not read. Seconds of a clip are read from the columns start, "
        "and end or duration."
    )
    return Times(found, (note,), tuple(told))


def names(parts: Sequence[tuple[str, Part]]) -> list[str]:
    """Names of clips from their files and parts: with six digits, and with all where those are not the very seconds.

    So a name depends on its own line alone, and means one part wherever else it is met.
    """
    return [
        file + (marks(part.start, part.duration)[1] if _rounded(part.start, part.duration) else part.name)
        for file, part in parts
    ]


def _rounded(*seconds: float | None) -> bool:
    """True if six digits do not say these numbers."""
    return any(value is not None and float(f"{value:g}") != value for value in seconds)


def written(seconds: float | None) -> str:
    """Seconds for a table: with as many digits as give back the very number; "" for none.

    >>> written(2.0), written(36000.01), written(None)
    ('2', '36000.01', '')
    """
    return "" if seconds is None else repr(seconds) if _rounded(seconds) else f"{seconds:g}"


def marks(start: float, duration: float | None) -> tuple[str, str]:
    """What stands behind the path in the name of a part of a file, ``"#1.5+2"``: with six digits, and with all."""
    if duration is None and not start:
        return "", ""
    short, whole = (
        (f"#{start:g}", f"#{start!r}") if duration is None else (f"#{start:g}+{duration:g}", f"#{start!r}+{duration!r}")
    )
    return short, whole


def _no_seconds(column: str, lines: Lines) -> str:
    """The first value of a column that is no seconds, in words; "" if there is none."""
    for number, row in lines:
        value = row.get(column)
        if value and not _is_seconds(value):
            return f"line {number} says {value[:40]!r}, which is no seconds"
    return ""


def _is_seconds(text: str) -> bool:
    try:
        return math.isfinite(value := float(text)) and value >= 0
    except ValueError:
        return False


def _seconds(text: str, column: str, where: str) -> float:
    if not _is_seconds(text):
        raise DataError(f"{where}: {column} is {text!r}; wanted seconds, 0 or more")
    return float(text)
