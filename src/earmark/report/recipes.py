"""The chapter "recipe by recipe": scores by class, confusion, curves, reliability, the surest mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from . import page, trust, words
from .figures.confusion import confusion, confusions
from .figures.curves import curves, has
from .figures.reliability import reliability
from .page import Section
from .sections import clips
from .style import Figure

if TYPE_CHECKING:
    from ..models.results import Comparison, Run

_OPEN_TO = 3  # more recipes than these: only the best stands open


def recipes(comparison: Comparison, folder: Path, *, sounds: bool) -> tuple[Section, list[Figure]]:
    """The section, and its figures for the folder."""
    best = words.ranked(comparison)[0]
    folds, drawn = [], []
    for number, run in enumerate(comparison.runs, start=1):
        body, figures = _one(comparison, run, number, folder, sounds=sounds)
        drawn += figures
        folds.append((page.anchor("recipe", number), run, body, len(comparison.runs) <= _OPEN_TO or run is best))
    folds.sort(key=lambda fold: words.ranked(comparison).index(fold[1]))
    parts = tuple((anchor, run.recipe.name) for anchor, run, _, _ in folds)
    title = "Recipe by recipe" if len(comparison.runs) > 1 else "The recipe"
    return Section("recipes", title, page.fragment("recipes.html.j2", folds=folds), parts), drawn


def _one(comparison: Comparison, run: Run, number: int, folder: Path, *, sounds: bool) -> tuple[Markup, list[Figure]]:
    matrix = np.asarray(run.evaluation.confusion) / len(run.proba)  # counted over all seeds
    name = f"recipe-{number}"
    square = confusion(f"{name}-confusion", matrix, run.classes, title=run.recipe.name)
    drawn = reliability(f"{name}-reliability", run.y, run.proba)
    learning = [curves(f"{name}-{w}", run.history, w) for w in ("loss", "accuracy") if has(run.history, w)]
    mean = run.proba.mean(0)
    says, sure = mean.argmax(1), mean.max(1)
    wrong = np.flatnonzero(says != run.y)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:6]
    seeds = [float(np.mean(proba.argmax(1) == run.y)) for proba in run.proba]
    body = page.fragment(
        "recipe.html.j2",
        run=run,
        by_class=class_table(run),
        confusion=page.figure(square),
        mistakes=confusions(matrix, run.classes),
        reliability=page.figure(drawn),
        trust=trust.lines(run),
        curves=page.figures(learning) if learning else "",
        folds=len(run.history),
        wrong=clips(comparison, run, wrong, says, sure, folder) if sounds else [],
        seeds=seeds if len(seeds) > 1 else [],
        window_accuracy=run.window_accuracy if np.isfinite(run.window_accuracy) else None,
    )
    return body, [square, drawn, *learning]


def class_table(run: Run) -> Markup:
    """Precision, recall, F1 and support by class with their means: the classification report people know."""
    rows, values = [], []
    for label in run.classes:
        row = run.evaluation.per_class[label]
        values.append([float(row[k]) for k in ("precision", "recall", "f1", "support")])
        *shares, support = values[-1]
        precision, recall, f1 = shares
        found = run.evaluation.class_intervals.get(label, {})
        between = words.between(found["f1"].low, found["f1"].high) if found else ""
        area = found["average_precision"].value if found else float("nan")
        shown = f"{area:.2f}" if np.isfinite(area) else "–"
        bar = (max(0.0, f1), f"{f1:.2f}")
        rows.append([label, f"{precision:.2f}", f"{recall:.2f}", bar, between, shown, f"{support:.0f}"])
    table = np.nan_to_num(np.array(values))
    support = table[:, 3]
    occurs = support > 0  # as the scores: means over the classes that occur
    macro, weighted = table[occurs, :3].mean(0), (table[:, :3] * support[:, None]).sum(0) / max(support.sum(), 1)
    accuracy = run.evaluation.scores["accuracy"].value
    total = f"{support.sum():.0f}"
    foot = [
        ["accuracy", "", "", f"{accuracy:.2f}", "", "", total],
        ["macro mean", *(f"{v:.2f}" for v in macro), *_macro(run), total],
        ["weighted mean", *(f"{v:.2f}" for v in weighted), "", "", total],
    ]
    head = ["class", "precision", "recall", "F1", "95 % of F1", "average precision", "support"]
    return page.table(head, rows, foot=foot)


def _macro(run: Run) -> list[str]:
    """The interval of macro F1, and macro average precision."""
    f1, ranked = run.evaluation.scores["macro_f1"], run.evaluation.ranking.get("macro_average_precision")
    return [words.between(f1.low, f1.high), f"{ranked.value:.2f}" if ranked and np.isfinite(ranked.value) else ""]
