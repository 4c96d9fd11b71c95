"""earmark train"""

from __future__ import annotations

from pathlib import Path

import click

from . import _options as opt


@click.command()
@opt.data_argument
@opt.recipe_option
@opt.protocol_option
@opt.folds_option
@opt.seed_option
@opt.out_option("Folder for the model.")
@opt.cached
def command(
    data: str,
    recipe: str,
    protocol: str | None,
    folds: int,
    seed: int,
    out: Path,
    cache_folder: Path | None,
    no_cache: bool,
) -> None:
    """Judge a recipe out of fold, fit it on all of DATA, and save the model.

    The model is a folder of ONNX and JSON with a model card; it predicts without torch or scikit-learn. A model that
    already lies in the folder is replaced once the new one is whole.

    \b
    Examples:
      earmark train sounds/ -r yamnet/logreg -o my-model
      earmark train clips.csv -r best-music --protocol groups -o my-model
    """
    from ..training import train

    model = train(
        data,
        recipe,
        out,
        protocol=protocol,
        folds=folds,
        seed=seed,
        cache=opt.open_cache(cache_folder, no_cache),
        command=opt.said(),
    )
    measured = model.card["measured"]
    accuracy = measured["scores"]["accuracy"]
    click.echo(
        f"{model.card['recipe']}: accuracy {opt.points(accuracy['value'])} % [{opt.points(accuracy['low'])}, {opt.points(accuracy['high'])}] "
        f"out of fold (protocol {measured['protocol']}, {measured['clips']} clips); majority class {opt.points(measured['majority']['accuracy'])} %"
    )
    for gone in model.card["data"]["excluded"]:
        click.echo(f"left out: {gone['path']}: {gone['reason']}", err=True)
    click.echo(f"Model: {out}")
