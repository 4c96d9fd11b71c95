"""earmark study curve"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import _options as opt
from . import _show

if TYPE_CHECKING:
    from ...studies.curve import Curve

PLACE = ("study", 2)


@click.command(short_help="Accuracy by labelled clips, and what more would give.")
@opt.data_argument
@opt.recipe_option
@click.option(
    "--sizes", help="Clips per class to learn from, e.g. 2,5,10,20. Default: doubling from 1; all is always last."
)
@click.option("--draws", type=click.IntRange(1), default=5, show_default=True, help="Draws of clips at each size.")
@opt.protocol_option
@opt.folds_option
@opt.seed_option
@opt.out_option("Folder for curve.html, curve.json and the figure.", required=False)
@opt.force_option
@opt.data_read
@opt.cached
@opt.json_option
def command(
    data: str,
    recipe: str,
    sizes: str | None,
    draws: int,
    protocol: str | None,
    folds: int,
    seed: int,
    out: Path | None,
    force: bool,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Accuracy against labelled clips per class, and how many more labels the next point would take.

    DATA is what compare takes. The clips of the test side stay the same; those learnt from are drawn from the training
    side of each fold, whole groups at a time.

    \b
    Examples:
      earmark study curve clips.csv -r yamnet/logreg -o out
      earmark study curve clips.csv -r yamnet:mean/lda --sizes 1,2,5,10 --draws 10
    """
    from ...core.outputs import CURVE
    from ...studies.curve import curve

    opt.may_write(out, CURVE, opt.files_of([recipe]), data=data, force=force)
    found = curve(
        data,
        recipe,
        sizes=_numbers(sizes),
        draws=draws,
        protocol=protocol,
        folds=folds,
        seed=seed,
        cache=opt.open_cache(cache_folder, no_cache),
        command=opt.said(),
    )
    show(found, out, as_json, force)


def show(found: Curve, out: Path | None, as_json: bool, force: bool = False) -> None:
    """Print the curve and write its report to ``out``."""
    from ...report import curve as report

    rows = [
        [
            f"{p.per_class:.3g}",
            f"{p.clips:.0f}",
            f"{p.groups:.0f}",
            opt.points(p.accuracy.value),
            f"{opt.points(p.accuracy.low)} – {opt.points(p.accuracy.high)}",
            opt.points(p.spread) if p.draws > 1 else "",
        ]
        for p in found.points
    ]
    _show.show(
        found,
        report,
        out,
        as_json,
        force=force,
        about=f"protocol {found.protocol}, {found.folds} folds",
        named=False,
        columns=("per class", "clips", "groups", "accuracy", "95 % interval", "spread"),
        rows=rows,
        lines=[*report.lead(found), *(report.forecast(found, t) for t in found.targets[1:])],
    )


def _numbers(text: str | None) -> tuple[int, ...]:
    """``"1,2,5"`` as numbers. Raises DataError."""
    from ...core.errors import DataError

    try:
        return tuple(int(part) for part in (text or "").split(",") if part.strip())
    except ValueError as error:
        raise DataError(f"--sizes: found {text!r}; wanted whole numbers such as 2,5,10") from error
