"""earmark evaluate"""

from __future__ import annotations

from pathlib import Path

import click

from . import _options as opt
from .compare import show

PLACE = ("learn", 3)


@click.command(short_help="Evaluate a model on labelled sounds it was not trained on.")
@click.argument("model", type=click.Path(path_type=Path))
@opt.data_argument
@opt.seed_option
@opt.out_option("Folder for report.html, metrics.json, predictions.csv and figures.", required=False)
@opt.csv_bom_option
@opt.force_option
@opt.audit_option
@opt.pseudo_labels_option
@opt.annotations_given
@opt.cached
@opt.json_option
def command(
    model: Path,
    data: str,
    seed: int,
    out: Path | None,
    force: bool,
    audit_folder: Path | None,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Evaluate a trained MODEL on labelled DATA that it was not trained on.

    Clips that it was trained on after all (also in another format, cut, or louder), and clips of groups that it learnt
    from, are counted, and the figures given without them, too. It ends in whether what the model promises holds here:
    sets that hold the true label, scores that mean what they say, "unknown" of no more known sounds than it says.

    \b
    Example:
      earmark evaluate my-model new-sounds/ -o out
    """
    from ..core.outputs import COMPARISON
    from ..models.evaluate import evaluate
    from ..models.load import load_model

    opt.may_write(out, COMPARISON, model, data=data, force=force)
    found = evaluate(
        load_model(model), data, cache=opt.open_cache(cache_folder, no_cache), seed=seed, command=opt.said()
    )
    found = opt.doubted(found, audit_folder)
    show(found, out, as_json, force)
    if not as_json and found.held_out is not None and found.held_out.promises is not None:
        promises = found.held_out.promises
        for remark in promises.remarks:
            click.echo(remark)
        click.echo(promises.verdict)
