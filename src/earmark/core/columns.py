"""Users' words in tables of ours: no class takes the name of another column, and all of it can be read back.

A class's column is called like the class; one that is called like a column of ours (in whatever case), or begins as
these do, gets ``score of`` before it: the class ``label`` has the column ``score of label``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Every column that some table of Earmark's has beside those of classes: one rule for all tables. serve.js has them, too.
_COLUMNS = (
    "id path file label group fold recording start end duration recipe seed predicted score correct task set unknown "
    "reason excluded model problem"
)
OURS = frozenset(_COLUMNS.split())
_BEFORE = "score of "
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def column_of(label: str) -> str:
    """The column of a class."""
    plain = label.strip().casefold()
    return f"{_BEFORE}{label}" if plain in OURS or plain.startswith(_BEFORE.strip()) else label


def class_of(column: str) -> str:
    """The class of a column; the reverse of ``column_of``."""
    return column.removeprefix(_BEFORE)


def joined(labels: Iterable[str]) -> str:
    """Several labels in one cell, with ``|`` between them; ``|`` and ``\\`` in a label stand after a ``\\``."""
    return "|".join(re.sub(r"([|\\])", r"\\\1", label) for label in labels)


def parted(cell: str) -> tuple[str, ...]:
    """The labels in a cell; the reverse of ``joined``."""
    found = re.findall(r"(?:[^|\\]|\\.)+", cell, re.DOTALL)
    return tuple(re.sub(r"\\(.)", r"\1", label, flags=re.DOTALL) for label in found)


def no_formula(cell: str) -> str:
    """A text that a spreadsheet does not take for a formula: one that begins like one gets a ``'`` before it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
