"""A comparison done again from what its report says of it, and whether anything came out differently.

``metrics.json`` names the data, the recipes, the protocol, folds and seeds, the versions and a fingerprint of the data:
everything that the numbers depend on. The same of all these give the same numbers, to the last digit; only the times
may differ, which are not compared, in notes neither. Another processor, or another number of threads of the libraries
that fit a head, takes sums in another order: what differs by at most ``ROUNDING`` is told apart from what has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core import legacy
from ..core.errors import DataError
from ..core.renderers import Columns, Reported, counted
from ..data.cache import Cache
from ..data.copies import Copies, copies_by
from ..embeddings.load import Source
from ..models.results import Comparison
from ..recipes.recipe import Recipe
from .compare import compare

_TIMES = frozenset({"seconds"})  # keys, at any depth, whose values are times
_WORDS = frozenset(
    {"notes", "label_bounds"}
)  # of the whole comparison: a later version may tell more, an audit is another command
_NOTES = re.compile(r"(^|\.)notes?(\[\d+\])?$")  # places of prose, in which times may stand
_TIME = re.compile(r"\d[\d,.]*\s?(ms|s|secs?|seconds?|min|minutes?|h|hours?)\b")
ROUNDING = 1e-6  # times the larger of 1 and the number: what float32 sums in another order may differ by


@dataclass(frozen=True)
class Difference:
    """One value that is not what it was. ``where`` is its place, e.g. ``recipes[0].accuracy.value``."""

    where: str
    then: Any
    now: Any

    @property
    def rounding(self) -> bool:
        """True for two floats that are one but for rounding."""
        if not (isinstance(self.then, float) and isinstance(self.now, float)):
            return False
        return abs(self.then - self.now) <= ROUNDING * max(1.0, abs(self.then), abs(self.now))

    def __str__(self) -> str:
        if isinstance(self.then, float) and isinstance(self.now, float):
            return f"{self.where}: {self.then!r} then, {self.now!r} now ({self.now - self.then:+.2g})"
        return f"{self.where}: {_short(self.then)} then, {_short(self.now)} now"


@dataclass(frozen=True, repr=False)
class Rerun(Reported):
    """A comparison done again, and how it differs from the report: in data, in versions, in everything else."""

    comparison: Comparison
    data: tuple[Difference, ...]
    versions: tuple[Difference, ...]
    numbers: tuple[Difference, ...]
    compared: int  # values that were compared
    told: tuple[str, ...] = ()  # notes that the report does not have
    rounding: tuple[Difference, ...] = ()  # numbers that differ by rounding alone; they are not in ``numbers``

    def _line(self) -> str:
        kinds = {"of the data": self.data, "of versions": self.versions, "of numbers": self.numbers}
        told = [f"{len(found)} {name}" for name, found in kinds.items() if found]
        same = "the same numbers" if self.same else "other numbers"
        return f"{same}, {counted(self.compared, 'value')} compared, differences: {', '.join(told) or 'none'}"

    def _columns(self) -> Columns:
        """A line a difference."""
        every = (*self.data, *self.versions, *self.numbers)
        return {
            "where": [d.where for d in every],
            "then": [_short(d.then) for d in every],
            "now": [_short(d.now) for d in every],
        }

    @property
    def same(self) -> bool:
        """True if every number is what it was, to the last digit or but for ``rounding``; versions may differ."""
        return not (self.data or self.numbers)


def rerun(report: str | Path, *, source: Source | None = None, cache: Cache | None = None) -> Rerun:
    """Do the comparison again that a report is of: its folder, or its ``metrics.json``.

    ``source``: the data, if they lie elsewhere now. Raises DataError for a file that is no report of a comparison, and
    what ``compare`` raises.
    """
    then = _read(Path(report))
    where = source if source is not None else tuple(then["source"])
    if isinstance(where, tuple) and len(where) < 2:
        if not where:
            raise DataError(
                f"{report}: does not say where its data lie. Name them: earmark rerun {report} --data FOLDER_OR_TABLE"
            )
        where = str(where[0])
    with copies_by(str(then["dataset"].get("copies", Copies.SOUND))):
        found = compare(
            where,
            [_recipe(r) for r in then["recipes"]],
            protocol=str(then["protocol"]),
            folds=int(then["folds"]),
            seeds=int(then["seeds"]),
            seed=int(then["seed"]),
            cache=cache,
            command=str(then["command"]),
        )
    from .results import metrics

    now = metrics(found) | {"source": then["source"]}
    if source is not None:  # elsewhere they may be called otherwise: the fingerprint tells whether they are the same
        now["dataset"]["name"] = then["dataset"].get("name")
    then, told = {k: v for k, v in then.items() if k not in _WORDS}, then.get("notes", [])
    known = {_timeless(note) for note in told}
    then, now = legacy.comparable(then, {k: v for k, v in now.items() if k not in _WORDS})
    every = list(_differences(then, now))
    return Rerun(
        found,
        data=tuple(d for d in every if _kind(d) == "data"),
        versions=tuple(d for d in every if _kind(d) == "versions"),
        numbers=tuple(d for d in every if _kind(d) == "numbers"),
        rounding=tuple(d for d in every if _kind(d) == "rounding"),
        compared=sum(1 for _ in _leaves(then)),
        told=tuple(note for note in found.notes if _timeless(note) not in known),
    )


def _kind(one: Difference) -> str:
    """What differs: a backbone's fingerprint is a version, as its net may be made anew by another exporter."""
    if one.where.startswith("dataset."):
        return "data"
    if one.where.startswith("versions.") or re.fullmatch(r"recipes\[\d+\]\.backbones\[\d+\]\.fingerprint", one.where):
        return "versions"
    return "rounding" if one.rounding else "numbers"


