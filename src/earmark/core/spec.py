"""A part by name with its parameters, and the grammar it is written in."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import RecipeError

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True)
class Part:
    """A part by name with its parameters, e.g. ``svm(C=10)``. Hashable; parameters are kept sorted."""

    name: str
    params: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, name: str, params: Mapping[str, Any] | None = None) -> Part:
        return cls(name, tuple(sorted((k, _frozen(v)) for k, v in (params or {}).items())))

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read ``name``, ``name@layer`` or ``name(parameter=value, …)``. Raises RecipeError."""
        return _part(text, text)

    @property
    def kwargs(self) -> dict[str, Any]:
        return dict(self.params)

    def __str__(self) -> str:
        shown = [(k, v) for k, v in self.params if k != "at"]
        at = dict(self.params).get("at")
        inside = ", ".join(f"{k}={v!r}" for k, v in shown)
        return self.name + (f"@{at}" if at else "") + (f"({inside})" if inside else "")


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, (list, tuple)) else value


def _cut(text: str) -> str:
    """A recipe in a message."""
    return repr(text if len(text) <= 200 else text[:200] + "…")


def _split(text: str, mark: str) -> list[str]:
    """Split at ``mark`` outside brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == mark and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [p.strip() for p in [*parts, text[start:]]]


def _part(text: str, whole: str) -> Part:
    """``name``, ``name@layer`` or ``name(k=v, …)``; values are Python literals or bare words."""
    head, bracket, inside = text.partition("(")
    name, _, at = head.partition("@")
    if not _NAME.fullmatch(name) or (bracket and not text.endswith(")")):
        raise RecipeError(
            f"recipe {_cut(whole)}: cannot read the part {_cut(text)}. Wanted: name or name(parameter=value, …)"
        )
    params: dict[str, Any] = {"at": at} if at else {}
    for item in _split(inside[:-1], ",") if inside[:-1].strip() else []:
        key, equals, value = item.partition("=")
        if not equals:
            raise RecipeError(
                f"recipe {_cut(whole)}: found {_cut(item)} in {_cut(text)} where parameter=value was wanted"
            )
        try:
            params[key.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            params[key.strip()] = value.strip()
    return Part.of(name, params)


def _part_of(table: Mapping[str, Any] | str) -> Part:
    if isinstance(table, str):
        return _part(table, table)
    rest = dict(table)
    return Part.of(str(rest.pop("name")), rest)
