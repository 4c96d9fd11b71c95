"""Files are the registry: a part is the file of its name with a ``build()`` in it.

``backbones/yamnet.py`` is the backbone ``yamnet``; ``backbones/musicnn_vgg.py`` is ``musicnn-vgg``.
Nothing is declared anywhere else. Files without a ``build()`` are shared code, not parts.
Other installed packages bring parts by entry points: ``outside.py``. Names of parts that are here they cannot take.

>>> build("heads", "knn", k=3)            # doctest: +SKIP
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any, cast

from . import outside
from .errors import MissingExtraError, RecipeError

_EXTRA_OF = {
    "torch": "train", "skorch": "train", "sklearn": "train", "scipy": "train", "onnx": "train", "skl2onnx": "train",
    "matplotlib": "train", "jinja2": "train", "pyarrow": "train", "optuna": "train", "audiomentations": "train",
}  # fmt: skip


_ROOMS = {"backbones": "earmark.backbones", "heads": "earmark.heads", "datasets": "earmark.data.layouts"}
_BUILD = re.compile(r"^def build\(", re.MULTILINE)


def names(kind: str) -> tuple[str, ...]:
    """Names of all parts of a kind (``"backbones"``, ``"heads"``, ``"datasets"``) that can be used, sorted.

    Those of other packages are among them; to know that they can be used they are imported.
    """
    here = shipped(kind)
    return tuple(sorted((*here, *outside.found(kind, here)[0])))


def broken(kind: str) -> tuple[outside.Broken, ...]:
    """Parts of other packages that cannot be used, each with the reason in one line."""
    return outside.found(kind, shipped(kind))[1]


def package(kind: str, name: str) -> str | None:
    """Name and version of the package that brings a part; None for Earmark's own."""
    here = shipped(kind)
    one = None if name in here else outside.found(kind, here)[0].get(name)
    return one.package if one else None


def refresh() -> None:
    """Look anew for what other packages bring: after one was installed into a running Python."""
    outside.found.cache_clear()


@cache
def shipped(kind: str) -> tuple[str, ...]:
    """Names of Earmark's own parts of a kind, sorted."""
    package = importlib.import_module(_ROOMS[kind])
    found = (m for m in pkgutil.iter_modules(package.__path__) if not m.ispkg and not m.name.startswith("_"))
    return tuple(sorted(m.name.replace("_", "-") for m in found if _is_part(f"{_ROOMS[kind]}.{m.name}")))


def _is_part(module: str) -> bool:
    """True for a file with a ``build()`` in it. It is looked at, not imported: that would cost seconds."""
    spec = importlib.util.find_spec(module)
    get_source = getattr(spec.loader if spec else None, "get_source", None)
    source = get_source(module) if get_source else None
    return source is not None and _BUILD.search(source) is not None


def module(kind: str, name: str) -> ModuleType:
    """The file of a part. Raises RecipeError for an unknown name, MissingExtraError when packages are missing."""
    if name not in shipped(kind):
        return cast(ModuleType, _outside(kind, name).part)
    try:
        return importlib.import_module(f"{_ROOMS[kind]}.{name.replace('-', '_')}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing in _EXTRA_OF:
            raise MissingExtraError(f"the {kind[:-1]} {name!r} (package {missing!r})", _EXTRA_OF[missing]) from error
        raise


def _outside(kind: str, name: str) -> outside.Outside:
    """A part of another package. Raises RecipeError that says why there is none."""
    usable, unusable = outside.found(kind, shipped(kind))
    if name in usable:
        return usable[name]
    for one in unusable:
        if one.name == name:
            raise RecipeError(str(one))
    near = difflib.get_close_matches(name, names(kind), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise RecipeError(f"no {kind[:-1]} is called {name!r}.{hint} There are: {', '.join(names(kind))}")


def parameters(kind: str, name: str) -> dict[str, Any]:
    """The parameters a part takes, with their defaults (``inspect.Parameter.empty`` where there is none)."""
    signature = inspect.signature(module(kind, name).build)
    return {p.name: p.default for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD}


def check(kind: str, name: str, params: Iterable[str]) -> None:
    """Raise RecipeError if there is no such part, or if it does not take one of ``params``."""
    known = parameters(kind, name)
    for wrong in sorted(set(params) - known.keys()):
        near = difflib.get_close_matches(wrong, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        takes = ", ".join(known) or "none"
        raise RecipeError(f"{kind[:-1]} {name!r} has no parameter {wrong!r}.{hint} It takes: {takes}")


def build(kind: str, name: str, /, **params: Any) -> Any:
    """Build a part by name. Raises RecipeError if it does not take one of ``params``."""
    check(kind, name, params)
    if name in shipped(kind):
        return module(kind, name).build(**params)
    return outside.built(kind, _outside(kind, name), params)
