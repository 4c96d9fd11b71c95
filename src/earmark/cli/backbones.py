"""earmark backbones"""

from __future__ import annotations

import json
from typing import Any

import click

from . import _options as opt


def _told(name: str) -> dict[str, Any]:
    """What there is to say about a backbone, with or without its weights."""
    from earmark import registry, weights

    about = registry.module("backbones", name).ABOUT
    wanted = [one for one in weights.known() if about.weights and one in weights.named(name)]
    states = [weights.status(one) for one in wanted]
    return {
        "backbone": name,
        "about": about.summary,
        "row": list(about.shape),
        "sample_rate": about.sample_rate or None,
        "window": about.window or None,
        "hop": about.hop or None,
        "trained_on": about.trained_on,
        "licence": about.licence,
        "citation": about.citation,
        "weights": [{"name": s.name, "present": s.present, "how": s.how} for s in states],
        "parameters": {k: str(v) for k, v in registry.parameters("backbones", name).items() if k != "weights"},
    }


@click.command()
@opt.json_option
def command(as_json: bool) -> None:
    """List the backbones: what makes rows of sound, and whether its weights are there.

    \b
    Examples:
      earmark backbones
      earmark backbones --json
    """
    from earmark import registry

    backbones = [_told(name) for name in registry.names("backbones")]
    if as_json:
        click.echo(json.dumps(backbones, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("backbone", "about", "row", "Hz", "window / hop", "trained on", "licence", "weights"):
        table.add_column(column, overflow="fold", justify="right" if column in ("row", "Hz") else "left")
    for one in backbones:
        table.add_row(
            one["backbone"],
            one["about"],
            "×".join(map(str, one["row"])) or "–",
            str(one["sample_rate"] or "–"),
            f"{one['window']:.3g} / {one['hop']:.3g} s" if one["window"] else "–",
            one["trained_on"],
            one["licence"],
            "\n".join(f"{w['name']}: {'present' if w['present'] else w['how']}" for w in one["weights"])
            or "none needed",
        )
    Console().print(table)
