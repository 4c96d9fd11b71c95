"""earmark weights list | fetch | add | int8"""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..core import terminal
from . import _options as opt

PLACE = ("shelf", 2)


@click.group(short_help="Get the pretrained weights of backbones, checked.")
def command() -> None:
    """Get the pretrained weights of backbones, checked by sha256.

    \b
    Examples:
      earmark weights list
      earmark weights fetch yamnet musicnn
      earmark weights add vggish ~/Downloads/vggish_model.ckpt
      earmark weights int8 yamnet sounds/
    """


@command.command("list")
@opt.json_option
def list_(as_json: bool) -> None:
    """List all known weights: present, or how to get them."""
    from earmark.backbones import weights

    found = [(one, weights.status(name)) for name, one in weights.known().items()]
    if as_json:
        told = [
            {"name": s.name, "present": s.present, "how": s.how, "licence": s.licence, "trained_on": one.trained_on}
            for one, s in found
        ]
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    table = terminal.table((0, 2, 0, 0))
    for column in ("weights", "trained on", "licence", "state"):
        table.add_column(column, overflow="fold")
    for one, state in found:
        table.add_row(state.name, one.trained_on, state.licence, "present" if state.present else "missing")
    console = terminal.console()
    console.print(table)
    if ways := [f"  {state.name}: {state.how}" for _, state in found if not state.present]:
        console.print("\nHow to get the missing ones:", *ways, sep="\n", soft_wrap=True)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def fetch(names: tuple[str, ...]) -> None:
    """Download, check and convert weights. NAME is a set ("musicnn-msd") or a backbone ("musicnn": all its sets)."""
    from earmark.backbones import weights

    from ..core.progress import bars

    with bars(sizes=True) as progress:
        installed = weights.fetch_all(names, progress=progress)
    for one in installed:
        click.echo(f"{one.name}: present in {one.folder}")


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
def add(name: str, file: Path) -> None:
    """Install weights NAME from FILE that you have: a checkpoint, a folder, a wheel or an archive."""
    from earmark.backbones import weights

    installed = weights.add(name, file)
    click.echo(f"{installed.name}: present in {installed.folder}")


@command.command()
@click.argument("backbone")
@click.argument("data")
@opt.cached
def int8(backbone: str, data: str, cache_folder: Path | None, no_cache: bool) -> None:
    """Make the net of BACKBONE in 8 bits, calibrated on the sounds of DATA (what compare takes).

    `yamnet(precision=int8)` in a recipe makes it by itself, calibrated on made-up music and noise; sounds of your own
    kind are better. Embeddings from before are embeddings of another net: they are made anew.

    \b
    Examples:
      earmark weights int8 yamnet sounds/
      earmark weights int8 "musicnn-vgg(trained=mtt)" clips.csv
    """
    from earmark.core.spec import Part
    from earmark.embeddings.recalibrate import recalibrate

    made = recalibrate(Part.parse(backbone), data, cache=opt.open_cache(cache_folder, no_cache))
    click.echo(
        f"{made.name}: mean cosine to the float net {made.cosine:.4f}, worst hundredth {made.lowest:.4f}: {made.path}"
    )
