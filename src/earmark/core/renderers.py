"""How a value shows itself: one line in a terminal, a small table in a notebook, a DataFrame, a report.

A class takes ``Shown`` (``Tabular`` if its columns are worth a DataFrame, ``Reported`` if there is a report of it) and
says its line and its columns. A room above may ``register`` a better table for it, and a ``Writer`` of its report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from .frames import frame

Columns = Mapping[str, Any]  # each a sequence or an array (n,)
_ROWS = 10  # shown in a notebook
_WIDE = 8  # columns shown
_LONG = 100  # characters of a text shown
_LINE = 160  # characters of a line
_BETTER = "earmark.report.notebook"  # registers what it knows
_REPORTS = "earmark.report.written"  # registers who writes which report
_MAKERS: dict[type, Callable[[Any], str]] = {}


class Writer(Protocol):
    """Writes the report of a value into a folder; returns the page's path."""

    def __call__(self, value: Any, folder: Path, *, force: bool) -> Path: ...


_WRITERS: dict[type, Writer] = {}


def register(kind: type, maker: Callable[[Any], str]) -> None:
    """Let ``maker`` write the HTML that values of a kind, and of those made from it, show in a notebook."""
    _MAKERS[kind] = maker


def register_writer(kind: type, writer: Writer) -> None:
    """Let ``writer`` write what ``save`` of a kind writes."""
    _WRITERS[kind] = writer


def html(value: Any) -> str:
    """The HTML of a value: what is registered for its class or the nearest above it, else ``plain``."""
    import_module(_BETTER)  # by its name: the core knows no room above it
    maker = next((_MAKERS[kind] for kind in type(value).__mro__ if kind in _MAKERS), plain)
    return maker(value)


def plain(value: Shown) -> str:
    """The line of a value, and below it the first columns and lines of its table."""
    columns = dict(islice(value._columns().items(), _WIDE))
    head = f"<p>{escape(repr(value))}</p>"
    count = max((len(c) for c in columns.values()), default=0)
    if not count:
        return head
    names = "".join(f"<th>{escape(_text(name))}</th>" for name in columns)
    lines = (
        "<tr>" + "".join(f"<td>{escape(_text(c[i]))}</td>" for c in columns.values()) + "</tr>"
        for i in range(min(count, _ROWS))
    )
    more = f"<p>… and {count - _ROWS} more</p>" if count > _ROWS else ""
    return f"{head}<table><thead><tr>{names}</tr></thead><tbody>{''.join(lines)}</tbody></table>{more}"


class Shown:
    """A value that shows itself in one line, and in a notebook as a small table."""

    __slots__ = ()

    def _line(self) -> str:
        """What stands in brackets after the name of the class: by default the fields, each in a few words."""
        known: Any = self
        if not is_dataclass(known):
            return ""
        return ", ".join(f"{f.name}={brief(getattr(known, f.name))}" for f in fields(known) if f.repr)

    def _columns(self) -> Columns:
        """Columns of the table, all of one length; none: there is no table."""
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shortened(visible(self._line()), _LINE)})"

    def _repr_html_(self) -> str:
        return html(self)


class Tabular(Shown):
    """A value that is a table, too."""

    __slots__ = ()

    def to_frame(self) -> Any:
        """A pandas DataFrame of its table. Raises MissingExtraError if pandas is not installed."""
        return frame(self._columns())


class Reported(Tabular):
    """A value of which there is a report."""

    __slots__ = ()

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write its report into ``folder``: the page, every number as JSON, figures. Returns the page's path.

        ``force``: also where files lie that Earmark did not write. Raises DataError where it may not write, OSError,
        MissingExtraError without the 'train' extra.
        """
        import_module(_REPORTS)
        writer = next(_WRITERS[kind] for kind in type(self).__mro__ if kind in _WRITERS)
        return writer(self, Path(folder), force=force)


def brief(value: Any) -> str:
    """A value in a few words: numbers and short texts as they are, what is long by its size."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"array {shape}"
    if isinstance(value, (Mapping, Sequence, set, frozenset)) and not isinstance(value, (str, bytes)):
        return f"{len(value)} of {type(value).__name__}" if len(value) else "nothing"
    return _text(value, quote=True)


def counted(number: int, what: str, plural: str = "") -> str:
    """``"1 clip"``, ``"2 clips"``, ``"2 classes"``."""
    return f"{number} {what if number == 1 else plural or what + 's'}"


def shortened(text: str, most: int = 60) -> str:
    """A text that fits into a line."""
    return text if len(text) <= most else text[: most - 1] + "…"


def visible(text: str) -> str:
    """A text in one line, in which what cannot be shown is written as Python writes it."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _text(value: Any, *, quote: bool = False) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = repr(value) if quote else "" if value is None else str(value)
    return shortened(visible(text), _LONG)
