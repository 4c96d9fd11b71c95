"""docs/python.md: its blocks run as they stand, every public name has an example, every command has its function."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest

import earmark
from earmark.cli import main

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TABLE = dict(re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE))


def used(code: str) -> set[str]:
    """The public names that a block uses."""
    return {
        node.attr
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "em"
    }


def test_every_public_name_has_an_example() -> None:
    assert set().union(*map(used, BLOCKS)) == set(earmark.__all__)


def test_the_examples_run(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(sounds.parent, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    shutil.copy("low-0-0.wav", "new.wav")
    names: dict[str, Any] = {}
    for code in BLOCKS:
        if "to_frame" not in code or importlib.util.find_spec("pandas"):
            exec(compile(code, "docs/python.md", "exec"), names)
    assert {p.name for p in Path("out").iterdir()} == {"Audit", "Curve", "Ladder", "Stress", "Tuned"}
    assert Path("its-model/earmark.json").is_file()
    assert len(names["part"]) == 12
    assert len(names["groups"]) == len(names["X"]) == len(names["y"])


@pytest.mark.parametrize("name", sorted(set(earmark.__all__) - {"__version__"}))
def test_a_public_name_is_documented_and_typed(name: str) -> None:
    value = getattr(earmark, name)
    assert (inspect.getdoc(value) or "").strip()
    members = [value] if inspect.isfunction(value) else [m for n, m in vars(value).items() if n[0] != "_"]
    for member in filter(inspect.isfunction, members):
        hints = set(member.__annotations__)
        assert hints >= {*inspect.signature(member).parameters, "return"} - {"self", "cls"}, member
        assert inspect.getdoc(member), member


def commands(command: click.Command = main, path: tuple[str, ...] = ()) -> list[str]:
    """What is typed for each command that does something."""
    if not isinstance(command, click.Group):
        return [" ".join(path)]
    context = click.Context(command)
    below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [one for name, found in below if found for one in commands(found, (*path, name))]


def test_every_command_has_its_function() -> None:
    named = [name for cell in TABLE for name in re.findall("`(.+?)`", cell)]
    assert sorted(named) == sorted(commands())
    for place in re.findall(r"`([\w.]+)`", " ".join(TABLE.values())):
        module, _, name = place.rpartition(".")
        if place in named:
            assert callable(getattr(earmark, place))
        elif module.startswith("earmark."):
            assert hasattr(importlib.import_module(module), name), place
        else:
            owner = getattr(earmark, module or name)
            assert callable(getattr(owner, name) if module else owner), place
