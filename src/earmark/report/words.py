"""Numbers and findings in plain words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..core.text import NBSP as NBSP
from ..core.text import between as between
from ..core.text import chance as chance
from ..core.text import count as count
from ..core.text import duration as duration
from ..core.text import listed as listed
from ..core.text import percent as percent
from ..core.text import points as points
from ..metrics.clips import METRICS

if TYPE_CHECKING:
    from ..metrics.evaluation import Pair
    from ..metrics.intervals import Interval
    from ..models.results import Comparison, Run


# What a protocol keeps together, and what its number therefore means.
PROTOCOLS = {
    "windows": (
        "windows drawn at random",
        "Nothing is protected. Windows of one clip lie on both sides of the split, so the test asks about sounds the "
        "model has partly learnt from. Much published work evaluates this way; expect less on new recordings, often far less.",
    ),
    "clips": (
        "whole clips",
        "A clip is never cut apart: all its windows are evaluated by a model that has not learnt from it. Other clips of the "
        "same artist, session or speaker may still have been learnt from, so on new ones expect less.",
    ),
    "groups": (
        "whole groups",
        "A group (artist, recording session, speaker …) is never cut apart: every clip is evaluated by a model that has "
        "learnt nothing from its group. The numbers speak of new groups, which is what a model mostly meets in use.",
    ),
    "published": (
        "the published folds",
        "The folds that came with the data, so that the numbers can stand beside published ones. They protect what "
        "their authors chose to protect, no more.",
    ),
    "held out": (
        "sounds kept out of training",
        "A finished model, evaluated on labelled sounds it was not fitted on. The numbers speak of sounds like these. "
        "Clips that it was trained on, and groups of the same name, are told; other artists and sessions that were in training "
        "only you can tell.",
    ),
}

_METRICS = {
    "macro_f1": "Macro F1", "weighted_f1": "Weighted F1", "brier": "Brier score", "ece": "Calibration error",
    "macro_average_precision": "Average precision, mean of classes", "macro_auroc": "AUROC, mean of classes",
    "top3": "Among the top 3", "top5": "Among the top 5",
}  # fmt: skip


def metric_name(name: str) -> str:
    """``"macro_f1"`` -> ``"Macro F1"``."""
    return _METRICS.get(name, name.replace("_", " ").capitalize())


def is_share(metric: str) -> bool:
    """True if the metric is a share (0 … 1), which people read as per cent; log loss and the like are not."""
    known = METRICS.get(metric)
    return known is None or {known.best, known.worst} == {0, 1}


def score(metric: str, number: float) -> str:
    """A metric's value as people write it."""
    if not math.isfinite(number):
        return "–"
    return percent(number) if is_share(metric) else f"{number:.3f}"


def score_range(metric: str, interval: Interval) -> str:
    """A metric's 95 % interval as people write it."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return ""
    if is_share(metric):
        return between(interval.low, interval.high)
    return f"{interval.low:.3f} – {interval.high:.3f}"


def verdict(pair: Pair) -> str:
    """What a pair lets one say, short: ``pair.verdict`` says it at length."""
    if pair.p_adjusted <= 0.05:
        return "better" if pair.difference > 0 else "worse"
    return "cannot be told apart"


def detectable(pair: Pair) -> str:
    """The smallest difference, in points, that these clips would have shown; "" where one is shown."""
    if verdict(pair) != "cannot be told apart" or pair.detectable is None:
        return ""
    return f"{100 * pair.detectable:.1f}"


def ranked(comparison: Comparison) -> list[Run]:
    """The runs, best accuracy first."""
    return sorted(comparison.runs, key=lambda run: -run.evaluation.scores["accuracy"].value)


def summary(comparison: Comparison) -> list[str]:
    """The findings in a few sentences, most important first. Plain text."""
    runs = ranked(comparison)
    best = runs[0]
    accuracy, name = best.evaluation.scores["accuracy"], best.recipe.name
    classes, protocol = len(best.classes), PROTOCOLS.get(comparison.protocol, (comparison.protocol, ""))[0]
    shown = f"between {percent(accuracy.low)} and {percent(accuracy.high)}"
    picked, expected = comparison.picked, accuracy
    if picked is None:
        lines = [
            f"{name} gets {percent(accuracy.value)} of the clips right. On new data of this kind, expect {shown} "
            f"(95{NBSP}% interval)."
        ]
    else:
        expected = picked.accuracy
        lines = [
            f"{name} gets {percent(accuracy.value)} of the clips right, {shown} by itself (95{NBSP}% interval).",
            f"The best of {picked.among} was picked on the very clips of the test side, so its number is slightly "
            f"flattering: corrected for that it is {percent(expected.value)}. On new data of this kind, expect between "
            f"{percent(expected.low)} and {percent(expected.high)}.",
        ]
    if comparison.protocol in ("clips", "groups") and comparison.folds > 1:
        lines.append(
            f"That is measured on heads that learnt from {percent(1 - 1 / comparison.folds)} of the clips. A model trained on all of "
            f"them is on average at least as good, so of it say at least {percent(expected.low)}: no upper end is to be taken for granted."
        )
    if len(runs) > 1:
        place = {run.recipe.name: i for i, run in enumerate(runs)}
        of_best = [(p.b if p.a == name else p.a, p) for p in comparison.pairs if name in (p.a, p.b)]
        of_best.sort(key=lambda found: place[found[0]])
        same = [other for other, pair in of_best if verdict(pair) == "cannot be told apart"]
        worse = [other for other, pair in of_best if verdict(pair) != "cannot be told apart"]
        if same:
            lines.append(f"With this data, {name} cannot be told apart from {listed(same, most=4)}.")
        if worse:
            lines.append(f"{name} is better than {listed(worse, most=4)}, beyond what chance explains.")
    base = comparison.baseline.get("accuracy", float("nan"))
    lines.append(
        f"For comparison: always answering the most frequent class gives {percent(base)}, guessing blindly among "
        f"{classes} classes {percent(1 / classes)}."
    )
    if expected.low <= base:
        lines.append("The best recipe is not clearly above that baseline: these numbers show no learning yet.")
    lines.append(f"Evaluated on {protocol}. {PROTOCOLS.get(comparison.protocol, ('', ''))[1]}".strip())
    return lines


def licence_note(licence: str) -> str:
    """A reader's hint to a licence text; empty when there is nothing to warn of. Not legal advice."""
    low = licence.lower()
    if not low.strip() or low.startswith(("unknown", "none", "no licence", "unlicensed")):
        return "No licence is stated: ask whoever owns it before you publish or sell what was learnt from it."
    if "nc" in low.replace("-", " ").split() or "commercial" in low or "research" in low:
        return "Not for commercial use."
    if "sa" in low.replace("-", " ").split():
        return "Share alike: what is adapted from it carries the same licence."
    return ""
