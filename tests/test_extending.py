"""docs/extending.md by the page alone: its files exist, and its blocks, put into a package, are parts that keep their contract."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from earmark import testing
from earmark.core import plugins
from earmark.metrics.clips import METRICS
from packages import installed, put

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
POINTS = tomllib.loads("\n".join(re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)))


@pytest.fixture
def _package(tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "site"
    put(folder, "by-the-page", "1.0", POINTS["project"]["entry-points"])
    for name, code in BLOCKS.items():
        (folder / name).write_text(code, encoding="utf-8")
    with installed(folder):
        yield


def test_every_kind_has_its_steps() -> None:
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert list(sections) == ["Backbone", "Head", "Data set", "Metric", "Command", "Outside package"]
    assert all(text.count("- [ ]") >= 3 for text in sections.values())
    assert set(POINTS["project"]["entry-points"]) == {
        f"earmark.{k}" for k in ("backbones", "heads", "datasets", "metrics")
    }


def test_what_it_names_exists() -> None:
    paths = re.findall(r"`((?:src|docs|tests)/[\w./-]+)`", PAGE)
    assert len(paths) > 8
    for path in paths:
        if "NAME" in path:
            assert (ROOT / path).parent.is_dir(), path
        else:
            assert (ROOT / path).exists(), path
    for check in re.findall(r"`from earmark\.testing import (\w+)`", PAGE):
        assert callable(getattr(testing, check))
    importlib.import_module("earmark.cli._options")
    assert callable(plugins.broken)


@pytest.mark.usefixtures("_package")
def test_the_blocks_are_parts_that_keep_their_contract() -> None:
    assert sorted(BLOCKS) == ["doubt.py", "gentle.py", "nests.py", "peaks.py"]
    assert not any(plugins.broken(kind) for kind in ("backbones", "heads", "datasets"))
    testing.check_backbone("peaks")
    testing.check_head("gentle")
    testing.check_dataset("nests")
    testing.check_metric("doubt")
    assert list(METRICS)[-1] == "doubt"
