"""earmark recipes"""

from __future__ import annotations

import json

import click

from . import _listing
from . import _options as opt


@click.command()
@opt.json_option
def command(as_json: bool) -> None:
    """List the recipes that come with Earmark. Use one by its name: earmark compare DATA -r NAME."""
    from ..recipes.recipe import Recipe, shipped

    found = [(name, Recipe.from_toml(path)) for name, path in shipped().items()]
    if as_json:
        click.echo(json.dumps([{"name": n, "recipe": r.short, "about": r.about} for n, r in found], indent=1))
        return
    _listing.show((name, (recipe.short, recipe.about)) for name, recipe in found)
