"""TextGrids of Praat, long or short: intervals with a text, and points. Intervals without are the gaps between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import DataError
from ..labels import tidy
from ._content import Content, Said, chosen, ordered

NAME = "TextGrid"
# Praat reads what stands free: texts in quotes, numbers, flags. All else explains.
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)|(<\w+>)')


def matches(path: Path, text: str) -> bool:
    """True by what Praat writes first."""
    return path.suffix.lower() == ".textgrid" or ("ooTextFile" in text[:40] and "TextGrid" in text[:120])


def read(path: Path, text: str) -> Content:
    """Raises DataError for another file of Praat's, one that breaks off, and where several tiers could be meant."""
    tokens = _TOKEN.finditer(text)
    if (kind := next(tokens, None)) is None or kind[1] != "ooTextFile" or "TextGrid" not in text[:120]:
        raise DataError(
            f"{path}: found no TextGrid as text; wanted one that Praat saved as a text file, not as a binary one"
        )
    try:
        next(tokens)  # "TextGrid"
        for _ in range(2):
            _number(tokens, path, text)
        flag = next(tokens)[0]
        tiers = (
            [_tier(tokens, path, text) for _ in range(int(_number(tokens, path, text)))] if flag == "<exists>" else []
        )
    except StopIteration:
        raise DataError(f"{path}: the TextGrid breaks off before all that it announces; wanted a whole file") from None
    filled = {name: said for name, said in tiers if said}
    if len(filled) < sum(1 for _, said in tiers if said):
        raise DataError(f"{path}: two tiers have one name; wanted each once: rename one of them")
    tier = chosen(filled, path, "tier")
    notes = [f"{path}: of the tiers, {tier!r} is read."] if len(filled) > 1 else []
    return Content(filled[tier], notes=notes) if tier is not None else Content(empty=[""])


def _tier(tokens: Iterator[re.Match[str]], path: Path, text: str) -> tuple[str, list[Said]]:
    kind, name = next(tokens)[1], next(tokens)[1] or ""
    for _ in range(2):
        _number(tokens, path, text)
    said = []
    for _ in range(int(_number(tokens, path, text))):
        first = next(tokens)
        where = f"{path}, line {text.count(chr(10), 0, first.start()) + 1}"
        start = _value(first, where)
        end = _value(next(tokens), where) if kind == "IntervalTier" else start
        label = tidy((next(tokens)[1] or "").replace('""', '"'))
        ordered(start, end, where, "xmax")
        if label or kind != "IntervalTier":
            said.append(Said("", start, end, label, None, None, where))
    return name, said


def _number(tokens: Iterator[re.Match[str]], path: Path, text: str) -> float:
    found = next(tokens)
    return _value(found, f"{path}, line {text.count(chr(10), 0, found.start()) + 1}")


def _value(token: re.Match[str], where: str) -> float:
    if token[2] is None or float(token[2]) < 0:
        raise DataError(f"{where}: found {token[0][:40]!r}; wanted a number, 0 or more")
    return float(token[2])
