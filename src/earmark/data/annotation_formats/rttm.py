"""RTTM: who speaks when. ``SPEAKER file channel start length <NA> <NA> name …``; ``;;`` begins a comment."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ...core.errors import DataError
from ._content import Content, Said, number

NAME = "RTTM"
_KINDS = frozenset({"SPEAKER", "SPKR-INFO", "SEGMENT", "NOSCORE", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT",
                    "IP", "SU", "CB", "A/P", "NO_RT_METADATA"})  # fmt: skip
_NA = "<NA>"


def matches(path: Path, text: str) -> bool:
    """True if the first line that is no comment begins with a kind of RTTM's."""
    first = next((line.split() for line in text.splitlines() if line.strip() and not line.startswith(";")), [])
    return bool(first and first[0] in _KINDS) or path.suffix.lower() == ".rttm"


def read(path: Path, text: str) -> Content:
    """Raises DataError, with the line, for a turn that lacks a field."""
    found, other = Content(), Counter[str]()
    for count, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";"):
            continue
        where = f"{path}, line {count}"
        if fields[0] != "SPEAKER":
            if fields[0] not in _KINDS:
                raise DataError(f"{where}: found {fields[0][:40]!r}; wanted SPEAKER, or another kind of line of RTTM")
            other[fields[0]] += 1
            continue
        if len(fields) < 8:
            raise DataError(
                f"{where}: found {len(fields)} fields; wanted SPEAKER file channel start length <NA> <NA> name"
            )
        start, length = (
            number(f, f"{where}: the {what}") for f, what in zip(fields[3:5], ("start", "length"), strict=True)
        )
        if start < 0 or length < 0:
            raise DataError(f"{where}: the start is {start:g} and the length {length:g}; wanted seconds, 0 or more")
        label = "" if fields[7] == _NA else fields[7]
        found.said.append(Said(fields[1], start, round(start + length, 9), label, None, None, where))
    found.notes += (f"{path}: {n} lines {kind} are not read, for they are no turns." for kind, n in other.items())
    return found
