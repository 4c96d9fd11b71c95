"""earmark list datasets"""

from __future__ import annotations

import json
import re

import click

from .. import _options as opt
from . import _listing

PLACE = ("list", 4)


@click.command(short_help="Data sets and layouts that are known by name.")
@opt.no_fetch_option
@opt.json_option
def command(as_json: bool) -> None:
    """List the data sets and layouts that can be read. DATA finds the right one itself, or is written NAME:PATH.

    \b
    Examples:
      earmark list datasets
      earmark list datasets --json
      earmark compare gtzan:genres/ -r yamnet/logreg
    """
    from ...core import plugins

    found = [
        (name, _about(plugins.module("datasets", name).__doc__), plugins.package("datasets", name))
        for name in plugins.names("datasets")
    ]
    broken = plugins.broken("datasets")
    if as_json:
        told = [{"dataset": n, "about": a, "package": package} for n, a, package in found]
        click.echo(json.dumps([*told, *_listing.facts(broken)], indent=1, ensure_ascii=False))
        return
    _listing.show(((name, (about, _listing.by(package))) for name, about, package in found), broken)


def _about(text: str | None) -> str:
    """The first sentence of a docstring, in one line."""
    return re.split(r"(?<=\.)\s", " ".join((text or "").split()), maxsplit=1)[0]
