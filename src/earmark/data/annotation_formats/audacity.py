"""Labels of Audacity: ``start, end, text`` with tabs; a line that begins with a backslash holds frequencies of the one above."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import DataError
from ._content import Content, Said, labels_in, number, ordered, seconds

NAME = "Audacity labels"


def matches(path: Path, text: str) -> bool:
    """True if the first line begins with a time; an empty file is one without labels, if it is called ``.txt``."""
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        return path.suffix.lower() == ".txt"
    fields = first.split("\t")
    return len(fields) > 1 and _is_time(fields[0])


def read(path: Path, text: str) -> Content:
    """Raises DataError, with the line, for what is no label."""
    found = Content()
    for count, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where, fields = f"{path}, line {count}", [f.strip() for f in line.split("\t")]
        if fields[0] == "\\":
            _frequencies(found, fields, where)
            continue
        start = seconds(fields[0], f"{where}: the start")
        point = len(fields) == 2 and not _is_time(fields[1])  # as Audacity 1 wrote them: a time and a text
        if not point and len(fields) < 2:
            raise DataError(f"{where}: found {line.strip()[:60]!r}; wanted start, end and text, parted by tabs")
        end = start if point else seconds(fields[1], f"{where}: the end")
        ordered(start, end, where, "the end")
        label = fields[1] if point else " ".join(fields[2:])
        found.said += (Said("", start, end, one, None, None, where) for one in labels_in(label))
    if not found.said:
        found.empty.append("")
    return found


def _frequencies(found: Content, fields: list[str], where: str) -> None:
    if not found.said or len(fields) < 3:
        raise DataError(f"{where}: found a line of frequencies; wanted a label above, and two frequencies")
    low, high = (number(f, f"{where}: the frequency") for f in fields[1:3])
    last = found.said[-1]
    same = [s for s in found.said if s.where == last.where]  # one label with several texts
    del found.said[len(found.said) - len(same) :]
    known = [None if f < 0 else f for f in (low, high)]  # -1: Audacity knows none
    if None not in known and high < low:
        raise DataError(f"{where}: the band is from {low:g} to {high:g} Hz; wanted the lower frequency first")
    found.said += (s._replace(low=known[0], high=known[1]) for s in same)


def _is_time(text: str) -> bool:
    try:
        seconds(text, "")
    except DataError:
        return False
    return True
