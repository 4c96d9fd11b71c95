"""earmark study: a file here is a command of the group."""

from __future__ import annotations

import click

from .._group import Commands

PLACE = ("learn", 4)


@click.command(
    cls=Commands, package=__name__, paths=__path__, short_help="Honest splits, more labels, degraded sounds, tuning."
)
def command() -> None:
    """Ask more than one number of a recipe: honest splits, more labels, parameters, worse sounds.

    \b
    Examples:
      earmark study ladder clips.csv -r yamnet/logreg -o out
      earmark study curve clips.csv -r yamnet/logreg --sizes 1,2,5,10
      earmark study tune clips.csv -r yamnet/svm --trials 30 -o tuned
      earmark study stress my-model new-sounds/ --change mp3
    """
