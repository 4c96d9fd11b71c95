"""earmark study tune"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core import terminal
from .. import _options as opt

if TYPE_CHECKING:
    from ...studies.tune import Tuned

PLACE = ("study", 4)


@click.command(short_help="Search a recipe's parameters, nested.")
@opt.data_argument
@opt.recipe_option
@click.option("--trials", type=click.IntRange(2), default=20, show_default=True, help="Tries in each search.")
@click.option(
    "--metric", default="accuracy", show_default=True, help="What is searched for: accuracy, macro_f1, log_loss, …"
)
@opt.protocol_option
@opt.folds_option
@click.option("--inner", type=click.IntRange(2), default=3, show_default=True, help="Folds of each search.")
@opt.seed_option
@opt.out_option("Folder for recipe.toml and tune.json.", required=False)
@opt.force_option
@opt.data_read
@opt.cached
@opt.json_option
def command(
    data: str,
    recipe: str,
    trials: int,
    metric: str,
    protocol: str | None,
    folds: int,
    inner: int,
    seed: int,
    out: Path | None,
    force: bool,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Search a recipe's parameters, nested: for each fold on its training side alone.

    Searched are the parameters that the head declares (its SPACE) and how embeddings are pooled; those that the recipe
    gives are kept. The accuracy told is nested: it is what to expect of the recipe found, not the best of many tries.

    \b
    Examples:
      earmark study tune clips.csv -r yamnet/logreg --trials 30 -o tuned
      earmark study tune clips.csv -r "musicnn+yamnet/svm(kernel=rbf)" --metric log_loss
      earmark train clips.csv -r tuned/recipe.toml -o my-model
    """
    from ...core.outputs import TUNED
    from ...studies.tune import tune

    opt.may_write(out, TUNED, opt.files_of([recipe]), data=data, force=force)
    found = tune(
        data,
        recipe,
        trials=trials,
        metric=metric,
        protocol=protocol,
        folds=folds,
        inner=inner,
        seed=seed,
        cache=opt.open_cache(cache_folder, no_cache),
        command=opt.said(),
    )
    show(found, out, as_json, force)


def show(found: Tuned, out: Path | None, as_json: bool, force: bool = False) -> None:
    """Print what was found; write recipe.toml and tune.json to ``out``."""
    from ...report import tune as report

    written = report.write(found, out, force=force) if out else None
    if as_json:
        click.echo(report.as_text(found), nl=False)
        return
    from rich.text import Text

    console = terminal.console()
    names = list(found.space)
    table = terminal.table()
    for column in ("found on", *names, f"inner {found.metric}"):
        table.add_column(column, justify="left" if column == "found on" else "right")
    for k, one in enumerate((*found.searches, found.final), start=1):
        where: str | Text = f"training side {k}" if k <= len(found.searches) else Text("all clips", "bold")
        score = f"{one.score:.3f}" if one.tried else "not searched"
        table.add_row(where, *(str(one.values.get(n, "as given")) for n in names), score)
    console.print(table)
    nested, given = found.evaluation.scores["accuracy"], found.as_given.scores["accuracy"]
    for line in (
        f"Searched: {opt.points(nested.value)} % [{opt.points(nested.low)}, {opt.points(nested.high)}] of the clips right, nested "
        f"(protocol {found.protocol}).",
        f"As given: {opt.points(given.value)} % [{opt.points(given.low)}, {opt.points(given.high)}]; majority class "
        f"{opt.points(found.majority)} %.",
        f"{found.pair.verdict}.",
        f"Recipe: {found.final.recipe.short}",
    ):
        console.print(line)
    opt.tell(console, found.notes)
    if written:
        console.print(f"Written: {written}", soft_wrap=True)
