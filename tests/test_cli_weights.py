"""The commands `earmark list backbones` and `earmark weights`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from earmark.backbones import weights
from earmark.cli import main
from earmark.core import plugins


def run(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def _empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_HOME", str(tmp_path))


def test_backbones_as_json() -> None:
    told = {one["backbone"]: one for one in json.loads(run("list", "backbones", "--json"))}
    assert told.keys() == set(plugins.names("backbones"))
    yamnet = told["yamnet"]
    assert (yamnet["embedding"], yamnet["sample_rate"], yamnet["hop"]) == ([1024], 16000, 0.48)
    assert [w["name"] for w in told["musicnn"]["weights"]] == ["musicnn-msd", "musicnn-mtt"]
    assert "at" in yamnet["parameters"]


@pytest.mark.usefixtures("_empty_home")
def test_how_to_get_what_is_missing() -> None:
    assert "yamnet: earmark weights fetch yamnet" in run("list", "backbones")
    listed = run("weights", "list")
    assert "musicnn-vgg-mtt: earmark weights fetch musicnn-vgg-mtt" in listed
    assert not any(one["present"] for one in json.loads(run("weights", "list", "--json")))


def test_wrong_name() -> None:
    assert "no weights are called 'yamnett'. Did you mean 'yamnet'?" in run("weights", "fetch", "yamnett", code=1)


@pytest.mark.usefixtures("_empty_home")
def test_add_something_else(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"no weights")
    output = run("weights", "add", "yamnet", str(tmp_path / "song.mp3"), code=1)
    assert "is not what 'yamnet' is made from" in output
    assert "variables.index" in output


def test_fetch_of_what_is_there(installed) -> None:  # type: ignore[no-untyped-def]
    one = installed("yamnet")
    assert run("weights", "fetch", "yamnet") == f"yamnet: present in {one.folder}\n"
    assert weights.status("yamnet").present
