"""The report of `earmark study ladder`: ladder.html, ladder.json and its figure."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ..core.jsonable import plain
from ..core.outputs import LADDER, check
from ..core.publish import publish
from ..data.split import cut_groups
from ..embeddings.load import sounds_of
from . import page, words
from .figures.lines import lines
from .page import Row, Section
from .style import Figure

if TYPE_CHECKING:
    from ..studies.ladder import Ladder, Rung, Step

NAMES = {
    "windows": "windows at random",
    "windows apart": "windows at random, none overlapping",
    "clips": "whole clips",
    "groups": "whole groups",
    "published": "published folds",
}
_SHORT = {
    "windows": "windows",
    "windows apart": "windows,\nnone overlapping",
    "clips": "whole clips",
    "groups": "whole groups",
    "published": "published\nfolds",
}
_MEANING = {
    "windows": "Windows of all clips are mixed and dealt out at random. The test asks about sounds the model has partly learnt from.",
    "windows apart": "The same, but no two windows share a sample. What is still gained comes from other windows of the same clip.",
    "clips": "All windows of a clip are on one side. Other clips of the same artist, session or speaker may be on the other.",
    "groups": "All clips of a group are on one side: what a model meets in use.",
    "published": "The folds that came with the data. They protect what their authors chose to protect.",
}


def write(found: Ladder, folder: Path | str, *, force: bool = False) -> Path:
    """Write ladder.html, ladder.json and figures/ into ``folder``; returns the page's path. Raises OSError.

    ``force``: also where files lie that Earmark did not write; else DataError is raised.
    """
    folder = Path(folder)
    check(folder, LADDER, sounds=partial(sounds_of, found.dataset), force=force)
    drawing = chart(found)
    publish(
        folder,
        {
            "figures/ladder.svg": drawing.svg,
            "figures/ladder.png": drawing.png,
            "ladder.json": json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            "ladder.html": render(found, drawing),
        },
        owned=("figures",),
        force=force,
    )
    return folder / "ladder.html"


def as_json(found: Ladder) -> dict[str, Any]:
    """Every number, as plain values."""
    made: dict[str, Any] = plain(
        {
            "dataset": found.data_facts(),
            "recipe": found.recipe.short,
            "rungs": [
                {
                    "rung": r.name,
                    "what": NAMES[r.name],
                    "window_accuracy": r.windows.to_dict(),
                    "accuracy": r.clips.to_dict(),
                    "clips": r.evaluated,
                    "windows": r.window_count,
                }
                for r in found.rungs
            ],
            "steps": [_step(s) for s in found.steps],
            "total": _step(found.total) if found.total else None,
            "silence": found.silence.to_dict() if found.silence else None,
            "missing": dict(found.missing),
            "resampled": found.unit,
            "groups": found.groups,
            "folds": found.folds,
            "seeds": found.seeds,
            "seed": found.seed,
            "majority": found.majority,
            "command": found.command,
            "seconds": found.seconds,
            "versions": dict(found.versions),
            "notes": list(found.notes),
        }
    )
    return made


def _step(step: Step) -> dict[str, Any]:
    return {
        "from": step.a,
        "to": step.b,
        "window_difference": step.windows.to_dict(),
        "difference": step.clips.to_dict(),
        "clips": step.evaluated,
    }


def chart(found: Ladder) -> Figure:
    """Accuracy by window and by clip, rung by rung."""
    places = [float(i) for i in range(len(found.rungs))]
    said = "; ".join(
        f"{NAMES[r.name]} {100 * r.windows.value:.1f} % of windows, {100 * r.clips.value:.1f} % of clips"
        for r in found.rungs
    )
    return lines(
        "ladder",
        places,
        [("by clip", [r.clips for r in found.rungs]), ("by window", [r.windows for r in found.rungs])],
        ticks=[(p, _SHORT[r.name]) for p, r in zip(places, found.rungs, strict=True)],
        line=found.majority,
        line_label="majority class",
        alt=f"Accuracy: {said}.",
        caption=f"Bars: 95 % intervals, resampling {found.unit}. The recipe is the same everywhere.",
    )


def lead(found: Ladder) -> list[str]:
    """The findings in words, most important first."""
    first, last = found.rungs[0], found.rungs[-1]
    told = []
    if found.total is not None:
        step = found.total
        a, b = (next(r for r in found.rungs if r.name == n) for n in (step.a, step.b))
        sure = step.windows.high < 0
        told.append(
            f"Evaluated on {NAMES[a.name]}, {found.recipe.name} gets {words.percent(a.windows.value)} of the windows right; on "
            f"{NAMES[b.name]} {words.percent(b.windows.value)}: {words.points(step.windows.value)} points "
            f"[{words.points(step.windows.low)}, {words.points(step.windows.high)}]. "
            + ("That difference is leakage, not skill." if sure else "That difference is within what chance explains.")
        )
        told.append(
            f"By clip: {words.percent(a.clips.value)} against {words.percent(b.clips.value)}, "
            f"{words.points(step.clips.value)} points [{words.points(step.clips.low)}, {words.points(step.clips.high)}]."
        )
        told.append(
            f"The number to believe for new {'groups' if step.b == 'groups' else 'clips'} is {words.percent(b.clips.value)} "
            f"of the clips ({words.between(b.clips.low, b.clips.high)})."
        )
    else:
        told.append(f"{found.recipe.name}: {words.percent(last.clips.value)} of the clips right on {NAMES[last.name]}.")
    told += _given_away(found)
    if found.silence is not None:
        told.append(found.silence.text)
    if not any(r.name == "groups" for r in found.rungs):
        why = "are not known" if found.unit == "clips" else "were not kept whole on any rung"
        told.append(f"Groups {why}, so the most honest rung is missing: read the number as an upper bound.")
    if first.clips.value <= found.majority:
        told.append("Even the most flattering rung is not above the majority class.")
    return told


def _given_away(found: Ladder) -> list[str]:
    """What published folds that cut groups (or files) apart give away."""
    cut, of = cut_groups(found.dataset)
    whole = next((s for s in found.steps if s.b == "published"), None)
    if not cut or whole is None:
        return []
    gained = whole.clips
    sure = "What is gained is leakage." if gained.low > 0 else "A gain is not clear from these clips."
    return [
        f"The published folds put {len(cut)} of {of} {'groups' if found.dataset.has_groups else 'files'} on both sides of a split: "
        f"against {NAMES[whole.a]} that gives {words.points(gained.value)} points [{words.points(gained.low)}, "
        f"{words.points(gained.high)}] of the clips. {sure}"
    ]


def render(found: Ladder, drawing: Figure) -> str:
    """The page as text."""
    data = found.dataset
    first, *rest = lead(found)
    names = [found.recipe.name]
    steps = [*found.steps, *([found.total] if found.total and len(found.steps) > 1 else [])]
    return page.render(
        data.name,
        [
            Section("rungs", "Rung by rung", page.figure(drawing) + _rungs(found) + _missing(found)),
            *([Section("steps", "Points lost", _steps(found, steps))] if steps else []),
            Section("again", "Run it again", _again(found)),
        ],
        notes=found.notes,
        kicker="Ladder of protocols",
        lead=[page.marked(first, names), *(page.marked(line, names) for line in rest)],
        facts=[
            ("Recipe", found.recipe.name),
            ("Clips", f"{len(data.clips):,}"),
            ("Classes", f"{len(data.classes):,}"),
            ("Groups", f"{found.groups:,}" if found.unit == "groups" else "not known"),
            ("Folds", f"{found.folds}" + (f" × {found.seeds} seeds" if found.seeds > 1 else "")),
            ("Took", words.duration(found.seconds)),
        ],
    )


def _rungs(found: Ladder) -> Markup:
    def line(rung: Rung) -> list[object]:
        what = Markup("{}<br><small>{}</small>").format(NAMES[rung.name], _MEANING[rung.name])
        scores = [
            Markup("{}<small>{}</small>").format(words.percent(s.value), words.between(s.low, s.high))
            for s in (rung.windows, rung.clips)
        ]
        return [what, *scores, f"{rung.evaluated:,}", f"{rung.window_count:,}"]

    return page.table(
        ["rung", "by window", "by clip", "clips", "windows"], [*(line(r) for r in found.rungs), *_silence(found)]
    )


def _silence(found: Ladder) -> list[list[object]]:
    """The rung below the ladder."""
    one = found.silence
    if one is None:
        return []
    what = Markup("{}<br><small>{}</small>").format(
        "silence alone",
        "The quietest quarter of a second of each clip, its level removed, by a linear head on MFCC statistics, whatever the recipe: "
        "what recorders, rooms and codecs give away.",
    )
    score = Markup("{}<small>{}</small>").format(
        words.percent(one.accuracy.value), words.between(one.accuracy.low, one.accuracy.high)
    )
    return [[what, "", score, f"{one.clips:,}", ""]]


def _missing(found: Ladder) -> Markup:
    if not found.missing:
        return Markup()
    told = Markup().join(
        Markup("<li><b>{}</b>: {}</li>").format(NAMES[name], why) for name, why in found.missing.items()
    )
    return Markup("<p>Rungs that are not there:</p><ul>{}</ul>").format(told)


def _steps(found: Ladder, steps: list[Step]) -> Markup:
    def forest(measure: str, label: str) -> Markup:
        rows = []
        for step in steps:
            gap = getattr(step, measure)
            whole = step is found.total and len(steps) > 1
            name = f"{'in all: ' if whole else ''}{NAMES[step.a]} → {NAMES[step.b]}"
            sure = "lost" if gap.high < 0 else "gained" if gap.low > 0 else "cannot be told apart"
            rows.append(
                Row(name, gap.value, gap.low, gap.high, cells=(sure, f"{step.evaluated:,}"), code=False, strong=whole)
            )
        head = ["step", Markup("points, {}").format(label), "", "clips"]
        return page.forest(rows, head=head, line=0.0, line_label="no difference", unit="points", bounds=(-1, 1))

    intro = Markup(
        "<p>Each line compares two rungs on the clips that both evaluate: what the split alone changes. Intervals resample {}.</p>"
    ).format(found.unit)
    return (
        intro
        + Markup("<h3>By window</h3>")
        + forest("windows", "by window")
        + Markup("<h3>By clip</h3>")
        + forest("clips", "by clip")
    )


def _again(found: Ladder) -> Markup:
    versions = ", ".join(f"{k} {v}" for k, v in sorted(found.versions.items()))
    return Markup("<pre><code>{}</code></pre><p>Recipe <code>{}</code>, seed {}, data {}. {}.</p>").format(
        found.command or "earmark study ladder …", found.recipe.short, found.seed, found.fingerprint[:16], versions
    )
