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
from earmark.data.load import load_dataset
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


@pytest.mark.usefixtures("_package")
def test_the_data_set_of_the_page_accounts_for_every_sound(tmp_path: Path) -> None:
    for name in ("wren-1.wav", "robin-2.wav", "odd.wav"):
        (tmp_path / "here" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "here" / name).write_bytes(b"")
    found = load_dataset(f"nests:{tmp_path / 'here'}")
    assert sorted(clip.id for clip in found.clips) == ["robin-2.wav", "wren-1.wav"]
    assert [(Path(e.path).name, e.reason) for e in found.excluded] == [("odd.wav", "its name is not LABEL-NEST")]


def test_contributors_are_told_where_a_thing_goes() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (section,) = re.findall(r"^## Where a thing goes\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert len(section.splitlines()) <= 25  # one screen
    places = [p for p in re.findall(r"`([\w/.]+/[\w.]*|__init__\.py)`", section) if "NAME" not in p]
    assert len(places) > 12
    for place in places:
        assert (ROOT / place).exists() or (ROOT / "src" / "earmark" / place).exists(), place
    for folder in re.findall(r"`([\w/]+)/(?:make_)?NAME\.", section):
        assert (ROOT / folder).is_dir() or (ROOT / "src" / "earmark" / folder).is_dir(), folder
