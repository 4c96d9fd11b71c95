"""Words of Earmark 0.1 that are no longer understood: whoever types one is told the new one, in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

import click

from ..core.errors import EarmarkError

_RECIPE = ("-r", "--recipe")


class RetiredError(click.ClickException):
    """An old word. It is told without the usage of the command, which does not know it."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Error: {self.format_message()}", file=file, err=file is None)


def verb(name: str) -> None:
    """Raise RetiredError for an old verb."""
    if new := _table()["verbs"].get(name):
        raise RetiredError(f"'earmark {name}' is called 'earmark {new}' now: earmark {new} --help")


def words(args: Sequence[str], error: click.UsageError | EarmarkError) -> None:
    """Raise RetiredError if a command failed because one of its ``args`` is an old word.

    Asked only when a command failed, and only about what the error itself speaks of: a file may be called as it likes.
    """
    table, text = _table(), error.format_message() if isinstance(error, click.UsageError) else str(error)
    if isinstance(error, click.NoSuchOption):
        if new := table["options"].get(error.option_name):
            raise RetiredError(f"the option {error.option_name} is called {new} now") from error
        return
    gone = {old for known in table["values"].values() for old in known}
    for option, value in _pairs(args):
        new = table["values"].get(option, {}).get(value)
        if new is not None and _unknown(value, text):
            raise RetiredError(f"{option} {_quoted(value)} is called {option} {_quoted(new)} now") from error
        if (
            option in _RECIPE
            and any(_unknown(w, text) for w in gone)
            and (new := _recipe(value, table["recipes"])) != value
        ):
            raise RetiredError(f"the recipe {value} is written {new} now") from error


def _unknown(word: str, text: str) -> bool:
    """True if an error says that there is nothing of that name: of a choice, a part, a pooling."""
    return any(said in text for said in (f"{word!r} is not one of", f"called {word!r}", f"is {word!r}"))


def _recipe(text: str, known: Mapping[str, str]) -> str:
    """The short form of a recipe in today's words. A file is no short form."""
    for old, new in known.items() if not text.endswith(".toml") else ():
        text = re.sub(old, new, text)
    return text


def _pairs(args: Sequence[str]) -> list[tuple[str, str]]:
    """Options with what was given to them: ``--pool mean``, ``--pool=mean``, ``-r yamnet/lda``, ``-ryamnet/lda``."""
    found = []
    for one, following in zip(args, [*args[1:], ""], strict=True):
        option, equals, value = one.partition("=")
        if one.startswith("--"):
            found.append((option, value if equals else following))
        elif one.startswith("-") and len(one) > 1:
            found.append((one[:2], one[2:] or following))
    return found


def _quoted(value: str) -> str:
    return f"'{value}'" if " " in value else value


@cache
def _table() -> Mapping[str, Any]:
    import tomllib  # only a command that failed asks for it

    return tomllib.loads((Path(__file__).parent / "retired.toml").read_text("utf-8"))
