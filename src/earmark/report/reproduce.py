"""The report of `earmark reproduce`: what a results section says when every protocol is on the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ..audio import load
from ..core.errors import AudioError
from ..core.jsonable import plain
from ..core.outputs import REPRODUCTION, check
from ..core.publish import publish
from ..core.storage import at_hand
from ..data.layouts.gtzan import GENRES
from ..data.split import Protocol
from ..embeddings.load import sounds_of
from ..studies.reproduce import LONG, paper
from ..studies.reproduce.claims import claims
from ..studies.reproduce.words import NAMES, findings, follows, short
from ..studies.results import metrics
from . import page, words
from .dataset import chapter
from .figures.lines import lines
from .figures.sound import RATE, sound
from .ladder import as_json as ladder_json
from .page import Row, Section
from .reproduce_method import method
from .sections import pairs
from .style import Figure

if TYPE_CHECKING:
    from ..studies.reproduce import Reproduction
    from ..studies.reproduce.trials import Trial

_DRAWN = 10.0  # s of the clip that is shown


def write(found: Reproduction, folder: Path | str, *, force: bool = False) -> Path:
    """Write report.html, metrics.json and figures/ into ``folder``; returns the page's path. Raises OSError.

    ``force``: also where files lie that Earmark did not write; else DataError is raised.
    """
    folder = Path(folder)
    check(folder, REPRODUCTION, sounds=partial(sounds_of, found.dataset), force=force)
    html, figures = render(found)
    files: dict[str, str | bytes] = {}
    for figure in figures:
        files |= {f"figures/{figure.name}.svg": figure.svg, f"figures/{figure.name}.png": figure.png}
    numbers = json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    publish(folder, files | {"metrics.json": numbers, "report.html": html}, owned=("figures",), force=force)
    return folder / "report.html"


def as_json(found: Reproduction) -> dict[str, Any]:
    """Every number, as plain values."""
    made: dict[str, Any] = plain(
        {
            "paper": {
                c.name: {"accuracy": c.accuracy, "evaluated": c.evaluated, "unit": c.unit, "classes": dict(c.classes)}
                for c in paper.CLAIMS
            },
            "data": {
                "name": found.dataset.name,
                "clips": len(found.dataset.clips),
                "long_clips": found.long,
                "seconds": sum(found.lengths.values()),
                "classes": list(found.dataset.classes),
                "excluded": [{"path": e.path, "reason": e.reason} for e in found.dataset.excluded],
            },
            "missing": list(found.missing),
            "trials": [_trial(t) for t in (*found.cnn, *found.frozen)],
            "ladders": [ladder_json(one) for one in found.ladders],
            "equal": metrics(found.equal),
            "findings": findings(found),
            "follows": follows(found),
            "claims": [asdict(claim) for claim in claims(found)],
            "epochs": found.epochs,
            "quick": found.quick,
            "bfloat16": found.bfloat16,
            "seed": paper.SEED,
            "seconds": found.seconds,
            "command": found.command,
            "versions": dict(found.versions),
        }
    )
    return made


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "recipe": trial.recipe,
        "short": trial.run.recipe.short,
        "stands_for": trial.stands_for,
        "protocol": trial.protocol,
        "unit": trial.unit,
        "learnt": trial.learnt,
        "evaluated": len(trial.run.y),
        "known_in_training": {"track": trial.leak.track, "samples": trial.leak.samples, "artist": trial.leak.artist},
        **trial.run.evaluation.to_dict(),
        "history": [dict(h) for h in trial.run.history],
        "seconds": dict(trial.run.seconds),
    }


def render(found: Reproduction) -> tuple[str, list[Figure]]:
    """The page as text, and every figure of the folder."""
    first, first_figures = method(found, paper.CNN, found.cnn, "cnn")
    second, second_figures = method(found, paper.VGGISH, found.frozen, "frozen")
    steps, step_figures = _ladders(found)
    data, data_figures = _data(found)
    names = [t.recipe for t in (*found.cnn, *found.frozen)] + [r.recipe.name for r in found.equal.runs]
    said = findings(found)
    equal = (
        [replace(pairs(found.equal), title="Are the differences real?")]
        if found.equal.pairs and not found.quick
        else []
    )
    sections = [
        Section("claims", "What was claimed, and what was run", _claims()),
        data,
        Section("cnn", "Method 1: a CNN from scratch", first),
        Section("frozen", "Method 2: a head on frozen embeddings", second),
        *([Section("ladder", "One recipe, three protocols", steps)] if found.ladders else []),
        Section("equal", "Both methods on the same clips", _equal(found)),
        *equal,
        Section("sentences", "The paper's sentences, held against these numbers", _sentences(found)),
        *_followed(found, names),
        Section("again", "Run it again", _again(found)),
    ]
    groups = len({*found.dataset.groups} - {None})
    html = page.render(
        "A CNN and VGGish on GTZAN, run again",
        sections,
        kicker="Reproduction",
        lead=[page.marked(line, names) for line in said],
        notes=[
            *(
                ["Quick: two epochs on a small part, to see that it runs. The numbers mean nothing."]
                if found.quick
                else []
            ),
            *(f"Missing: {m}" for m in found.missing),
        ],
        hero=_summary(found),
        facts=[
            ("Paper", "Uncu, CENG562"),
            ("Clips", f"{len(found.dataset.clips):,} of {paper.CLIPS:,}"),
            ("Genres", f"{len(found.dataset.classes)}"),
            ("Artists", f"{groups:,}" if groups else "not known"),
            ("Epochs", f"{found.epochs}"),
            ("Took", words.duration(found.seconds)),
        ],
    )
    return html, [*data_figures, *first_figures, *second_figures, *step_figures]


# ------------------------------------------------------------------------------------------------- chapters
def _summary(found: Reproduction) -> Markup:
    """Every trial beside the paper's number."""
    rows: list[Row] = []
    for claim, trials in ((paper.CNN, found.cnn), (paper.VGGISH, found.frozen)):
        for trial in trials:
            score = trial.run.evaluation.scores["accuracy"]
            said = f"{100 * claim.accuracy:.0f} %" if trial.protocol == "paper" and not trial.stands_for else "–"
            cells = (NAMES[trial.protocol, trial.unit], said, f"{len(trial.run.y):,}")
            rows.append(
                Row(trial.recipe, score.value, score.low, score.high, cells=cells, strong=trial.protocol == "paper")
            )
    for run in found.equal.runs:
        score = run.evaluation.scores["accuracy"]
        how = "whole artists, 5 folds" if found.equal.protocol == Protocol.GROUPS else "whole clips, 5 folds"
        how = how.replace("5 folds", f"{found.equal.folds} folds")
        rows.append(Row(run.recipe.name, score.value, score.low, score.high, cells=(how, "–", f"{len(run.y):,}")))
    return page.forest(
        rows,
        head=["recipe", "accuracy", "split", "paper", "evaluated"],
        bounds=(0, 1),
        line=found.equal.baseline.get("accuracy"),
        line_label="majority",
    )


