"""earmark study stress"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.renderers import counted
from .. import _options as opt
from . import _show

if TYPE_CHECKING:
    from ...studies.stress import Stress

PLACE = ("study", 3)


@click.command(short_help="Accuracy on degraded sounds: codecs, noise, filters, pitch.")
@click.argument("model", metavar="MODEL")
@opt.data_argument
@click.option(
    "--change",
    "changes",
    multiple=True,
    help="A family (mp3, opus, lowpass, telephone, noise, gain, pitch, tempo, excerpt) or one change: "
    '"noise(snr=5)". May be given several times. Default: all families.',
)
@opt.protocol_option
@opt.folds_option
@opt.seed_option
@opt.out_option("Folder for stress.html, stress.json and the figure.", required=False)
@opt.force_option
@opt.data_read
@opt.cached
@opt.json_option
def command(
    model: str,
    data: str,
    changes: tuple[str, ...],
    protocol: str | None,
    folds: int,
    seed: int,
    out: Path | None,
    force: bool,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Evaluate MODEL on the sounds of DATA degraded: codecs, filters, noise, gain, pitch, tempo, shorter excerpts.

    MODEL is a folder that `earmark train` made, or a recipe. With a recipe, or with sounds that the model was
    trained on, heads are fitted anew for each fold: no clip is evaluated by what learnt from it.

    \b
    Examples:
      earmark study stress my-model new-sounds/ -o out
      earmark study stress yamnet/logreg clips.csv --change mp3 --change "noise(snr=5)"
    """
    from ...core.outputs import STRESS
    from ...models.load import load_model
    from ...studies.stress import stress

    opt.may_write(out, STRESS, _model(model), opt.files_of([model]), data=data, force=force)
    found = stress(
        load_model(model) if _model(model) else model,
        data,
        changes=changes,
        protocol=protocol,
        folds=folds,
        seed=seed,
        cache=opt.open_cache(cache_folder, no_cache),
        command=opt.said(),
    )
    show(found, out, as_json, force)


def _model(name: str) -> str | None:
    """The folder of a model, or None if it names a recipe."""
    return name if (Path(name) / "earmark.json").exists() else None


def show(found: Stress, out: Path | None, as_json: bool, force: bool = False) -> None:
    """Print the accuracies and write the report to ``out``."""
    from ...report import stress as report

    rows = [["as it is", opt.points(found.plain.value)]]
    for c in found.conditions:
        gap = f"{100 * c.loss.low:+.1f} … {100 * c.loss.high:+.1f}"
        rows.append([report.name(c), opt.points(c.accuracy.value), f"{100 * c.loss.value:+.1f}", gap, str(c.changed)])
    _show.show(
        found,
        report,
        out,
        as_json,
        force=force,
        about=f"{counted(found.clips, 'clip')}; {found.how}",
        columns=("change", "accuracy", "points", "95 % interval", "changed"),
        rows=rows,
        lines=report.lead(found),
    )
