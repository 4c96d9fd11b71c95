"""Everything that Earmark depends on has a licence that is known and allowed, and the page about it is not old."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def _program(name: str) -> Any:
    """A program of bench/, without its folder on the path: names there are those of packages, too (coverage)."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", ROOT / "bench" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


advisories = _program("advisories")
licences = _program("licences")


@pytest.mark.parametrize("extra", licences.EXTRAS)
def test_licences_are_known_and_allowed(extra: str) -> None:
    found = {name: licences.licence(name) for name in licences.needed(extra)}
    assert len(found) > 5 or extra == "ray"
    assert {name: said for name, said in found.items() if licences.refused(said)} == {}


def test_the_ffmpeg_that_is_used_is_no_gpl() -> None:
    assert not licences.refused(licences.ffmpeg())


@pytest.mark.parametrize(
    ("said", "no"),
    [
        ("MIT", False),
        ("GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0", True),
        ("not said", True),
        ("GPL version 3 or later", True),
        ("LGPL version 3 or later", False),
        ("GPL-2.0 OR MIT", False),
        ("CC BY-NC 4.0", True),
        ("Proprietary", True),
        ("MIT AND GPL-3.0", True),
    ],
)
def test_what_is_refused(said: str, no: bool) -> None:
    assert licences.refused(said) is no


def test_every_direct_dependency_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "licences.md").read_text("utf-8").lower()
    for extra in ("", "train", "serve", "ray"):
        for text in licences.declared(extra):
            name = re.match(r"[\w-]+", text)
            assert name
            assert f"| {name[0].lower()} |" in page or f"| {name[0].lower().replace('-', '_')} |" in page, text


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ('print(\'{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}\')', []),
        (
            'print(\'{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}]}\')',
            ["a 1: X-1, mended in 2"],
        ),
        ("import sys; sys.exit('no route to the index')", "no route to the index"),
        ("import time; time.sleep(30)", "no answer in 0.5 s"),
    ],
)
def test_advisories_end_in_time_and_do_not_fail_offline(code: str, wanted: list[str] | str) -> None:
    seconds = 0.5 if "sleep" in code else 30
    assert advisories.faults((sys.executable, "-c", code), seconds=seconds) == wanted
