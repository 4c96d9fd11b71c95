"""earmark compare"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core import terminal
from ..core.renderers import counted
from . import _options as opt

if TYPE_CHECKING:
    from ..models.results import Comparison

PLACE = ("learn", 1)


@click.command(short_help="Evaluate recipes on the same folds, with intervals; a report.")
@opt.data_or_embeddings
@click.option(
    "-r",
    "--recipe",
    "recipes",
    multiple=True,
    required=True,
    help="A recipe; give several to compare them on the same folds.",
)
@opt.protocol_option
@opt.folds_option
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Repeat with this many seeds (other folds, other starts).",
)
@opt.seed_option
@opt.out_option("Folder for report.html, metrics.json, predictions.csv and figures.", required=False)
@opt.csv_bom_option
@opt.force_option
@opt.audit_option
@opt.embeddings_given
@opt.data_read
@opt.cached
@opt.json_option
def command(
    data: str | None,
    recipes: tuple[str, ...],
    protocol: str | None,
    folds: int,
    seeds: int,
    seed: int,
    out: Path | None,
    force: bool,
    audit_folder: Path | None,
    embeddings: str | None,
    memory: float,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Evaluate recipes on the same folds of DATA, with intervals, and write a report.

    DATA is a folder of class folders, a table (csv, tsv, parquet) with the columns path and label and optionally group,
    fold, start, and end or duration, NAME:PATH for a known data set (gtzan, esc), or embeddings, whose recipes are called
    embeddings/HEAD: a file or a store that `earmark embed` wrote, or .npz with X, ids, labels, groups. All of these may
    also be URIs (file://, s3://, gs://).

    Of a store that does not fit into --memory, whole clips are drawn. With --embeddings, DATA is a table with other labels,
    groups or folds for them, by id or path.

    \b
    Examples:
      earmark compare sounds/ -r yamnet/logreg -r mfcc/svm -o out
      earmark compare clips.csv -r "yamnet/svm(C=10)" -r logmel/cnn --protocol groups --seeds 3 -o out
      earmark compare clips.csv -r "musicnn+yamnet:mean/lda" -r best-music.toml -o out
      earmark compare s3://bucket/yamnet/ -r embeddings/lda -r embeddings/logreg -o out
    """
    from ..core.outputs import COMPARISON
    from ..studies.compare import compare

    opt.may_write(
        out, COMPARISON, embeddings, data, opt.files_of(recipes), data=None if embeddings else data, force=force
    )
    found = compare(
        opt.source(data, embeddings, memory, seed),
        recipes,
        protocol=protocol,
        folds=folds,
        seeds=seeds,
        seed=seed,
        memory=int(memory * 2**30),
        cache=opt.open_cache(cache_folder, no_cache),
        command=opt.said(),
    )
    show(opt.doubted(found, audit_folder), out, as_json, force)


def show(found: Comparison, out: Path | None, as_json: bool, force: bool = False) -> None:
    """Print a comparison and write its report to ``out``."""
    from ..report.compare import write
    from ..studies.results import metrics

    report = write(found, out, force=force) if out else None
    if as_json:
        click.echo(json.dumps(metrics(found), ensure_ascii=False, indent=1, allow_nan=False))
        return
    from rich.text import Text

    console = terminal.console()
    first = found.runs[0]
    grouped = found.dataset.has_groups and found.protocol not in ("clips", "windows")
    console.print(
        Text(found.dataset.name, "bold"),
        f": {counted(len(first.ids), 'clip')} evaluated, {len(first.classes)} classes, "
        f"{counted(len(set(first.groups.tolist())), 'group' if grouped else 'file')}; protocol ",
        Text(found.protocol, "bold"),
        (f", {found.folds} folds" if found.folds > 1 else "") + (f", {found.seeds} seeds" if found.seeds > 1 else ""),
        sep="",
    )
    table = terminal.table()
    table.add_column("recipe", overflow="fold")
    for column in ("accuracy [95 %]", "macro F1", "log loss", "embed + fit + predict"):
        table.add_column(column, justify="right", no_wrap=True)
    for run in sorted(found.runs, key=lambda r: -r.evaluation.scores["accuracy"].value):
        score, spent = run.evaluation.scores, run.seconds
        a = score["accuracy"]
        table.add_row(
            run.recipe.name,
            f"{opt.points(a.value)} [{opt.points(a.low)}, {opt.points(a.high)}]",
            opt.points(score["macro_f1"].value),
            f"{score['log_loss'].value:.2f}",
            " + ".join(f"{spent[k]:.1f}" for k in ("embed", "fit", "predict")) + " s",
        )
    table.add_row(Text("always the majority class", "dim"), Text(opt.points(found.baseline["accuracy"]), "dim"))
    console.print(table)
    if found.picked:
        best, a = found.picked, found.picked.accuracy
        console.print(
            f"  {best.recipe}, the best of {best.among}, corrected for having been picked by these clips: "
            f"{opt.points(a.value)} [{opt.points(a.low)}, {opt.points(a.high)}]",
            highlight=False,
            markup=False,
        )
    for pair in found.pairs[:10]:
        console.print(f"  {pair.a} against {pair.b}: {pair.verdict}")
    if found.dataset.excluded:
        count = len(found.dataset.excluded)
        console.print(f"{'1 file was' if count == 1 else f'{count} files were'} excluded:", style="yellow")
        for gone in found.dataset.excluded[:5]:
            console.print(f"  {gone.path}: {gone.reason}")
        if len(found.dataset.excluded) > 5:
            console.print(f"  … and {len(found.dataset.excluded) - 5} more" + (", all in the report" if out else ""))
    opt.tell(console, found.notes)
    if report:
        console.print(f"Report: {report}", soft_wrap=True)
