"""earmark demo"""

from __future__ import annotations

from pathlib import Path

import click

from ..core.paths import spelled
from . import _options as opt

PLACE = ("begin", 1)
RECIPES = ("yamnet/logreg", "musicnn/logreg", "mfcc/svm", "small-cnn")


@click.command(short_help="The whole way, on made-up music or on your sounds.")
@click.argument("data", required=False)
@opt.out_option("Folder for everything the demo writes. Default: demo", required=False)
@opt.force_option
@opt.seed_option
@opt.cached
def command(
    data: str | None, out: Path | None, force: bool, seed: int, cache_folder: Path | None, no_cache: bool
) -> None:
    """The whole road on DATA, or on music that the demo synthesises: compare four recipes, report, train the best.

    Pretrained weights (YAMNet, musicnn) are fetched the first time.

    \b
    Examples:
      earmark demo
      earmark demo my-sounds/ --out first-look
    """
    from ..audio import synthetic
    from ..backbones import weights
    from ..core.progress import bar
    from ..models.load import load_model
    from ..models.train import train
    from ..studies.compare import compare
    from .compare import show

    out = out or Path("demo")
    _may_write(out, data, force)
    for name in ("yamnet", "musicnn-msd"):
        if not weights.status(name).present:
            click.echo(f"Fetching the pretrained weights of {name} …")
            weights.fetch(name)
    if data is None:
        folder = out / "sounds"
        with bar("synthesise", 240) as step:
            synthetic.make(folder, seed=seed, progress=lambda _done, _all: step(), force=force)
        click.echo(
            f"These sounds are synthetic: made by a program for this demo, faults included ({folder / 'README.txt'})."
        )
        data = str(folder / "clips.csv")
    cache = opt.open_cache(cache_folder, no_cache)
    found = compare(data, RECIPES, seed=seed, cache=cache, command=opt.said())
    show(found, out / "report", as_json=False, force=force)
    best = max(
        found.runs, key=lambda r: (r.evaluation.scores["accuracy"].value, -r.evaluation.scores["log_loss"].value)
    )
    train(
        data,
        best.recipe,
        out / "model",
        protocol=found.protocol,
        seed=seed,
        cache=cache,
        command=opt.said(),
        force=force,
    )
    clip = found.dataset.clips[0]
    answer = load_model(out / "model").predict(clip.path)
    click.echo(f"Model:  {out / 'model'} ({best.recipe.name}, fitted on all clips)")
    click.echo(f"Try:    earmark predict {out / 'model'} {spelled(clip.path)}")
    click.echo(f"        → {answer.label} ({answer.score:.0%}); the clip's label is {clip.label}")


def _may_write(out: Path, data: str | None, force: bool) -> None:
    """Look at all three folders before anything is fetched or made."""
    from ..core.errors import DataError
    from ..core.outputs import COMPARISON, MODEL, SOUNDS, same

    if data is None:
        opt.may_write(out / "sounds", SOUNDS, force=force)
    elif same(out, Path(data)):
        raise DataError(f"{out} is what is read here. Choose another place with --out")
    opt.may_write(out / "report", COMPARISON, data=data, force=force)
    opt.may_write(out / "model", MODEL, data=data, force=force)
