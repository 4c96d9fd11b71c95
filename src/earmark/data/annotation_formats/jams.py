"""JAMS: observations in time, by namespace. A value is the label, as text; of a dict, its ``label``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ..labels import tidy
from ._content import Content, Said, chosen, ordered

NAME = "JAMS"


def matches(path: Path, text: str) -> bool:
    """True by the ending, or by what a JAMS file holds."""
    return path.suffix.lower() == ".jams" or ('"namespace"' in text and '"annotations"' in text)


def read(path: Path, text: str) -> Content:
    """Raises DataError for what is no JAMS, and where several namespaces could be meant."""
    try:
        held = json.loads(text)["annotations"]
        found = [(str(one["namespace"]), list(_observations(one["data"])), _by(one)) for one in held]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not a readable JAMS file ({type(error).__name__}: {error})") from error
    if not found:
        return Content(empty=[""])
    space = chosen([name for name, data, _ in found if data] or [found[0][0]], path, "namespace")
    said = [
        _said(one, by, f"{path}, {name}, observation {count}")
        for name, data, by in found
        if name == space
        for count, one in enumerate(data, start=1)
    ]
    others = sorted({name for name, data, _ in found if data and name != space})
    notes = [f"{path}: the namespaces {', '.join(others)} are not read."] if others else []
    return Content(said, [] if said else [""], notes=notes)


def _observations(data: Any) -> Iterator[Mapping[str, Any]]:
    """A list of them, or, as JAMS 0.2 wrote, columns."""
    if isinstance(data, Mapping):
        names = [n for n in ("time", "duration", "value") if n in data]
        for values in zip(*(data[n] for n in names), strict=True):
            yield dict(zip(names, values, strict=True))
    else:
        yield from (dict(one) for one in data)


def _by(one: Mapping[str, Any]) -> str | None:
    """Who annotated, as far as it is told."""
    who = (one.get("annotation_metadata") or {}).get("annotator") or {}
    return next((str(who[key]) for key in ("name", "id", "email") if isinstance(who, dict) and who.get(key)), None)


def _said(one: Mapping[str, Any], by: str | None, where: str) -> Said:
    start, length = one.get("time"), one.get("duration") or 0.0
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and v >= 0 for v in (start, length)):
        raise DataError(f"{where}: the time is {start!r} and the duration {length!r}; wanted seconds, 0 or more")
    value = one.get("value")
    if isinstance(value, Mapping):
        if "label" not in value:
            raise DataError(
                f"{where}: the value has {', '.join(map(str, value))}; wanted a text, a number, or a label in it"
            )
        value = value["label"]
    begin = float(start or 0.0)
    ordered(begin, end := round(begin + float(length), 9), where, "the end")
    return Said("", begin, end, _label(value), None, None, where, by)


def _label(value: Any) -> str:
    """A value as text: 1, not 1.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else tidy(str(value))
