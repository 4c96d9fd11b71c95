"""What somebody says of a recording: from here to there, this was heard; and where somebody listened at all.

An annotation says *yes*. *No* needs a span that was looked at: what lies outside all spans is not known, never "no".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from ..core.errors import DataError
from ..core.paths import spelled
from ..core.renderers import Shown

EVERY = "*"  # the path of a span that stands for every recording


@dataclass(frozen=True, slots=True, repr=False)
class Annotation(Shown):
    """``label`` was heard in the recording ``path`` from ``start`` to ``end`` seconds.

    ``path`` is the recording's id: its path as the data spell it. ``label`` "": something was heard, and it is not said
    what. A point has its end at its start. ``low``, ``high``: Hz. ``by``: who says so. ``when``: the date or time it was said,
    ISO 8601. Raises DataError for what no recording can have.
    """

    path: str
    start: float
    end: float
    label: str
    low: float | None = None
    high: float | None = None
    by: str | None = None
    when: str | None = None

    def __post_init__(self) -> None:
        _placed(self, "annotation")
        where = f"the annotation of {self.path!r} at {self.start:g} s"
        if not isinstance(self.label, str) or (self.label and not self.label.strip()):
            raise DataError(
                f"{where}: found the label {self.label!r}; wanted a text, or an empty one where it is not known"
            )
        for name in ("low", "high"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _number(value, f"{where}: {name}", "Hz"))
        if self.low is not None and self.high is not None and self.high < self.low:
            raise DataError(
                f"{where}: the band from {self.low:g} to {self.high:g} Hz is empty; wanted low not above high"
            )
        if self.by is not None and not (isinstance(self.by, str) and self.by.strip()):
            raise DataError(f"{where}: found {self.by!r} as who it is by; wanted a name, or nothing")
        if self.when is not None and not _is_time(self.when):
            raise DataError(
                f"{where}: found {self.when!r} as when it was made; wanted a date or time such as 2025-05-01T04:30"
            )


@dataclass(frozen=True, slots=True, repr=False)
class Span(Shown):
    """Somebody looked for ``label`` (None: for every class) in ``path`` from ``start`` to ``end`` seconds.

    ``path`` ``"*"`` is every recording. Raises DataError.
    """

    path: str
    start: float = 0.0
    end: float = math.inf
    label: str | None = None

    def __post_init__(self) -> None:
        _placed(self, "span", endless=True)
        if self.label is not None and not (isinstance(self.label, str) and self.label.strip()):
            raise DataError(f"the span of {self.path!r}: found the label {self.label!r}; wanted a text, or nothing")


Annotated = Literal["all"] | tuple[Span, ...] | None  # what was looked at: everything, spans, or nothing is known of it


def _placed(one: Annotation | Span, kind: str, *, endless: bool = False) -> None:
    """Bring path and times into their form. Raises DataError."""
    if isinstance(one.path, PathLike):
        object.__setattr__(one, "path", spelled(Path(one.path)))
    if not (isinstance(one.path, str) and one.path):
        raise DataError(f"{kind}: found the path {one.path!r}; wanted that of a recording")
    where = f"the {kind} of {one.path!r}"
    object.__setattr__(one, "start", _number(one.start, f"{where}: start", "seconds"))
    if not (endless and one.end == math.inf):
        object.__setattr__(one, "end", _number(one.end, f"{where}: end", "seconds"))
    if one.end < one.start or (endless and one.end == one.start):
        raise DataError(f"{where}: the end, {one.end:g} s, is not after the start, {one.start:g} s; wanted a later one")


def _number(value: Any, what: str, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value < 0:
        raise DataError(f"{what} is {value!r}; wanted {unit}, 0 or more")
    return float(value)


def _is_time(text: Any) -> bool:
    try:
        datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return False
    return True


def spans(annotated: Annotated) -> tuple[Span, ...]:
    """The spans of a data set as they are written: ``"all"`` is one that stands for every recording."""
    return (Span(EVERY),) if annotated == "all" else annotated or ()


def annotated_by(found: tuple[Span, ...]) -> Annotated:
    """The reverse of ``spans``."""
    return "all" if Span(EVERY) in found else found or None


def record(one: Annotation | Span) -> Mapping[str, Any]:
    """Its values by name."""
    return {name: getattr(one, name) for name in one.__slots__}
