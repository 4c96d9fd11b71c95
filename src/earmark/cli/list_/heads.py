"""earmark list heads"""

from __future__ import annotations

import json

import click

from .. import _options as opt
from . import _listing

PLACE = ("list", 2)


@click.command(short_help="What is fitted on embeddings, with parameters.")
@opt.no_fetch_option
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
    broken = plugins.broken("heads")
    for name in plugins.names("heads"):
        about = str(getattr(plugins.module("heads", name), "ABOUT", "")).strip()
        takes = {
            k: repr(v) for k, v in plugins.parameters("heads", name).items() if k not in ("seed", "widths", "backbone")
        }
        found.append((name, about, takes))
    if as_json:
        told = [{"head": n, "about": a, "parameters": p, "package": plugins.package("heads", n)} for n, a, p in found]
        click.echo(json.dumps([*told, *_listing.facts(broken)], indent=1, ensure_ascii=False))
        return
    _listing.show(
        (
            (n, (about, ", ".join(f"{k}={v}" for k, v in takes.items()), _listing.by(plugins.package("heads", n))))
            for n, about, takes in found
        ),
        broken,
    )
