"""Parts that other installed packages bring, by entry points.

A package says in its ``pyproject.toml`` what it brings; a backbone, a head or a data set is a module with a ``build()``,
a metric is a function that :func:`earmark.metrics.clips.metric` decorates::

    [project.entry-points."earmark.backbones"]
    loudness = "my_package.loudness"

    [project.entry-points."earmark.metrics"]
    mean_rank = "my_package.metrics:mean_rank"

``EARMARK_INTERFACE = 1`` in the module says which interface it was written for; without it, 1 is meant. What cannot be
used is nobody's failure but its own: it is kept as a :class:`Broken`, told where parts are listed, and by name.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import EarmarkError, RecipeError
from .text import first_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

INTERFACE = 1
"""Major version of what parts have to have. It is raised when a part that kept the contract no longer would."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")  # what a recipe can say
_ABOUT = ("summary", "trained_on", "licence", "citation", "weights", "shape", "sample_rate", "window", "hop")
_GIVES = {"backbones": ("embed", "fingerprint", "shape"), "heads": ("fit", "predict_proba"), "datasets": ("clips",)}


@dataclass(frozen=True)
class Outside:
    """A part of another package, loaded: its module, or the object that is a metric."""

    name: str
    package: str  # name and version of the package that brings it
    part: Any


@dataclass(frozen=True)
class Broken:
    """A part of another package that cannot be used, and why, in one line."""

    kind: str
    name: str
    package: str
    reason: str

    def __str__(self) -> str:
        return f"the {self.kind[:-1]} {self.name!r} of the package {self.package} cannot be used: {self.reason}"


@cache
def found(
    kind: str, shipped: tuple[str, ...], fault: Callable[[str, Any], str] | None = None
) -> tuple[dict[str, Outside], tuple[Broken, ...]]:
    """What other packages bring of a kind: usable parts by name, and the others.

    ``shipped``: names that are taken. ``fault(name, part)`` says why a part is none ("" if it is one); by itself a
    part is a module with a ``build()``.
    """
    usable: dict[str, Outside] = {}
    broken: list[Broken] = []
    for name, entries in sorted(_named(kind).items()):
        package = " and ".join(dict.fromkeys(map(_package, entries)))
        if name in shipped:
            reason = f"Earmark has a {kind[:-1]} of that name. Its authors have to give it another"
        elif not _NAME.fullmatch(name):
            reason = "wanted a name of small letters, digits, '-', '_' and '.'"
        elif len(entries) > 1:
            reason = "more than one part has that name. Uninstall one of them"
        else:
            part, reason = _loaded(entries[0])
            reason = reason or (fault(name, part) if fault else _lacking(kind, part))
            if not reason:
                usable[name] = Outside(name, package, part)
                continue
        broken.append(Broken(kind, name, package, reason))
    return usable, tuple(broken)


def _named(kind: str) -> dict[str, list[EntryPoint]]:
    """Entry points by the name that a recipe says: ``my_net`` is ``my-net``, but for metrics, which are functions."""
    from importlib.metadata import entry_points  # costs 20 ms, which commands without such parts need not pay

    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=f"earmark.{kind}"):
        name = entry.name if kind == "metrics" else entry.name.replace("_", "-")
        same = by_name.setdefault(name, [])
        if all((other.value, _package(other)) != (entry.value, _package(entry)) for other in same):
            same.append(entry)
    return by_name


def _package(entry: EntryPoint) -> str:
    try:
        return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "of no name"
    except Exception:  # its metadata are damaged
        return "of no name"


def _loaded(entry: EntryPoint) -> tuple[Any, str]:
    """A part, and why it cannot be used ("" if it can). Whatever its package does while it is imported is caught."""
    try:
        part = entry.load()
        version = getattr(part, "EARMARK_INTERFACE", None)
        if version is None:
            version = getattr(sys.modules.get(entry.module), "EARMARK_INTERFACE", INTERFACE)
        return part, _other(version)
    except (Exception, SystemExit) as error:
        return None, f"it cannot be imported ({said(error)})"


def _other(version: object) -> str:
    """Why a part of this version of the interface is refused; "" if it is not."""
    major = re.match(r"(\d+)(\.|$)", str(version))
    if isinstance(version, bool) or major is None:
        return f"found EARMARK_INTERFACE = {str(version)[:40]!r}; wanted a number such as {INTERFACE}"
    if int(major[1]) == INTERFACE:
        return ""
    side = "Earmark" if int(major[1]) > INTERFACE else "that package"
    return f"it was written for version {version} of the interface, and here is version {INTERFACE}. Update {side}"


def _lacking(kind: str, part: Any) -> str:
    """What a module lacks to be a part; "" if nothing."""
    if not callable(getattr(part, "build", None)):
        return f"wanted a module with a function build(), found none in {getattr(part, '__name__', part)!s:.80}"
    if kind == "backbones":
        about = getattr(part, "ABOUT", None)
        if missing := [name for name in _ABOUT if not hasattr(about, name)]:
            return f"wanted ABOUT = earmark.backbones.base.About(…) in its module; lacking: {', '.join(missing)}"
    if kind == "datasets" and "path" not in inspect.signature(part.build).parameters:
        return "wanted build(path, …), found no parameter 'path'"
    return ""


def built(kind: str, one: Outside, params: dict[str, Any]) -> Any:
    """Build a part of another package. Raises RecipeError in one line for what is its own failure."""
    try:
        part = one.part.build(**params)
    except EarmarkError:
        raise
    except Exception as error:
        reason = f"its build() failed ({said(error)})"
        raise RecipeError(str(Broken(kind, one.name, one.package, reason))) from error
    if missing := [name for name in _GIVES[kind] if not hasattr(part, name)]:
        reason = f"its build() gave a {type(part).__name__}, which has no {', '.join(missing)}"
        raise RecipeError(str(Broken(kind, one.name, one.package, reason)))
    return part


def said(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {first_line(str(error)) or 'no reason given'}"
