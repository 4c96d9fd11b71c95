"""Typed records (dataclasses) from JSON: every value is of the type that its field says, or it is told which is not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

_Record = TypeVar("_Record")


def from_json(kind: type[_Record], found: Any, where: str = "") -> _Record:
    """A record from what JSON gave. Keys that it does not know are passed over; a float that is null is NaN.

    Raises ValueError that says at which key what was found and what was wanted.
    """
    if not isinstance(found, Mapping):
        raise ValueError(f"{where or kind.__name__} is {_shown(found)}; wanted an object")
    values, hints = {}, get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        inside = f"{where}.{field.name}" if where else field.name
        if field.name in found:
            values[field.name] = _value(hints[field.name], found[field.name], inside)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{inside} is missing")
    return kind(**values)


def _value(kind: Any, found: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return found
    if origin in (Union, UnionType):
        if found is None and NoneType in inner:
            return None
        return _value(next(k for k in inner if k is not NoneType), found, where)
    if origin is tuple and isinstance(found, (list, tuple)):
        return tuple(_value(inner[0], one, f"{where}[{i}]") for i, one in enumerate(found))
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(found, Mapping):
        return {_value(inner[0], k, where): _value(inner[1], v, f"{where}.{str(k)[:80]}") for k, v in found.items()}
    if hasattr(kind, "from_dict") and isinstance(found, Mapping):  # a record that reads itself
        return kind.from_dict(found)
    if is_dataclass(kind) and isinstance(kind, type):
        return from_json(kind, found, where)
    return _plain(kind, found, where)


def _plain(kind: Any, found: Any, where: str) -> Any:
    if kind is float and found is None:
        return math.nan
    if kind is float and isinstance(found, (int, float)) and not isinstance(found, bool):
        return float(found)
    if isinstance(kind, type) and issubclass(kind, StrEnum) and found in tuple(kind):
        return kind(found)
    if kind in (str, int, bool) and type(found) is kind:
        return found
    wanted = (
        " or ".join(map(repr, map(str, kind))) if isinstance(kind, type) and issubclass(kind, StrEnum) else _named(kind)
    )
    raise ValueError(f"{where} is {_shown(found)}; wanted {wanted}")


def _named(kind: Any) -> str:
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(kind, "a list" if get_origin(kind) is tuple else "an object")


def _shown(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= 80 else text[:80] + "…"
