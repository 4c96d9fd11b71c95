"""What a file of annotations says, before it is known which recordings are meant; and how its texts and numbers are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...core.errors import DataError
from ...core.meanwhile import meanwhile
from ..labels import tidy

_NOTHING = frozenset({"", "nan", "none", "null", "<na>", "n/a", "nat"})
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:[.,]\d+)?)")
_PLAIN = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
_CHOSEN: ContextVar[str | None] = ContextVar("label column", default=None)


class Said(NamedTuple):
    """One event as a file tells it: ``path`` is the recording as it is named there ("": it is not), ``where`` its line."""

    path: str
    start: float
    end: float
    label: str
    low: float | None
    high: float | None
    where: str
    by: str | None = None
    when: str | None = None


@dataclass
class Content:
    """Events; recordings that were looked at and hold none ("": the one beside the file); groups; what is not read."""

    said: list[Said] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def label_column(name: str | None) -> AbstractContextManager[None]:
    """Which column, tier, key or namespace holds the labels meanwhile, where several could."""
    return meanwhile(_CHOSEN, name or _CHOSEN.get())


def chosen(found: Iterable[str], file: Path, what: str) -> str | None:
    """The one of several ``what`` that holds the labels; None where there is none. Raises DataError where any would be a
    guess, and where none is called as the user says."""
    names, wanted = list(dict.fromkeys(found)), _CHOSEN.get()
    told = " and ".join(map(repr, names))
    if wanted is not None:
        fits = [n for n in names if n.casefold() == wanted.casefold()]
        if not fits:
            raise DataError(f"{file}: found no {what} {wanted!r} to take labels from; there is {told or 'none'}")
        return fits[0]
    if len(names) > 1:
        raise DataError(
            f"{file}: {told} could each hold the label; wanted one {what}, for taking either would be a guess. Say which: "
            f"--label-column {names[0]!r} (in Python: label_column={names[0]!r}), or delete the other"
        )
    return names[0] if names else None


def decoded(path: Path) -> str:
    """The text of a file, in UTF-8, UTF-16 (by its mark) or, where it is neither, in the 8 bits of Windows."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: unreadable ({error.strerror or error})") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4]:
        return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def is_nothing(text: str | None) -> bool:
    """True for an empty cell, also as programs write one."""
    return (text or "").strip().casefold() in _NOTHING


def number(text: str, where: str, wanted: str = "a number") -> float:
    """A number with a point or a comma. Raises DataError, beginning with ``where``."""
    plain = text.strip()
    if not _PLAIN.fullmatch(plain):
        raise DataError(f"{where} is {text.strip()[:40]!r}; wanted {wanted}")
    return float(plain.replace(",", "."))


def seconds(text: str, where: str) -> float:
    """Seconds, also as minutes:seconds or hours:minutes:seconds. Raises DataError, beginning with ``where``."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        value = number(text, where, "seconds, or minutes:seconds")
    else:
        hours, minutes, rest = int(clock[1] or 0), int(clock[2]), float(clock[3].replace(",", "."))
        if rest >= 60 or (clock[1] is not None and minutes >= 60):
            raise DataError(
                f"{where} is {text.strip()!r}; wanted less than 60 seconds to a minute, 60 minutes to an hour"
            )
        value = round(3600 * hours + 60 * minutes + rest, 9)
    if value < 0:
        raise DataError(f"{where} is {text.strip()!r}; wanted 0 or more")
    return value


def labels_in(cell: str | None) -> list[str]:
    """The labels of a cell: parted by ``;`` or ``|`` (a comma belongs to the label), blanks trimmed; [""] for none.

    >>> labels_in(" robin ; wren"), labels_in("Thrush, song"), labels_in("nan")
    (['robin', 'wren'], ['Thrush, song'], [''])
    """
    if is_nothing(cell):
        return [""]
    return list(dict.fromkeys(t for part in re.split(r"[;|]", cell or "") if (t := tidy(part)))) or [""]


def ordered(start: float, end: float, where: str, column: str) -> None:
    """Raise DataError for an event that ends before it begins."""
    if end < start:
        raise DataError(
            f"{where}: {column} is {end:g}, before the start at {start:g} s; wanted an end that is not before the start"
        )
