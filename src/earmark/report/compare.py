"""The report of `earmark compare`: one HTML file, its figures, metrics.json and predictions.csv."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.outputs import COMPARISON, check
from ..core.publish import publish
from ..embeddings.load import sounds_of
from ..studies.results import metrics_json, predictions_csv
from . import page, sections, words
from .dataset import chapter as data_chapter
from .examples import examples
from .figures.intervals import intervals
from .recipes import recipes
from .style import Figure

if TYPE_CHECKING:
    from ..models.results import Comparison


def write(comparison: Comparison, folder: Path | str, *, sounds: bool = True, force: bool = False) -> Path:
    """Write report.html, metrics.json, predictions.csv and figures/ into ``folder``; returns the page's path.

    ``sounds=False`` opens no sound file and links to none. Nothing is left half written. ``force``: also where
    files lie that Earmark did not write; else DataError is raised. Raises OSError.
    """
    folder = Path(folder)
    check(folder, COMPARISON, inputs=comparison.source, sounds=partial(sounds_of, comparison.dataset), force=force)
    html, figures = render(comparison, folder, sounds=sounds)
    files: dict[str, str | bytes] = {}
    for figure in figures:
        files |= {f"figures/{figure.name}.svg": figure.svg, f"figures/{figure.name}.png": figure.png}
    files |= {"metrics.json": metrics_json(comparison), "predictions.csv": predictions_csv(comparison)}
    publish(folder, files | {"report.html": html}, owned=("figures",), force=force)
    return folder / "report.html"


def render(comparison: Comparison, folder: Path, *, sounds: bool = True) -> tuple[str, Sequence[Figure]]:
    """The page as text, for a place in ``folder``, and every figure of the folder."""
    whole, cards = examples(comparison, folder) if sounds else (None, [])
    the_recipes, drawn = recipes(comparison, folder, sounds=sounds)
    the_data, of_data = data_chapter(comparison.dataset, whole, cards, sounds=sounds)
    chapters = [
        sections.promises(comparison),
        sections.pairs(comparison) if comparison.pairs else None,
        sections.scores(comparison),
        the_recipes,
        sections.listen(comparison, folder) if sounds else None,
        the_data,
        sections.evaluated(comparison),
        sections.licences(comparison),
        sections.again(comparison),
    ]
    names = [run.recipe.name for run in comparison.runs]
    html = page.render(
        comparison.dataset.name,
        [chapter for chapter in chapters if chapter],
        kicker=f"Comparison of {words.count(len(comparison.runs), 'recipe')}",
        lead=[page.marked(line, names) for line in (*words.summary(comparison), *_verdict(comparison))],
        hero=sections.overview(comparison),
        facts=_facts(comparison),
        notes=list(dict.fromkeys([*comparison.notes, *(n for run in comparison.runs for n in run.evaluation.notes)])),
    )
    return html, [_chart(comparison), *drawn, *of_data]


def _verdict(comparison: Comparison) -> list[str]:
    """Whether a finished model keeps its promises here; nothing of a comparison."""
    held = comparison.held_out
    return [held.promises.verdict] if held and held.promises else []


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    data = comparison.dataset
    groups = len({*data.groups} - {None})
    return [
        ("Clips", f"{len(data.clips):,}"),
        ("Classes", f"{len(data.classes):,}"),
        ("Groups", f"{groups:,}" if groups else "not known"),
        ("Excluded", words.count(len(data.excluded), "file") if data.excluded else "nothing"),
        ("Protocol", comparison.protocol),
        ("Folds", f"{comparison.folds}" + (f" × {comparison.seeds} seeds" if comparison.seeds > 1 else "")),
        ("Took", words.duration(comparison.seconds)),
    ]


def _chart(comparison: Comparison) -> Figure:
    runs = words.ranked(comparison)
    return intervals(
        "comparison",
        [(run.recipe.name, run.evaluation.scores["accuracy"]) for run in runs],
        line=comparison.baseline.get("accuracy"),
        line_label="majority baseline",
        beside=[words.duration(sum(run.seconds.values())) for run in runs],
    )
