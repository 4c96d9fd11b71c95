"""The commands as a whole: their order and blocks, their help, what old words answer, and the examples in the help."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from earmark.cli import main
from earmark.cli._group import Commands
from earmark.core import plugins
from earmark.errors import RecipeError
from earmark.metrics.clips import METRICS
from earmark.recipes import recipe

ROOT = Path(__file__).parent.parent
BLOCKS = {
    "begin": ["demo", "audit"],
    "learn": ["compare", "train", "evaluate", "study"],
    "use": ["predict", "serve"],
    "corpora": ["embed", "review"],
    "shelf": ["list", "weights", "cache", "rerun", "reproduce"],
}
GROUPS = {
    "study": ["ladder", "curve", "stress", "tune"],
    "list": ["backbones", "heads", "recipes", "datasets", "metrics"],
}


def call(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def commands(
    group: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group below ``group``, by its words."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command, (*path, name))


ALL = dict(commands())


# ------------------------------------------------------------------------------------------------- order and help
def test_help_has_the_blocks_in_order() -> None:
    text = call("--help").output
    found: dict[str, list[str]] = {}
    for line in text[text.index("begin:") :].splitlines():
        if block := re.fullmatch(r"(\w+):", line):
            found[block[1]] = []
        elif name := re.match(r"  (\w+)  +\S", line):
            found[list(found)[-1]].append(name[1])
    assert list(found.items()) == list(BLOCKS.items())
    assert "..." not in text[text.index("begin:") :]  # each line says all it has to say


@pytest.mark.parametrize("group", GROUPS)
def test_groups_in_order(group: str) -> None:
    text = call(group, "--help").output
    assert re.findall(r"^  (\w+)  +\S", text[text.index("Commands:") :], re.MULTILINE) == GROUPS[group]
    assert "..." not in text[text.index("Commands:") :]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_help_ends_well(path: tuple[str, ...]) -> None:
    result = call(*path, "--help")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: main {' '.join(path)}".rstrip())
    assert not re.search(r"\b(rows?|judge[sd]?|judging|left out)\b", result.output)  # today's words (test_words)


def test_a_mistyped_command() -> None:
    for args, word in ((("compair",), "compare"), (("study", "lader"), "ladder"), (("list", "head"), "heads")):
        result = call(*args)
        assert (result.exit_code, f"Did you mean '{word}'?" in result.output) == (2, True)


def test_a_command_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in (("late", ""), ("first", 'PLACE = ("use", 1)\n'), ("second", 'PLACE = ("use", 2)\n')):
        text = f'import click\n{place}\n@click.command()\ndef command():\n    """Do {name}."""\n    click.echo("{name} done")\n'
        (tmp_path / "plugged").mkdir(exist_ok=True)
        (tmp_path / "plugged" / f"{name}.py").write_text(text)
    (tmp_path / "plugged" / "__init__.py").write_text("")
    (tmp_path / "plugged" / "_shared.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    group = Commands(name="plugged", package="plugged", paths=[str(tmp_path / "plugged")])
    assert group.blocks() == [("use", ["first", "second"]), ("more", ["late"])]
    text = CliRunner().invoke(group, ["--help"]).output
    assert text.index("use:") < text.index("first ") < text.index("second ") < text.index("more:") < text.index("late ")
    assert CliRunner().invoke(group, ["late"]).output == "late done\n"


# ------------------------------------------------------------------------------------------------- examples
def _examples() -> Iterator[tuple[str, str]]:
    """Examples in the help of every command, and the commands in the docs."""
    for path, command in ALL.items():
        for line in (command.help or "").splitlines():
            if line.strip().startswith("earmark "):
                yield " ".join(path), re.split(r" {3,}|  #", line.strip())[0]
    for name in ("README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md") if p.name != "log.md")):
        for block in re.findall(r"```\w*\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("earmark "):
                    yield name, line.split("#")[0].strip()


@pytest.mark.parametrize(("where", "line"), list(dict.fromkeys(_examples())))
def test_examples_are_commands_that_are_understood(
    where: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    command: click.Command = main
    args = [a for a in shlex.split(line)[1:] if a != "…"]
    for name in ("clips.csv", "vggish_model.ckpt"):  # what examples name and click looks for
        (tmp_path / name).write_text("")
    args = [a.replace("~/Downloads/", "") for a in args]
    context = click.Context(main)
    while isinstance(command, click.Group) and args:
        found = command.get_command(context, args[0])
        assert found is not None, line
        command, args = found, args[1:]
    params = command.make_context("earmark", list(args)).params
    for given in params.get("recipes") or [params.get("recipe")]:
        if given and not given.endswith(".toml") and not re.match(r"(rows|embeddings)[/:]", given):
            recipe.find(given).check()
    if isinstance(params.get("backbone"), str) and "backbone" in params:
        plugins.check("backbones", params["backbone"].partition("(")[0], ())


@pytest.mark.parametrize("path", [p for p in ALL if p], ids=" ".join)
def test_every_command_has_an_example_of_itself(path: tuple[str, ...]) -> None:
    own = ALL[path].help or ""
    if path[0] in ("weights", "cache") and len(path) > 1:
        own = ALL[path[:1]].help or ""
    assert f"earmark {' '.join(path)}" in own


# ------------------------------------------------------------------------------------------------- old words
def _retired() -> list[tuple[str, str]]:
    text = (ROOT / "tests" / "golden" / "retired.txt").read_text("utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if not line.startswith("#")]
    return [(typed, told) for typed, told in lines]


@pytest.mark.parametrize(("typed", "told"), _retired())
def test_an_old_word_is_told_the_new_one(
    typed: str, told: str, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = [str(sounds) if a == "clips.csv" else a for a in shlex.split(typed)]
    result = call(*args)
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: {told}")
    assert result.output.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_names_of_files_are_no_old_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for args in (["compare", "heads", "-r", "mfcc/lda"], ["predict", "tune", "ladder"]):
        result = call(*args)
        assert result.exit_code == 1
        assert "is called" not in result.output


# ------------------------------------------------------------------------------------------------- lists
def test_lists_name_everything_in_a_line() -> None:
    for kind, key, names in (
        ("datasets", "dataset", plugins.names("datasets")),
        ("metrics", "metric", tuple(METRICS)),
        ("heads", "head", plugins.names("heads")),
        ("backbones", "backbone", plugins.names("backbones")),
        ("recipes", "name", tuple(recipe.shipped())),
    ):
        told = json.loads(call("list", kind, "--json").output)
        assert [one[key] for one in told] == list(names)
        assert all(one["about"] and "\n" not in one["about"] for one in told), kind
        text = call("list", kind).output
        assert all(name in text for name in names)


def test_one_recipe_is_shown_as_a_file(tmp_path: Path) -> None:
    text = call("list", "recipes", "quick").stdout
    (tmp_path / "mine.toml").write_text(text)
    assert recipe.find(str(tmp_path / "mine.toml")).short == recipe.find("quick").short
    result = call("list", "recipes", "quik")
    assert result.exit_code == 1
    assert "no recipe is called 'quik'. Did you mean 'quick'?" in result.output
    with pytest.raises(RecipeError):
        recipe.find("quik")
