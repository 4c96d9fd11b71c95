"""A method's chapter in the report of `earmark reproduce`: the paper's tables and figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ..studies.reproduce import paper
from ..studies.reproduce.words import NAMES
from . import page, words
from .figures.confusion import confusion
from .figures.curves import curves, has
from .style import Figure

if TYPE_CHECKING:
    from ..studies.reproduce import Reproduction
    from ..studies.reproduce.paper import Claim
    from ..studies.reproduce.trials import Trial

_DROPPED = Markup(
    f"<p>As in the paper, {paper.DROPPED} is excluded from this table, for the sake of comparison only: the paper's reason was "
    "files that could not be read. GTZAN has one such file (jazz.00054); naming it and going on keeps the other 99 clips.</p>"
)


def method(found: Reproduction, claim: Claim, trials: Sequence[Trial], name: str) -> tuple[Markup, list[Figure]]:
    """A method's part: the paper's table beside ours, curves, confusion, then the honest splits."""
    if not trials:
        return Markup("<p>Not run: {}</p>").format("; ".join(found.missing)), []
    figures: list[Figure] = []
    body = _table(claim, trials)
    if claim is paper.CNN:
        body = _DROPPED + body
    for number, trial in enumerate(t for t in trials if t.protocol == "paper"):
        title = f"{trial.recipe}, {NAMES['paper', trial.unit]}"
        stem = f"{name}-{number + 1}"
        beside = f"in place of {trial.stands_for}" if trial.stands_for else ""
        body += Markup("<h3>{} <small>{}</small></h3>").format(page.marked(title, [trial.recipe]), beside)
        body += _let_through(trial)
        drawn = [curves(f"{stem}-{w}", trial.run.history, w) for w in ("loss", "accuracy") if has(trial.run.history, w)]
        if drawn:
            watched = f"the evaluated {trial.unit}s themselves" if trial.watched else "held out on the training side"
            body += page.figures(drawn)
            at = f"Figures {claim.figure - 2} and {claim.figure - 1} of the paper. " if number == 0 else ""
            body += Markup('<p class="quiet">{}Validation: {}.</p>').format(at, watched)
        matrix = confusion(f"{stem}-confusion", trial.run.evaluation.confusion, trial.run.classes, title=trial.recipe)
        matrix = replace(
            matrix, alt=matrix.alt.replace("clips", f"{trial.unit}s"),
            caption=matrix.caption.replace("clips", f"{trial.unit}s") + f" Figure {claim.figure + 1} of the paper.",
        )  # fmt: skip
        body += page.figure(matrix) + Markup("<h4>Figure {} of the paper, beside ours</h4>").format(claim.figure)
        body += _reports(claim, trial)
        figures += [*drawn, matrix]
    return body, figures


def _table(claim: Claim, trials: Sequence[Trial]) -> Markup:
    rows: list[list[object]] = [
        [f"{claim.name}, as published", f"{claim.unit}s at random", f"{100 * claim.accuracy:.1f} %", f"{claim.macro_f1:.2f}", "–", "–", "–",
         f"{claim.evaluated:,}"]
    ]  # fmt: skip
    for trial in trials:
        scores, leak = trial.run.evaluation.scores, trial.leak
        accuracy = scores["accuracy"]
        rows.append([
            page.code(trial.recipe), NAMES[trial.protocol, trial.unit],
            Markup("{}<small>{}</small>").format(words.percent(accuracy.value), words.between(accuracy.low, accuracy.high)),
            f"{scores['macro_f1'].value:.2f}", words.percent(leak.track, 0), words.percent(leak.samples, 0),
            words.percent(leak.artist, 0) if leak.artist is not None else "unknown", f"{len(trial.run.y):,}",
        ])  # fmt: skip
    if claim is paper.VGGISH and all(t.stands_for for t in trials):
        rows.insert(1, [page.code("paper-vggish"), "not run: its weights are not here", *["–"] * 6])
    head = [
        "recipe",
        "split",
        "accuracy",
        "macro F1",
        "own track in training",
        "shares samples",
        "artist in training",
        "evaluated",
    ]
    return page.table(head, rows, texts=2) + Markup(
        '<p class="quiet">The three shares are of the evaluated {}s. Intervals of 95 % resample {}.</p>'
    ).format(claim.unit, "whole tracks, and artists where artists are kept whole")


def _let_through(trial: Trial) -> Markup:
    curve = trial.run.history[0].get("valid_accuracy", []) if trial.run.history else []
    if not len(curve) or not trial.watched:
        return Markup()
    last, best = curve[-1], max(curve)
    return Markup(
        "<p>After all {} epochs {} are right. With the test set as validation set, stopping at the best epoch (number {}) "
        "would have reported {}.</p>"
    ).format(len(curve), words.percent(last), int(np.argmax(curve)) + 1, words.percent(best))


def _reports(claim: Claim, trial: Trial) -> Markup:
    """The paper's classification report beside ours."""
    rows: list[list[object]] = []
    for label in sorted({*claim.classes, *trial.run.classes}):
        theirs = claim.classes.get(label)
        row = trial.run.evaluation.per_class.get(label)
        left: list[object] = (
            [f"{theirs[0]:.2f}", f"{theirs[1]:.2f}", (theirs[2], f"{theirs[2]:.2f}"), theirs[3]]
            if theirs
            else ["–"] * 4
        )
        right: list[object] = ["–"] * 4
        if row is not None:
            p, r, f1 = (float(row[k]) for k in ("precision", "recall", "f1"))
            right = [f"{p:.2f}", f"{r:.2f}", (max(0.0, f1), f"{f1:.2f}"), f"{row['support']:.0f}"]
        rows.append([label, *left, *right])
    ours = trial.run.evaluation.scores
    foot: list[list[object]] = [
        [
            "accuracy",
            "",
            "",
            f"{claim.accuracy:.2f}",
            claim.evaluated,
            "",
            "",
            f"{ours['accuracy'].value:.2f}",
            len(trial.run.y),
        ],
        ["macro F1", "", "", f"{claim.macro_f1:.2f}", "", "", "", f"{ours['macro_f1'].value:.2f}", ""],
    ]
    head = ["genre", "paper: precision", "recall", "F1", "support", "here: precision", "recall", "F1", "support"]
    return page.table(head, rows, foot=foot)