def _sentences(found: Reproduction) -> Markup:
    """Each of the paper's sentences with its verdict and the number it comes from."""
    return page.table(
        ["the paper says", "here", "from"], [[c.said, c.verdict, c.number] for c in claims(found)], texts=3
    )


def _followed(found: Reproduction, names: Sequence[str]) -> list[Section]:
    told = follows(found)
    body = Markup('<div class="prose">{}</div>').format(_prose(told, names))
    return [Section("follows", "What follows", body)] if told else []


def _claims() -> Markup:
    rows = [
        [
            Markup("{}<br><small>{:.0f} % of {:,} {}s</small>").format(c.name, 100 * c.accuracy, c.evaluated, c.unit),
            c.text,
            c.run,
        ]
        for c in paper.CLAIMS
    ]
    quote = Markup(
        "<p>The paper compares the two accuracies and finds “{}”. Its own words on what was done and its notebook "
        "differ; both are run here, each under its name.</p>"
    ).format(paper.CONCLUSION)
    return quote + page.table(["method", "as the text says", "as it was run"], rows, texts=3)


def _data(found: Reproduction) -> tuple[Section, list[Figure]]:
    """Figure 5 of the paper, the data, and what differs from the paper's."""
    example = _example(found)
    section, figures = chapter(found.dataset, example, [], sounds=True)
    whole = sum(found.lengths.get(c.id, 0.0) > 29 for c in found.dataset.clips)
    count = len(found.dataset.clips)
    told = [
        f"The paper had {paper.CLIPS:,} clips of 30 s, {paper.PER_GENRE} of each genre. Here are {count:,}, of which "
        f"{whole:,} are whole; {found.long:,} have {LONG:.0f} s or more. Method 1 and the ladders take these alone: a shorter "
        "clip has no second chunk that a split could put on the other side, so it would hide what chunks at random do. "
        "All clips are in method 2 and in the last comparison, where a window longer than the clip repeats it."
    ]
    gone = [g for g in GENRES if g not in found.dataset.classes]
    if gone:
        told.append(f"No clip here is of {words.listed(gone, most=10)}.")
    return replace(section, body=_prose(told, []) + section.body), figures


