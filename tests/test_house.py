"""The house: rooms in one direction, no circles, and nothing imported that is not declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import earmark

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "earmark"
TOLD: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# Which extras a room may import from, beside the core; the rooms of a server must do with the server's alone. Object
# stores are opened by functions that import what reads them.
EXTRAS_OF = {
    "cli": (),
    "core": ("ray", "fast", "pandas"),
    "errors": (),
    "serve": ("serve",),
    "label": ("serve",),
    "web": ("serve",),
}
ELSEWHERE = ("train", "fast", "ray")
# Declared though no line imports it: fastapi reads forms with it.
NOT_IMPORTED = {"python-multipart"}


@cache
def arrows() -> dict[str, frozenset[str]]:
    """Module -> the modules that it imports: inside functions and for type checkers, too."""
    grimp = pytest.importorskip("grimp", reason="grimp is not installed (extra 'dev')")
    graph = grimp.build_graph("earmark", cache_dir=None)
    return {m: frozenset(graph.find_modules_directly_imported_by(m)) for m in graph.modules}


def circle(of: dict[str, frozenset[str]]) -> list[str]:
    """The modules of one circle; empty if there is none."""
    try:
        TopologicalSorter(of).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def rooms() -> set[str]:
    return {p.name for p in HOUSE.iterdir() if p.is_dir() and p.name != "__pycache__"}


def test_no_module_comes_back_to_itself() -> None:
    assert len(arrows()) > 150
    assert circle(arrows()) == []
    assert circle({"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"a"})})


def test_there_are_rooms_only() -> None:
    files = {p.name for p in HOUSE.iterdir() if p.is_file()}
    assert files == {"__init__.py", "__main__.py", "py.typed"}
    assert [room for room in rooms() if not (HOUSE / room / "__init__.py").is_file()] == []


def test_no_public_name_is_that_of_a_room() -> None:
    assert set(earmark.__all__) & rooms() == set()


def test_the_contract_names_every_room_and_has_no_exception() -> None:
    linter = TOLD["tool"]["importlinter"]
    assert linter["exclude_type_checking_imports"] is False
    layers, outside = linter["contracts"]
    assert layers["exhaustive"] is True
    assert outside["protected_modules"] == ["earmark", "earmark.errors"]
    assert outside["allowed_importers"] == []
    for contract in (layers, outside):
        assert not {"ignore_imports", "exhaustive_ignores", "unmatched_ignore_imports_alerting"} & set(contract)
    named = {name.strip("() ") for layer in layers["layers"] for name in re.split(r"[|:]", layer)}
    assert rooms() | {"__main__"} <= named


def test_only_the_way_in_imports_the_command_line() -> None:
    assert {m for m, to in arrows().items() if "earmark" in to} == set()
    assert {m for m, to in arrows().items() if "earmark.cli" in to and not m.startswith("earmark.cli")} == {
        "earmark.__main__"
    }


def outside(file: Path) -> Iterator[str]:
    """Top-level names of what a file imports that is neither Python's nor Earmark's."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        yield from {n.split(".")[0] for n in names} - sys.stdlib_module_names - {"earmark"}


def declared(*extras: str) -> set[str]:
    """Canonical names of the packages of the core and of some extras."""
    lists = [TOLD["project"]["dependencies"], *(TOLD["project"]["optional-dependencies"][e] for e in extras)]
    return {canonicalize_name(Requirement(text).name) for texts in lists for text in texts}


_brought_by = cache(packages_distributions)


def distributions(name: str) -> set[str]:
    """Packages that bring an importable name: ``sklearn`` is scikit-learn's."""
    return {canonicalize_name(n) for n in _brought_by().get(name, [name])}


@pytest.mark.parametrize("room", ["__main__.py", "__init__.py", *sorted(rooms())])
def test_what_is_imported_is_declared(room: str) -> None:
    allowed = declared(*EXTRAS_OF.get(room, ELSEWHERE))
    files = (HOUSE / room).rglob("*.py") if (HOUSE / room).is_dir() else [HOUSE / room]
    used = {(n, file.relative_to(HOUSE).as_posix()) for file in files for n in outside(file)}
    assert [where for where in sorted(used) if not distributions(where[0]) & allowed] == []


def test_what_is_declared_is_imported() -> None:
    used = {d for file in HOUSE.rglob("*.py") for n in outside(file) for d in distributions(n)}
    assert declared("train", "serve", "fast", "ray") - used - NOT_IMPORTED == set()


LONGEST = 60  # lines of a function, its head and its docstring included


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """(name, lines) of every function of a file, those inside others, too."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_function_is_long(tmp_path: Path) -> None:
    found = {(f.relative_to(HOUSE).as_posix(), *one) for f in HOUSE.rglob("*.py") for one in functions(f)}
    assert len(found) > 1000
    assert sorted(one for one in found if one[2] > LONGEST) == []
    (tmp_path / "long.py").write_text("async def long():\n" + "    pass\n" * LONGEST)
    assert list(functions(tmp_path / "long.py")) == [("long", LONGEST + 1)]
