"""The chapters of a comparison's report that speak of all recipes together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ..metrics.clips import METRICS
from . import page, words
from .page import Row, Section
from .sounds import player

if TYPE_CHECKING:
    from ..metrics.promises import Promises
    from ..models.results import Comparison, Run

_SECONDS = ("embed", "fit", "predict")
_TWICE = {"macro_recall", "weighted_recall"}  # balanced accuracy and accuracy by their other names


def overview(comparison: Comparison) -> Markup:
    """All recipes, best first: accuracy with its interval drawn against the baseline, and seconds spent."""
    runs = words.ranked(comparison)
    order = {run.recipe.name: i for i, run in enumerate(comparison.runs, start=1)}
    rows = [
        Row(
            run.recipe.name,
            *_three(run, "accuracy"),
            cells=tuple(words.duration(run.seconds.get(part, float("nan"))) for part in _SECONDS),
            link=page.anchor("recipe", order[run.recipe.name]),
            strong=run is runs[0] and len(runs) > 1,
        )
        for run in runs
    ]
    chart = page.forest(
        rows,
        head=["Recipe", "Accuracy", *_SECONDS],
        line=comparison.baseline.get("accuracy"),
        line_label="baseline",
        bounds=(0, 1),
    )
    return page.fragment("overview.html.j2", chart=chart, unit=_unit(comparison), several=len(runs) > 1)


def scores(comparison: Comparison) -> Section:
    """Every metric of every recipe, and F1 by class side by side."""
    runs = words.ranked(comparison)
    head = [page.code(run.recipe.name) for run in runs]
    names = [n for n in runs[0].evaluation.scores if n not in _TWICE and all(n in r.evaluation.scores for r in runs)]
    base = comparison.baseline
    every = [
        [words.metric_name(name), *_line(runs, name), words.score(name, base[name]) if name in base else ""]
        for name in names
    ]
    ranked = [n for n in runs[0].evaluation.ranking if all(n in r.evaluation.ranking for r in runs)]
    every += [[words.metric_name(name), *_line(runs, name), ""] for name in ranked]
    by_class = []
    for label in runs[0].classes:
        f1 = [float(run.evaluation.per_class[label]["f1"]) for run in runs]
        by_class.append([label, *((max(0.0, v), f"{v:.2f}") for v in f1)])
    return Section(
        "scores",
        "Every score",
        page.fragment(
            "scores.html.j2",
            every=page.table(["", *head, "baseline"], every),
            several=len(runs) > 1,
            by_class=page.table(["class", *head], by_class),
        ),
    )


def pairs(comparison: Comparison) -> Section:
    """Paired differences: against the best in a drawing, all of them in a table."""
    best = words.ranked(comparison)[0].recipe.name
    names = [run.recipe.name for run in comparison.runs]
    against, every = [], []
    for pair in comparison.pairs:
        sign = -1 if words.verdict(pair) == "worse" else 1  # the verdict names the better one first, so do the numbers
        low, high = sorted((sign * pair.low, sign * pair.high))
        gap = f"{words.points(low)} … {words.points(high)}"
        p, adjusted = words.chance(pair.p), words.chance(pair.p_adjusted)
        every.append([page.marked(pair.verdict, names), words.points(sign * pair.difference), gap, p, adjusted])
        if pair.a == best:
            against.append(
                Row(pair.b, pair.difference, pair.low, pair.high, cells=(words.verdict(pair), words.detectable(pair)))
            )
        elif pair.b == best:  # turned round, so that every line says "the best less the other"
            verdict = {"better": "worse", "worse": "better"}.get(words.verdict(pair), words.verdict(pair))
            against.append(
                Row(pair.a, -pair.difference, -pair.high, -pair.low, cells=(verdict, words.detectable(pair)))
            )
    against.sort(key=lambda row: row.value)
    chart = page.forest(
        against,
        head=[Markup("{} against").format(page.code(best)), "points", "it is", "would have shown"],
        unit="points",
        line=0.0,
        line_label="no difference",
        bounds=(-1, 1),
    )
    table = page.table(["in words", "points", "95 % interval", "p", "p, all pairs"], every)
    return Section(
        "pairs",
        "Which differences are real",
        page.fragment("pairs.html.j2", chart=chart, table=table, count=len(every), unit=_unit(comparison)),
    )


def listen(comparison: Comparison, folder: Path) -> Section | None:
    """Clips that all recipes take for the same wrong class: the label may be at fault. None if there are none."""
    runs = comparison.runs
    if len(runs) < 2 or any(tuple(r.ids) != tuple(runs[0].ids) or r.classes != runs[0].classes for r in runs):
        return None
    mean = np.stack([run.proba.mean(0) for run in runs])  # (recipes, n, classes)
    says = mean.argmax(2)
    alike = np.flatnonzero((says == says[0]).all(0) & (says[0] != runs[0].y))
    if not len(alike):
        return None
    sure = mean.mean(0).max(1)
    found = alike[np.argsort(-sure[alike], kind="stable")]
    items = clips(comparison, runs[0], found[:12], says[0], sure, folder)
    return Section(
        "listen",
        "Worth a listen",
        page.fragment("listen.html.j2", items=items, count=len(found), total=len(says[0]), recipes=len(runs)),
    )


def clips(
    comparison: Comparison, run: Run, which: NDArray[Any], says: NDArray[Any], sure: NDArray[Any], folder: Path
) -> list[dict[str, object]]:
    """What the list of sounds shows of the clips ``which`` (indices into ``run.ids``)."""
    by_id = {clip.id: clip for clip in comparison.dataset.clips}
    return [
        {
            "id": run.ids[i],
            "label": run.classes[int(run.y[i])],
            "predicted": run.classes[int(says[i])],
            "score": words.percent(float(sure[i]), 0),
            "group": by_id[run.ids[i]].group or "",
            "player": player(by_id[run.ids[i]], folder),
        }
        for i in which
    ]


def promises(comparison: Comparison) -> Section | None:
    """Whether a finished model keeps its promises here; None of a comparison."""
    found = comparison.held_out.promises if comparison.held_out else None
    if found is None:
        return None
    told = page.table(
        ["promise", "promised", "found", "p", "holds"],
        [
            [
                {"sets": "sets hold the true label", "scores": "scores, right on average"}.get(
                    one.name, "said 'unknown'"
                ),
                words.percent(one.promised),
                Markup("{}<small>{}</small>").format(
                    words.percent(one.found.value), words.between(one.found.low, one.found.high)
                ),
                words.chance(one.p),
                {True: "yes", False: "no", None: "cannot be told"}[one.holds],
            ]
            for one in found.tested
        ],
    )
    by_class = page.table(
        ["class", "sets hold it", "labels in a set"],
        [
            [
                label,
                Markup("{}<small>{}</small>").format(words.percent(i.value), words.between(i.low, i.high)),
                f"{found.sizes[label]:.2f}",
            ]
            for label, i in found.coverage.items()
        ],
    )
    lines = Markup().join(Markup("<p>{}</p>").format(line) for line in (found.verdict, *found.remarks, *_groups(found)))
    return Section("promises", "Does it keep its promises", lines + told + (by_class if found.coverage else Markup()))


def _groups(found: Promises) -> list[str]:
    """Size of sets, the slope, and the groups that fare worst, in words."""
    told = []
    if np.isfinite(found.size):
        told.append(f"Sets have {found.size:.2f} labels on average.")
    if np.isfinite([found.slope.low, found.intercept.low]).all():
        told.append(
            f"Calibration slope {found.slope.value:.2f} ({found.slope.low:.2f} to {found.slope.high:.2f}; 1 is right), intercept "
            f"{found.intercept.value:.2f} ({found.intercept.low:.2f} to {found.intercept.high:.2f}; 0 is right)."
        )
    worst = sorted(found.by_group.items(), key=lambda one: one[1])[:3]
    if worst and worst[0][1] < 1 and len(found.by_group) < found.clips:
        named = words.listed([f"{Path(name).name} {words.percent(value)}" for name, value in worst])
        told.append(f"The groups of which sets hold the true label most rarely: {named}.")
    return told


def licences(comparison: Comparison) -> Section:
    """What the data and the weights allow, for whoever wants to hand on a model."""
    seen = {str(facts.get("name")): facts for run in comparison.runs for facts in run.backbones}
    data = comparison.dataset
    rows: list[list[object]] = [
        [f"data: {data.name}", data.licence, "", words.licence_note(data.licence), data.citation]
    ]
    for name, facts in sorted(seen.items()):
        licence, learnt = str(facts.get("licence", "unknown")), str(facts.get("trained_on", "nothing"))
        # Hand-made features have no weights, so nothing that a licence could be missing for.
        note = "" if learnt == "nothing" else words.licence_note(licence)
        rows.append([f"backbone: {name}", licence, learnt, note, str(facts.get("citation", ""))])
    table = page.table(["part", "licence", "trained on", "mind", "cite"], rows, texts=5)
    return Section("licences", "Licences", page.fragment("licences.html.j2", table=table))


def evaluated(comparison: Comparison) -> Section:
    """The protocol in words: what was kept apart, what the intervals mean."""
    lead = words.PROTOCOLS.get(comparison.protocol, (comparison.protocol, ""))
    return Section(
        "evaluated",
        "How this was evaluated",
        page.fragment(
            "evaluated.html.j2",
            comparison=comparison,
            name=lead[0],
            what=lead[1],
            unit=_unit(comparison),
            protocols=words.PROTOCOLS,
            runs=len(comparison.runs),
        ),
    )


def again(comparison: Comparison) -> Section:
    """Command, seed, fingerprint and versions."""
    versions = sorted(comparison.versions.items())
    return Section("again", "Run it again", page.fragment("again.html.j2", comparison=comparison, versions=versions))


def _three(run: Run, metric: str) -> tuple[float, float, float]:
    score = run.evaluation.scores[metric]
    return score.value, score.low, score.high


def _line(runs: list[Run], metric: str) -> list[Markup]:
    """A metric's value and interval in each run; the best value is set in bold."""
    found = [{**run.evaluation.ranking, **run.evaluation.scores}[metric] for run in runs]
    known = METRICS.get(metric)
    best = (max if known is None or known.higher_is_better else min)(score.value for score in found)
    return [
        Markup("<b>{}</b><small>{}</small>" if score.value == best and len(runs) > 1 else "{}<small>{}</small>").format(
            words.score(metric, score.value), words.score_range(metric, score)
        )
        for score in found
    ]


def _unit(comparison: Comparison) -> str:
    """What the intervals resample."""
    first = comparison.runs[0].evaluation
    return "groups" if first.n_groups < first.n_clips else "clips"
