"""The report of `earmark study curve`: curve.html, curve.json and its figure."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from ..core.jsonable import plain
from ..core.outputs import CURVE, check
from ..core.publish import publish
from ..embeddings.load import sounds_of
from ..studies.forecast import FARTHEST
from . import page, words
from .figures.lines import lines
from .page import Section
from .style import Figure

if TYPE_CHECKING:
    from ..studies.curve import Curve
    from ..studies.forecast import Target


def write(found: Curve, folder: Path | str, *, force: bool = False) -> Path:
    """Write curve.html, curve.json and figures/ into ``folder``; returns the page's path. Raises OSError.

    ``force``: also where files lie that Earmark did not write; else DataError is raised.
    """
    folder = Path(folder)
    check(folder, CURVE, sounds=partial(sounds_of, found.dataset), force=force)
    drawing = chart(found)
    publish(
        folder,
        {
            "figures/curve.svg": drawing.svg,
            "figures/curve.png": drawing.png,
            "curve.json": json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            "curve.html": render(found, drawing),
        },
        owned=("figures",),
        force=force,
    )
    return folder / "curve.html"


def as_json(found: Curve) -> dict[str, Any]:
    """Every number, as plain values; null where a number is infinite or not known."""
    law, last = found.law, found.last_doubling
    made: dict[str, Any] = plain(
        {
            "dataset": found.data_facts(),
            "recipe": found.recipe.short,
            "protocol": found.protocol,
            "folds": found.folds,
            "groups": found.groups,
            "points": [
                {
                    "per_class": p.per_class,
                    "clips": p.clips,
                    "groups": p.groups,
                    "accuracy": p.accuracy.to_dict(),
                    "spread": p.spread,
                    "draws": p.draws,
                }
                for p in found.points
            ],
            "last_doubling": last and {"from": last[0], "to": last[1], "gained": last[2].to_dict()},
            "law": law
            and {"floor": law.floor, "scale": law.scale, "slope": law.slope, "miss_of_last_point": found.miss},
            "targets": [
                {"gain": t.gain, "per_class": t.per_class, "low": t.low, "high": t.high} for t in found.targets
            ],
            "seed": found.seed,
            "majority": found.majority,
            "command": found.command,
            "seconds": found.seconds,
            "versions": dict(found.versions),
            "notes": list(found.notes),
        }
    )
    return made


def chart(found: Curve) -> Figure:
    """Accuracy over clips per class, with the law a little beyond what is there."""
    places = [p.per_class for p in found.points]
    law: list[tuple[float, float]] = []
    if found.law is not None:
        law = [(float(x), found.law.accuracy(float(x))) for x in np.geomspace(places[0], 2.5 * places[-1], 60)]
    said = "; ".join(f"{100 * p.accuracy.value:.1f} % with {p.per_class:.3g}" for p in found.points)
    return lines(
        "curve",
        places,
        [("measured", [p.accuracy for p in found.points])],
        ticks=[(p, f"{p:.3g}") for p in places],
        xlabel="labelled clips per class",
        log=True,
        line=found.majority,
        line_label="majority class",
        curve=law,
        curve_label="power law",
        alt=f"Accuracy by labelled clips per class: {said}.",
        caption="Bars: 95 % intervals, resampling groups. The law beyond the last point is a guess.",
    )


def lead(found: Curve) -> list[str]:
    """The findings in words, most important first."""
    now = found.points[-1]
    told = [
        f"With all labels ({now.per_class:.0f} clips per class to learn from) {found.recipe.name} gets "
        f"{words.percent(now.accuracy.value)} of the clips right ({words.between(now.accuracy.low, now.accuracy.high)})."
    ]
    if found.last_doubling is not None:
        start, end, gained = found.last_doubling
        text = (
            f"The last step, from {start:.0f} to {end:.0f} clips per class, gained {words.points(gained.value)} points "
            f"[{words.points(gained.low)}, {words.points(gained.high)}]"
        )
        told.append(text + (": more labels still help." if gained.low > 0 else ": that could be chance."))
    told += [forecast(found, target) for target in found.targets[:1]]
    if found.miss is not None:
        told.append(
            f"How far to trust a law: fitted without the last point, it misses that one by {words.points(found.miss)} points."
        )
    if found.law is None:
        told.append("Too few points for a law: no forecast.")
    return told


def forecast(found: Curve, target: Target) -> str:
    """What one target takes, in words."""
    now = found.points[-1].per_class
    points = f"{100 * target.gain:.3g} point{'s' if target.gain > 0.0101 else ''}"
    if not math.isfinite(target.per_class):
        return (
            f"{points} more {'are' if points.endswith('s') else 'is'} not in sight: by nine of ten laws that explain the curve it "
            "levels off below that, so other sounds or another recipe may help where more of the same would not."
        )
    if target.low > FARTHEST * now:
        return f"{points} more would take over {FARTHEST} times the labels there are; so far out there is no forecast."
    more = math.ceil(target.low - now)
    if more < 1:
        return f"What {points} more would take is not to be told from this curve: it may be few labels, or very many, or never be reached."
    return (
        f"{points} more would take at least {more} more clips per class ({more * len(found.dataset.classes)} in all), by 19 of 20 "
        "laws that explain the curve. How many more than that it does not tell."
    )


def render(found: Curve, drawing: Figure) -> str:
    """The page as text."""
    data = found.dataset
    first, *rest = lead(found)
    names = [found.recipe.name]
    return page.render(
        data.name,
        [
            Section("curve", "Accuracy by labels", page.figure(drawing) + _points(found)),
            *([Section("more", "What more labels would give", _targets(found))] if found.targets else []),
            Section("again", "Run it again", _again(found)),
        ],
        notes=found.notes,
        kicker="Learning curve",
        lead=[page.marked(first, names), *(page.marked(line, names) for line in rest)],
        facts=[
            ("Recipe", found.recipe.name),
            ("Clips", f"{len(data.clips):,}"),
            ("Classes", f"{len(data.classes):,}"),
            ("Groups", f"{found.groups:,}"),
            ("Protocol", found.protocol),
            ("Folds", f"{found.folds}"),
            ("Took", words.duration(found.seconds)),
        ],
    )


def _points(found: Curve) -> Markup:
    rows = [
        [
            f"{p.per_class:.3g}",
            f"{p.clips:.0f}",
            f"{p.groups:.0f}",
            Markup("{}<small>{}</small>").format(
                words.percent(p.accuracy.value), words.between(p.accuracy.low, p.accuracy.high)
            ),
            f"{100 * p.spread:.1f}" if math.isfinite(p.spread) else "–",
            str(p.draws),
        ]
        for p in found.points
    ]
    intro = Markup(
        "<p>The clips of the test side are the same at every point. The clips learnt from are drawn from the training side, whole "
        "groups one after another; larger draws hold the smaller ones. <i>Spread</i> is the standard deviation over "
        "draws, in points: how much it matters which clips are labelled.</p>"
    )
    head = ["per class", "clips learnt from", "groups", "accuracy", "spread", "draws"]
    return intro + page.table(head, rows)


def _targets(found: Curve) -> Markup:
    law = found.law
    if law is None:
        return Markup()
    told = Markup().join(Markup("<li>{}</li>").format(forecast(found, t)) for t in found.targets)
    miss = (
        ""
        if found.miss is None
        else f" Fitted without the last point, it misses that one by {words.points(found.miss)} points."
    )
    return Markup("<ul>{}</ul>").format(told) + Markup(
        "<p>The law: error = {:.3f} + {:.3f} · n<sup>−{:.2f}</sup>, least squares through the points.{} It assumes that new "
        "labels are of sounds like these: more of the same sessions gives less, other sessions may give more. Nothing is "
        "told beyond {} times the labels there are.</p>"
    ).format(law.floor, law.scale, law.slope, miss, FARTHEST)


def _again(found: Curve) -> Markup:
    versions = ", ".join(f"{k} {v}" for k, v in sorted(found.versions.items()))
    return Markup("<pre><code>{}</code></pre><p>Recipe <code>{}</code>, seed {}, data {}. {}.</p>").format(
        found.command or "earmark study curve …", found.recipe.short, found.seed, found.fingerprint[:16], versions
    )
