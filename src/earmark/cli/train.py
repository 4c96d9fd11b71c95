"""earmark train"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import _options as opt

PLACE = ("learn", 2)


@click.command(short_help="Evaluate a recipe, fit it on all clips, save the model.")
@opt.data_or_embeddings
@opt.recipe_option
@opt.protocol_option
@opt.folds_option
@opt.seed_option
@opt.out_option("Folder for the model.")
@opt.force_option
@opt.embeddings_given
@opt.data_read
@opt.cached
def command(
    data: str | None,
    recipe: str,
    protocol: str | None,
    folds: int,
    seed: int,
    out: Path,
    force: bool,
    embeddings: str | None,
    memory: float,
    cache_folder: Path | None,
    no_cache: bool,
) -> None:
    """Evaluate a recipe out of fold, fit it on all of DATA, and save the model.

    The model is a folder of ONNX and JSON with a model card; it predicts without torch or scikit-learn. A model that
    already lies in the folder is replaced once the new one is whole; what else lies there stays.

    DATA is what compare takes, embeddings included, with a recipe embeddings/HEAD: the backbone that made them has to be
    installed. Of a store that does not fit into --memory, whole clips are drawn.

    \b
    Examples:
      earmark train sounds/ -r yamnet/logreg -o my-model
      earmark train clips.csv -r best-music --protocol groups -o my-model
      earmark train s3://bucket/yamnet/ -r embeddings/lda -o my-model
    """
    from ..core.outputs import MODEL
    from ..models.train import train

    opt.may_write(out, MODEL, embeddings, data, opt.files_of([recipe]), data=None if embeddings else data, force=force)
    how: dict[str, Any] = {"protocol": protocol, "folds": folds, "seed": seed, "command": opt.said(), "force": force}
    data_given = opt.source(data, embeddings, memory, seed)
    cache = opt.open_cache(cache_folder, no_cache)
    model = train(data_given, recipe, out, memory=int(memory * 2**30), cache=cache, **how)
    card = model.card
    measured, accuracy = card.measured, card.measured.scores["accuracy"]
    click.echo(
        f"{card.recipe}: accuracy {opt.points(accuracy.value)} % [{opt.points(accuracy.low)}, {opt.points(accuracy.high)}] "
        f"out of fold (protocol {measured.protocol}, {measured.clips} clips); majority class {opt.points(measured.majority['accuracy'])} %"
    )
    for gone in card.data.excluded:
        click.echo(f"excluded: {gone.path}: {gone.reason}", err=True)
    for note in (card.scope, *card.data.notes):
        if note:
            click.echo(f"Note: {note}")
    click.echo(f"Model: {out}")
