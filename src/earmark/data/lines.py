"""Lines of a table: CSV (with commas, semicolons, tabs or bars) and Parquet. What cannot be read surely is refused, with its line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import DataError, MissingExtraError
from ..core.text import first_line

Check = Callable[[list[str]], None]
Line = tuple[int, dict[str, str]]
_WANTED = "Wanted: CSV or TSV in UTF-8, or Parquet"


def read(path: Path, check: Check, decode: Callable[[Path], str] | None = None) -> Iterator[Line]:
    """Lines of a table with their numbers; ``check`` is given its columns first. Blank lines are none.

    ``decode`` gives the text of a file; by default it is UTF-8, or refused.

    Raises DataError if it is damaged, if a column stands twice, and if a line has other fields than the first.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        yield from _parquet(path, check)
    else:
        yield from _text(path, check, (decode or _decoded)(path))


def _text(path: Path, check: Check, text: str) -> Iterator[Line]:
    mark = separator(next((line for line in text.splitlines() if line.strip()), ""))
    head: list[str] | None = None
    for number, fields in _records(path, text, mark):
        values = [value.strip() for value in fields]
        if not any(values):
            continue
        if head is None:
            head = values
            _once(path, head)
            check([name for name in head if name])
            continue
        yield number, _named(head, values, f"{path}, line {number}", mark)
    if head is None:
        check([])


def _decoded(path: Path) -> str:
    try:
        content = path.read_bytes()
        # Two bytes a letter: a mark at the beginning, or zeros between the first ones.
        if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
            raise DataError(f"{path}: not a readable table (it is UTF-16: save it as CSV UTF-8). {_WANTED}")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: not a readable table ({error}). {_WANTED}") from error
    except UnicodeDecodeError as error:
        hint = "spreadsheets save it as 'CSV UTF-8'"
        raise DataError(f"{path}: not a readable table ({error}; {hint}). {_WANTED}") from error


def separator(head: str) -> str:
    """What parts the fields of a table, by its first line."""
    if "\t" in head:
        return "\t"
    if head.count(";") > head.count(","):
        return ";"
    return "|" if "|" in head and "," not in head else ","


def _records(path: Path, text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Fields of each line, with the number of the line where it begins. Raises DataError for a quote that swallows lines."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True, skipinitialspace=mark != "\t")
    begin, width = 1, 0
    while True:
        try:
            fields = next(lines, None)
        except csv.Error as error:
            raise DataError(f"{path}, line {begin}: {_stray(lines.line_num, begin)} ({error})") from error
        if fields is None:
            return
        width = width or len(fields)
        torn = [f for f in fields if "\n" in f or "\r" in f]
        breaks = sum(len(f.splitlines()) - 1 for f in torn)
        # Each of the lines would be one by itself: so they are not one value.
        if breaks and sum(f.count(mark) for f in torn) >= breaks * (width - 1):
            raise DataError(f"{path}, line {begin}: {_stray(lines.line_num, begin)}")
        yield begin, fields
        begin = lines.line_num + 1


def _stray(last: int, begin: int) -> str:
    where = (
        f", and takes what follows, to line {last}, for one value"
        if last > begin
        else " is not closed before the next field"
    )
    return f'a quote (") that is opened here{where}; delete it, or write it twice ("") inside quotes'


def _named(head: Sequence[str], values: list[str], where: str, mark: str) -> dict[str, str]:
    """Values by the names of their columns. Raises DataError for one too many or too few."""
    needed = max(i for i, name in enumerate(head, start=1) if name)
    if any(values[len(head) :]) or len(values) < needed:
        found, wanted = len(values), len(head)
        why = (
            f"a text that holds {mark!r} must stand in quotes"
            if found > wanted
            else f"an empty field has its {mark!r}, too"
        )
        raise DataError(
            f"{where}: found {found} fields, and the first line has {wanted} ({', '.join(head)}); wanted as many, or it is "
            f"not known what stands where: {why}"
        )
    return {name: value for name, value in zip(head, values, strict=False) if name}


def _once(path: Path, head: Sequence[str]) -> None:
    repeated = [name for name, n in Counter(head).items() if name and n > 1]
    if repeated:
        raise DataError(
            f"{path}: the column {repeated[0]!r} stands there more than once; wanted each once: delete or rename one of them"
        )


def _parquet(path: Path, check: Check) -> Iterator[Line]:
    try:
        import pyarrow
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading Parquet", "train") from error
    damage = (OSError, ValueError, LookupError, TypeError, RuntimeError, MemoryError, pyarrow.ArrowException)
    try:
        with path.open("rb") as file:  # opened here: its name may be one that is no UTF-8
            table = pq.read_table(file)
    except damage as error:
        raise DataError(f"{path}: not a readable Parquet file ({first_line(error)})") from error
    _once(path, table.column_names)
    check(table.column_names)
    try:
        found = table.to_pylist()
    except damage as error:
        raise DataError(f"{path}: not a readable Parquet file ({first_line(error)})") from error
    for number, line in enumerate(found, start=1):
        yield number, {name: _cell(value) for name, value in line.items()}


def _cell(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()
