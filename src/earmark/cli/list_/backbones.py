"""earmark list backbones"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ...core import plugins, terminal
from .. import _options as opt
from . import _listing

if TYPE_CHECKING:
    from ...backbones.base import About

PLACE = ("list", 1)


def _told(name: str) -> dict[str, Any]:
    """What there is to say about a backbone, with or without its weights."""
    from ...backbones import weights

    about = plugins.module("backbones", name).ABOUT
    states = [weights.status(one) for one in weights.named(name)] if about.weights else []
    if not about.weights:
        about = _layout(name, about)
    return {
        "backbone": name,
        "package": plugins.package("backbones", name),
        "about": about.summary,
        "embedding": list(about.shape),
        "sample_rate": about.sample_rate or None,
        "window": about.window or None,
        "hop": about.hop or None,
        "trained_on": about.trained_on,
        "licence": about.licence,
        "citation": about.citation,
        "weights": [{"name": s.name, "present": s.present, "how": s.how} for s in states],
        "parameters": {k: str(v) for k, v in plugins.parameters("backbones", name).items() if k != "weights"},
    }


def _layout(name: str, about: About) -> About:
    """What a backbone without weights makes, asked of itself (one that needs parameters cannot say)."""
    from ...core.errors import EarmarkError

    try:
        built = plugins.build("backbones", name)
    except EarmarkError:
        return about
    return replace(about, shape=built.shape, sample_rate=built.sample_rate, window=built.window, hop=built.hop)


@click.command(short_help="What makes embeddings of sounds; are its weights there?")
@opt.no_fetch_option
@opt.json_option
def command(as_json: bool) -> None:
    """List the backbones: what makes embeddings of sound, and whether its weights are there.

    \b
    Examples:
      earmark list backbones
      earmark list backbones --json
    """

    backbones = [_told(name) for name in plugins.names("backbones")]
    broken = plugins.broken("backbones")
    if as_json:
        click.echo(json.dumps([*backbones, *_listing.facts(broken)], indent=1, ensure_ascii=False))
        return
    table = terminal.table((0, 1, 0, 0))
    for column in ("backbone", "embedding", "kHz", "window, hop", "trained on", "licence", "weights"):
        wide = {"trained on": 12, "licence": 10, "weights": 7}.get(column)
        table.add_column(
            column, overflow="fold", min_width=wide, justify="right" if column in ("embedding", "kHz") else "left"
        )
    for one in backbones:
        missing = [w for w in one["weights"] if not w["present"]]
        table.add_row(
            one["backbone"],
            "×".join(map(str, one["embedding"])) or "–",
            f"{one['sample_rate'] / 1000:g}" if one["sample_rate"] else "–",
            f"{one['window']:.3g}, {one['hop']:.3g} s" if one["window"] else "–",
            one["trained_on"],
            one["licence"],
            "–" if not one["weights"] else "missing" if missing else "present",
        )
    console = terminal.console()
    console.print(table)
    for one in backbones:
        if one["package"]:
            console.print(f"  {one['backbone']}: {_listing.by(one['package'])}", highlight=False, markup=False)
    ways = [f"  {w['name']}: {w['how']}" for one in backbones for w in one["weights"] if not w["present"]]
    if ways:
        console.print("\nMissing weights, and how to get them:", *ways, sep="\n", soft_wrap=True)
    _listing.unusable(broken)
