"""Examples in docstrings run."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

import earmark

HOUSE = Path(earmark.__file__).parent
_EXAMPLE = re.compile(r"^ *>>> (?!.*SKIP)", re.MULTILINE)
MODULES = sorted(p for p in HOUSE.rglob("*.py") if _EXAMPLE.search(p.read_text("utf-8")))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(HOUSE).as_posix())
def test_examples_run(path: Path) -> None:
    name = ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts).removesuffix(".__init__")
    found = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted
    assert found.failed == 0


def test_there_are_examples() -> None:
    assert len(MODULES) > 5