def places(report: str | Path) -> tuple[str, ...]:
    """Where a report says that its data lie. Raises DataError as ``rerun`` does."""
    return tuple(map(str, _read(Path(report))["source"]))


def _read(path: Path) -> dict[str, Any]:
    path = path / "metrics.json" if path.is_dir() else path
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: not a readable metrics.json ({error}). Wanted: the folder that `earmark compare -o` wrote"
        ) from error
    kinds = {
        "source": list,
        "recipes": list,
        "protocol": str,
        "folds": int,
        "seeds": int,
        "seed": int,
        "command": str,
        "dataset": dict,
        "versions": dict,
    }
    wrong = [k for k, kind in kinds.items() if not isinstance(found, dict) or not isinstance(found.get(k), kind)]
    if wrong or not all(isinstance(r, dict) and {"recipe", "short"} <= r.keys() for r in found["recipes"]):
        raise DataError(
            f"{path}: not the report of a comparison by this version of Earmark: {', '.join(wrong) or 'recipes'} missing "
            "or wrong. Wanted: the metrics.json that `earmark compare -o` wrote"
        )
    if found["protocol"] == "held out":
        raise DataError(
            f"{path}: is of a trained model evaluated on other sounds. Evaluate it again with: earmark evaluate MODEL DATA"
        )
    return legacy.report(found)


def _recipe(told: Mapping[str, Any]) -> Recipe:
    recipe = Recipe.parse(str(told["short"]))
    return recipe if told["recipe"] == told["short"] else replace(recipe, title=str(told["recipe"]))


def _differences(then: Any, now: Any, where: str = "") -> Iterator[Difference]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted(then.keys() | now.keys()):
            # A recipe file's own words change no number.
            if key not in _TIMES and not (key == "toml" and "short" in then):
                yield from _differences(then.get(key), now.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(then, Sequence) and isinstance(now, Sequence) and not isinstance(then, str):
        if len(then) != len(now):
            yield Difference(where, then, now)
            return
        for i, (a, b) in enumerate(zip(then, now, strict=True)):
            yield from _differences(a, b, f"{where}[{i}]")
    elif isinstance(then, str) and isinstance(now, str) and _NOTES.search(where):
        if _timeless(then) != _timeless(now):
            yield Difference(where, then, now)
    elif type(then) is not type(now) or then != now:
        yield Difference(where, then, now)


def _timeless(text: str) -> str:
    """A text without the times in it."""
    return _TIME.sub("…", text)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, inside in value.items():
            if key not in _TIMES:
                yield from _leaves(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _leaves(inside)
    else:
        yield value


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} values"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
