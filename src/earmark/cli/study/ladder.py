"""earmark study ladder"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import _options as opt
from . import _show

if TYPE_CHECKING:
    from ...studies.ladder import Ladder

PLACE = ("study", 1)


@click.command(short_help="What an honest split costs: one recipe on every protocol.")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("-r", "--recipe", help="A recipe: yamnet/logreg, a shipped name, or a .toml file.")
@click.option("--head", help='For files of embeddings, short for the recipe embeddings/HEAD: svm, "svm(C=10)".')
@click.option(
    "--clips",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For files of embeddings: a table with what they do not know of the clips (label, group, fold).",
)
@click.option("--columns", help="How that table calls them, e.g. group=artist,fold=split,id=file.")
@click.option(
    "--rung",
    "rungs",
    multiple=True,
    type=click.Choice(("windows", "windows apart", "clips", "groups", "published", "silence")),
    help="Only these rungs; may be given several times.",
)
@opt.folds_option
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Repeat with this many seeds.")
@opt.seed_option
@opt.out_option("Folder for ladder.html, ladder.json and the figure.", required=False)
@opt.force_option
@opt.data_read
@opt.cached
@opt.json_option
def command(
    data: tuple[str, ...],
    recipe: str | None,
    head: str | None,
    clips: Path | None,
    columns: str | None,
    rungs: tuple[str, ...],
    folds: int,
    seeds: int,
    seed: int,
    out: Path | None,
    force: bool,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Evaluate one recipe on every protocol, from windows dealt out at random to whole groups: the drop is the leakage.

    DATA is what compare takes; or several files of embeddings: what `earmark embed` writes, or .npz files with the arrays X
    and ids (and labels, groups, folds). Files called …-train and …-test are the two sides of the published split.

    \b
    Examples:
      earmark study ladder clips.csv -r yamnet/logreg -o out
      earmark study ladder embeddings.npz --head svm -o out
      earmark study ladder features-train.npz features-test.npz --head svm --clips clips.csv --columns group=artist
    """
    from ...core.errors import RecipeError
    from ...core.outputs import LADDER
    from ...data.clips import Dataset
    from ...embeddings.load import load_dataset
    from ...recipes.recipe import find
    from ...studies.ladder import RUNGS, ladder

    opt.may_write(out, LADDER, data, clips, opt.files_of([recipe or ""]), data=data[0], force=force)
    if (recipe is None) == (head is None):
        raise RecipeError("give either --recipe, or --head for files of embeddings")
    given = load_dataset(data[0] if len(data) == 1 else list(data), seed=seed)
    if isinstance(given, Dataset):
        if head or clips or len(data) > 1:
            raise RecipeError(
                f"{' '.join(data)}: not files of embeddings, so --head and --clips do not apply: give --recipe, and one folder or table"
            )
    elif clips is not None:
        given = given.told(clips, _pairs(columns))
    first = "" if isinstance(given, Dataset) else next(iter(given.embeddings))
    found = ladder(
        given,
        find(recipe or f"{first}/{head}"),
        rungs=rungs or RUNGS,
        folds=folds,
        seeds=seeds,
        seed=seed,
        cache=opt.open_cache(cache_folder, no_cache),
        command=opt.said(),
    )
    show(found, out, as_json, force)


def show(found: Ladder, out: Path | None, as_json: bool, force: bool = False) -> None:
    """Print the ladder and write its report to ``out``."""
    from rich.text import Text

    from ...report import ladder as report

    before = {step.b: step for step in found.steps}
    rows = []
    for rung in found.rungs:
        step = before.get(rung.name)
        lost = (
            [
                f"{100 * gap.value:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
                for gap in (step.windows, step.clips)
            ]
            if step
            else ["", ""]
        )
        rows.append(
            [
                rung.name,
                opt.points(rung.windows.value),
                opt.points(rung.clips.value),
                f"{opt.points(rung.clips.low)} – {opt.points(rung.clips.high)}",
                str(rung.evaluated),
                *lost,
            ]
        )
    _show.show(
        found,
        report,
        out,
        as_json,
        force=force,
        about=f"{found.groups} {found.unit} resampled",
        columns=("rung", "by window", "by clip", "95 % interval", "clips", "lost by window", "by clip"),
        rows=rows,
        lines=report.lead(found),
        warnings=[Text.assemble((f"No rung '{name}'", "yellow"), f": {why}") for name, why in found.missing.items()],
    )


def _pairs(text: str | None) -> dict[str, str]:
    """``"group=artist,fold=split"`` as a dict. Raises RecipeError."""
    from ...core.errors import RecipeError

    found = {}
    for item in (text or "").split(",") if text else ():
        key, equals, value = item.partition("=")
        if not equals:
            raise RecipeError(f"--columns: found {item!r}; wanted name=column, e.g. group=artist")
        found[key.strip()] = value.strip()
    return found