def _ladders(found: Reproduction) -> tuple[Markup, list[Figure]]:
    if not found.ladders:
        return Markup(), []
    first = found.ladders[0]
    names = [r.name for r in first.rungs]
    places = [float(i) for i in range(len(names))]
    shown = {"windows": "windows at random", "clips": "whole clips", "groups": "whole artists"}
    drawing = lines(
        "ladder",
        places,
        [(one.recipe.name, [r.windows for r in one.rungs]) for one in found.ladders],
        ticks=[(p, shown[n]) for p, n in zip(places, names, strict=True)],
        line=first.majority,
        line_label="majority class",
        alt="; ".join(short(one) for one in found.ladders),
        caption=f"Share of windows that are right, 95 % intervals by {first.unit.removesuffix('s')}. Same clips on every rung.",
    )
    rows = []
    for one in found.ladders:
        for rung in one.rungs:
            cells = [
                Markup("{}<small>{}</small>").format(words.percent(s.value), words.between(s.low, s.high))
                for s in (rung.windows, rung.clips)
            ]
            rows.append(
                [page.code(one.recipe.name), shown[rung.name], *cells, f"{rung.window_count:,}", f"{rung.evaluated:,}"]
            )
    classes = words.listed(first.dataset.classes, most=12)
    intro = (
        f"{len(first.dataset.clips)} clips of {LONG:.0f} s and more, {first.groups} {first.unit}, {first.folds} folds; {classes}. "
        "The recipe does not change from rung to rung, only what may lie on both sides of the split."
    )
    body = _prose([intro], []) + page.figure(drawing)
    head = ["recipe", "kept whole", "windows right", "clips right", "windows", "clips"]
    return body + page.table(head, rows, texts=2), [drawing]


def _equal(found: Reproduction) -> Markup:
    equal = found.equal
    rows = []
    for run in words.ranked(equal):
        score = run.evaluation.scores["accuracy"]
        cells = (f"{run.evaluation.scores['macro_f1'].value:.2f}", words.duration(run.seconds["fit"]))
        rows.append(Row(run.recipe.name, score.value, score.low, score.high, cells=cells))
    whole = "artists" if equal.protocol == Protocol.GROUPS else "clips"
    intro = (
        f"All {len(equal.dataset.clips):,} clips that could be used, {equal.folds} folds that keep whole {whole} on one side, "
        "accuracy by clip. Same clips, same folds, same question: here the two methods can be compared."
    )
    return _prose([intro], []) + page.forest(
        rows,
        head=["recipe", "accuracy", "macro F1", "fitting"],
        line=equal.baseline.get("accuracy"),
        line_label="majority",
        bounds=(0, 1),
    )


def _again(found: Reproduction) -> Markup:
    made = ", ".join(f"{k} {v}" for k, v in sorted(found.versions.items()))
    recipes = Markup().join(
        Markup("<li><code>{}</code></li>").format(s)
        for s in dict.fromkeys(
            [t.run.recipe.short for t in (*found.cnn, *found.frozen)] + [r.recipe.short for r in found.equal.runs]
        )
    )
    kind = "bfloat16 products" if found.bfloat16 else "float32"
    return Markup(
        "<pre><code>{}</code></pre><p>Seed {}, {} epochs, nets trained with {}, data {}. {}.</p><p>The recipes:</p><ul>{}</ul>"
    ).format(
        found.command or "earmark reproduce …",
        paper.SEED,
        found.epochs,
        kind,
        found.equal.fingerprint[:16],
        made,
        recipes,
    )


def _example(found: Reproduction) -> Figure | None:
    """Figure 5 of the paper: a clip as the nets see it."""
    clip = next((c for c in found.dataset.clips if found.lengths.get(c.id, 0) >= LONG), None)
    if clip is None:
        return None
    try:
        samples = load(at_hand(clip.path), RATE, start=clip.start, duration=_DRAWN)
    except (AudioError, OSError):
        return None
    caption = (
        f"Figure 5 of the paper: {clip.label} ({clip.id}), the first {_DRAWN:.0f} s. The mel spectrogram below is drawn with a "
        "logarithm, as the paper's figure; the net that was run got it without."
    )
    return sound("mel-spectrogram", samples, title=f"a clip of {clip.label}", caption=caption)


def _prose(told: Sequence[str], names: Sequence[str]) -> Markup:
    return Markup().join(Markup("<p>{}</p>").format(page.marked(line, names)) for line in told)
