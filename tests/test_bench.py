"""The programs of bench/ that others start by name are there, and each can be read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"


def test_workers_that_are_named_are_there() -> None:
    named = {
        node.value
        for file in BENCH.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".py")
        if "/" not in node.value and " " not in node.value
    }
    assert {"yamnet_tensorflow.py", "cnn_earmark.py"} <= named
    assert {name for name in named if not (BENCH / "peers" / name).is_file() and not (BENCH / name).is_file()} == set()


@pytest.mark.parametrize("file", sorted(BENCH.rglob("*.py")), ids=lambda f: f.name)
def test_what_it_takes_of_earmark_is_there(file: Path) -> None:
    from importlib import import_module

    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "earmark" and not node.level:
            module = import_module(str(node.module))
            for name in node.names:
                assert hasattr(module, name.name) or import_module(f"{node.module}.{name.name}"), name.name
