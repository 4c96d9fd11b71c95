"""earmark list recipes"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

import click

from ...core.errors import RecipeError
from .. import _options as opt
from . import _listing

PLACE = ("list", 3)


@click.command(short_help="Recipes that come with Earmark; NAME shows one.")
@click.argument("name", required=False)
@opt.no_fetch_option
@opt.json_option
def command(name: str | None, as_json: bool) -> None:
    """List the recipes that come with Earmark, or show the one called NAME as a file to start from.

    \b
    Examples:
      earmark list recipes
      earmark list recipes best-music
      earmark compare clips.csv -r best-music
    """
    from ...recipes.recipe import Recipe, shipped

    files = shipped()
    if name is not None:
        if name not in files:
            raise RecipeError(f"no recipe is called {name!r}.{_near(name, files)} There are: {', '.join(files)}")
        if not as_json:
            click.echo(files[name].read_text("utf-8"), nl=False)
            return
        files = {name: files[name]}
    found = [(one, Recipe.from_toml(path)) for one, path in files.items()]
    if as_json:
        told = [{"name": n, "recipe": r.short, "about": r.about} for n, r in found]
        click.echo(json.dumps(told if name is None else told[0], indent=1))
        return
    _listing.show((one, (recipe.short, recipe.about)) for one, recipe in found)


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
