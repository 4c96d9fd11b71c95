"""Options that several commands share, and how they are said back in reports."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..embeddings import Cache

F = TypeVar("F", bound=Callable[..., Any])
PROTOCOLS = ("rows", "clips", "groups", "published")

data_argument = click.argument("data", metavar="DATA")
recipe_option = click.option(
    "-r", "--recipe", "recipe", required=True, help="A recipe: yamnet/logreg, a shipped name, or a .toml file."
)
protocol_option = click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    help="What a split may not cut: rows (nothing), clips, groups, published folds. "
    "Default: numbered published folds if the data have them, else groups if known, else clips.",
)
folds_option = click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Number of folds.")
seed_option = click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same numbers.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a machine to read.")
cache_option = click.option(
    "--cache",
    "cache_folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where rows are kept. Default: under EARMARK_HOME.",
)
no_cache_option = click.option("--no-cache", is_flag=True, help="Neither read nor keep rows.")


def cached(function: F) -> F:
    """Both options about the cache."""
    return cache_option(no_cache_option(function))


def open_cache(folder: Path | None, no_cache: bool) -> Cache | None:
    """The cache that the options ask for."""
    from ..embeddings import Cache

    return None if no_cache else Cache(folder)


def out_option(what: str, *, required: bool = True, file: bool = False) -> Callable[[F], F]:
    """``--out`` for a folder or a file."""
    return click.option(
        "-o", "--out", type=click.Path(path_type=Path, file_okay=file, dir_okay=not file), required=required, help=what
    )


def said() -> str:
    """The command as it was typed, to be run again."""
    return shlex.join(["earmark", *sys.argv[1:]])


def points(value: float) -> str:
    """A share as a percentage with one digit."""
    return f"{100 * value:.1f}"
