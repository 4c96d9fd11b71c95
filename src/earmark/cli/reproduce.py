"""earmark reproduce"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core import terminal
from . import _options as opt

if TYPE_CHECKING:
    from rich.console import Console

    from ..studies.reproduce import Reproduction
    from ..studies.reproduce.paper import Claim
    from ..studies.reproduce.trials import Trial

PLACE = ("shelf", 5)


@click.command(short_help="A paper's two methods on GTZAN: as published, and honestly.")
@click.argument("folder", metavar="GTZAN_FOLDER")
@click.option(
    "--epochs", type=click.IntRange(2), default=30, show_default=True, help="Epochs of the nets that run all of them."
)
@opt.folds_option
@click.option("--quick", is_flag=True, help="Two epochs on a few clips, to see that it runs. The numbers mean nothing.")
@click.option(
    "--bfloat16/--float32",
    default=None,
    help="How nets multiply while they are trained. Default: bfloat16 where the processor has units for it.",
)
@opt.out_option("Folder for report.html, metrics.json and figures. Default: reproduction", required=False)
@opt.force_option
@opt.cached
@opt.json_option
def command(
    folder: str,
    epochs: int,
    folds: int,
    quick: bool,
    bfloat16: bool | None,
    out: Path | None,
    force: bool,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Run the paper's two methods on GTZAN again: under its own splits, then under honest ones.

    GTZAN_FOLDER is the folder of genre folders (genres/blues/blues.00000.wav …), or a part of it. VGGish takes part
    once its weights are added (earmark weights add vggish FILE); YAMNet stands beside it under its own name.

    \b
    Examples:
      earmark reproduce genres/
      earmark reproduce genres/ --epochs 10 -o out
      earmark reproduce genres/ --quick
    """
    from ..core.outputs import REPRODUCTION
    from ..report import reproduce as report
    from ..studies.reproduce import reproduce

    out = out or Path("reproduction")
    opt.may_write(out, REPRODUCTION, data=folder, force=force)
    found = reproduce(
        folder,
        epochs=epochs,
        folds=folds,
        quick=quick,
        bfloat16=bfloat16,
        cache=opt.open_cache(cache_folder, no_cache),
        say=lambda line: click.echo(line, err=True),
        command=opt.said(),
    )
    written = report.write(found, out, force=force)
    if as_json:
        click.echo(json.dumps(report.as_json(found), ensure_ascii=False, indent=1, allow_nan=False))
        return
    _show(found, written)


def _tables(console: Console, claim: Claim, trials: tuple[Trial, ...]) -> None:
    """The paper's classification report beside ours, one block of columns for each recipe under its split."""
    from rich.text import Text

    from ..studies.reproduce.words import NAMES

    shown = [t for t in trials if t.protocol == "paper"]
    console.print(
        Text(f"Table {claim.figure}", "bold"), f": {claim.name}, F1 by genre, {claim.unit}s at random", sep=""
    )
    table = terminal.table()
    for column in ("genre", "paper", *(t.recipe for t in shown)):
        table.add_column(column, justify="left" if column == "genre" else "right", overflow="fold")
    for label in sorted({*claim.classes, *(c for t in shown for c in t.run.classes)}):
        theirs = claim.classes.get(label)
        ours = [t.run.evaluation.per_class.get(label) for t in shown]
        table.add_row(
            label,
            f"{theirs[2]:.2f} ({theirs[3]})" if theirs else "–",
            *(f"{row['f1']:.2f} ({row['support']:.0f})" if row else "–" for row in ours),
        )
    table.add_row(
        "accuracy", f"{claim.accuracy:.2f}", *(f"{t.run.evaluation.scores['accuracy'].value:.2f}" for t in shown)
    )
    console.print(table)
    for trial in trials:
        if trial.protocol != "paper":
            score = trial.run.evaluation.scores["accuracy"]
            console.print(
                f"  {trial.recipe} on {NAMES[trial.protocol, trial.unit]}: {opt.points(score.value)} % "
                f"[{opt.points(score.low)}, {opt.points(score.high)}]",
            )


def _show(found: Reproduction, written: Path) -> None:
    from rich.text import Text

    from ..studies.reproduce import paper
    from ..studies.reproduce.claims import claims
    from ..studies.reproduce.words import findings, follows

    console = terminal.console()
    for claim, trials in ((paper.CNN, found.cnn), (paper.VGGISH, found.frozen)):
        _tables(console, claim, trials)
    console.print("The paper's sentences, held against these numbers", style="bold")
    for one in claims(found):
        console.print(f"  {one.verdict}: {one.said} ({one.number})")
    for heading, lines in (("Findings", findings(found)), ("What follows", follows(found))):
        if not lines:
            continue
        console.print(heading, style="bold")
        for line in lines:
            console.print(f"  {line}")
    for line in found.missing:
        console.print(Text("Missing:", "yellow"), line)
    if found.quick:
        console.print(Text("Quick:", "yellow"), "two epochs on a few clips. The numbers mean nothing.")
    console.print(f"Report: {written}", soft_wrap=True)
