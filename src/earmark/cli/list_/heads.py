"""earmark list heads"""

from __future__ import annotations

import json

import click

from .. import _options as opt
from . import _listing

PLACE = ("list", 2)


@click.command(short_help="What is fitted on embeddings, with parameters.")
@opt.json_option
def command(as_json: bool) -> None:
    """List the heads: what can be fitted on embeddings, with their parameters and defaults.

    \b
    Examples:
      earmark list heads
      earmark list heads --json
      earmark compare clips.csv -r "yamnet/svm(C=10)"
    """
    from ...core import plugins

    found: list[tuple[str, str, dict[str, str]]] = []
    for name in plugins.names("heads"):
        about = str(getattr(plugins.module("heads", name), "ABOUT", "")).strip()
        takes = {
            k: repr(v) for k, v in plugins.parameters("heads", name).items() if k not in ("seed", "widths", "backbone")
        }
        found.append((name, about, takes))
    if as_json:
        click.echo(json.dumps([{"head": n, "about": a, "parameters": p} for n, a, p in found], indent=1))
        return
    _listing.show((name, (about, ", ".join(f"{k}={v}" for k, v in takes.items()))) for name, about, takes in found)
