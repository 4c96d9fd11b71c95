"""earmark list: a file here is a command of the group."""

from __future__ import annotations

import click

from .._group import Commands

PLACE = ("shelf", 1)


@click.command(
    cls=Commands, package=__name__, paths=__path__, short_help="Backbones, heads, recipes, data sets, metrics."
)
def command() -> None:
    """List what there is: backbones, heads, recipes, data sets, metrics.

    \b
    Examples:
      earmark list backbones
      earmark list recipes best-music
      earmark list metrics --json
    """
