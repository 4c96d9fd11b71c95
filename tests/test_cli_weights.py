"""The commands `earmark list backbones` and `earmark weights`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from earmark.backbones import weights
from earmark.backbones.weights import store
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


# What takes one of these may need weights; the others have nothing to do with nets.
NEEDING = {"recipe", "recipes", "backbone", "backbones", "model", "models", "head", "report", "folder"}
NO_NETS = {"cache clear": "a backbone's name is that of a folder", "weights add": "takes what the user has"}


def every(command: click.Command = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """All commands by what is typed."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from every(found, (*path, name))


COMMANDS = dict(every())


def can_be_forbidden(command: click.Command) -> bool:
    return any("--no-fetch" in p.opts for p in command.params)


@pytest.mark.parametrize("name", [n for n, c in COMMANDS.items() if NEEDING & {p.name for p in c.params}])
def test_whatever_may_need_weights_can_be_forbidden_to_fetch_them(name: str) -> None:
    assert len(COMMANDS) > 20
    assert can_be_forbidden(COMMANDS[name]) != (name in NO_NETS)


@pytest.mark.parametrize(
    "name", ["predict", "serve", "demo", "review", *(f"list {k}" for k in ("backbones", "heads", "recipes"))]
)
def test_these_can_be_forbidden_too(name: str) -> None:
    assert can_be_forbidden(COMMANDS[name])


REFUSED = {
    "compare": "{data} -r yamnet/lda",
    "train": "{data} -r yamnet/lda -o {out}",
    "embed": "{data} -b yamnet -o {out}.npz",
    "audit": "{data} -b yamnet -o {out} --no-groups",
    "demo": "{data} -o {out}",
    "study ladder": "{data} -r yamnet/lda",
    "study curve": "{data} -r yamnet/lda",
    "study tune": "{data} -r yamnet/lda --trials 2",
    "study stress": "yamnet/lda {data}",
    "weights int8": "yamnet {data}",
}


@pytest.mark.usefixtures("_empty_home")
@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_line_that_says_what_to_do(
    name: str, how: str, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "fetch_all", lambda *_, **__: pytest.fail("it was fetched"))
    monkeypatch.delenv(store.VARIABLE, raising=False)
    if how == "variable":
        monkeypatch.setenv(store.VARIABLE, "1")
    args = REFUSED[name].format(data=sounds, out=tmp_path / "out").split()
    said = run(*name.split(), *args, *(["--no-fetch"] if how == "option" else []), code=1).strip()
    assert said == (
        "Error: the weights 'yamnet' are not installed, and EARMARK_OFFLINE or --no-fetch forbids fetching them. "
        "Get them with: earmark weights fetch yamnet"
    )
    assert os.environ.get(store.VARIABLE) == ("1" if how == "variable" else None)
