"""The report of `earmark study stress`: stress.html, stress.json and its figure."""

from __future__ import annotations

import json
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ..core.jsonable import plain
from ..core.outputs import STRESS, check
from ..core.publish import publish
from ..embeddings.load import sounds_of
from . import page, words
from .figures.intervals import intervals
from .page import Row, Section
from .style import Figure

if TYPE_CHECKING:
    from ..studies.stress import Condition, Stress

FAMILIES = {
    "mp3": "MP3",
    "opus": "Opus",
    "lowpass": "Low-pass",
    "telephone": "Telephone",
    "noise": "White noise",
    "gain": "Loudness",
    "pitch": "Pitch",
    "tempo": "Tempo",
    "excerpt": "Shorter excerpts",
}
_UNITS = {
    "mp3": "{kbps:g} kbit/s",
    "opus": "{kbps:g} kbit/s",
    "lowpass": "nothing above {hz:g} Hz",
    "noise": "{snr:g} dB SNR",
    "gain": "{db:+g} dB",
    "pitch": "{semitones:+g} semitones",
    "tempo": "{factor:g} × as fast",
    "excerpt": "{seconds:g} s",
    "telephone": "300 – 3400 Hz, 8 bit",
    "highpass": "nothing below {hz:g} Hz",
    "bandpass": "{low:g} – {high:g} Hz",
}


def write(found: Stress, folder: Path | str, *, force: bool = False) -> Path:
    """Write stress.html, stress.json and figures/ into ``folder``; returns the page's path. Raises OSError.

    ``force``: also where files lie that Earmark did not write; else DataError is raised.
    """
    folder = Path(folder)
    check(folder, STRESS, sounds=partial(sounds_of, found.dataset), force=force)
    drawing = chart(found)
    publish(
        folder,
        {
            "figures/stress.svg": drawing.svg,
            "figures/stress.png": drawing.png,
            "stress.json": json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            "stress.html": render(found, drawing),
        },
        owned=("figures",),
        force=force,
    )
    return folder / "stress.html"


def as_json(found: Stress) -> dict[str, Any]:
    """Every number, as plain values."""
    made: dict[str, Any] = plain(
        {
            "dataset": {
                "name": found.dataset.name,
                "clips": len(found.dataset.clips),
                "fingerprint": found.fingerprint,
            },
            "recipe": found.recipe.short,
            "how": found.how,
            "protocol": found.protocol,
            "folds": found.folds,
            "accuracy": found.plain.to_dict(),
            "clips": found.clips,
            "groups": found.groups,
            "conditions": [
                {
                    "change": c.name,
                    "family": c.family,
                    "accuracy": c.accuracy.to_dict(),
                    "difference": c.loss.to_dict(),
                    "clips_changed": c.changed,
                }
                for c in found.conditions
            ],
            "majority": found.majority,
            "seed": found.seed,
            "command": found.command,
            "seconds": found.seconds,
            "versions": dict(found.versions),
            "notes": list(found.notes),
        }
    )
    return made


def name(condition: Condition) -> str:
    """``"MP3, 32 kbit/s"``."""
    from ..core.spec import Part

    part = Part.parse(condition.name)
    return f"{FAMILIES.get(part.name, part.name)}, {_UNITS[part.name].format(**part.kwargs)}"


def chart(found: Stress) -> Figure:
    """Accuracy under each change, against the sounds as they are."""
    return intervals(
        "stress",
        [("as it is", found.plain), *((name(c), c.accuracy) for c in found.conditions)],
        line=found.plain.value,
        line_label="as it is",
        caption="Bars: 95 % intervals, resampling groups.",
    )


def lead(found: Stress) -> list[str]:
    """The findings in words, most important first."""
    lost = sorted((c for c in found.conditions if c.loss.high < 0), key=lambda c: c.loss.value)
    told = [
        f"{found.recipe.name} gets {words.percent(found.plain.value)} of the clips right as they are "
        f"({words.between(found.plain.low, found.plain.high)})."
    ]
    if lost:
        worst = lost[0]
        told.append(
            f"Worst for it: {name(worst)}, {words.percent(worst.accuracy.value)}: {words.points(worst.loss.value)} points "
            f"[{words.points(worst.loss.low)}, {words.points(worst.loss.high)}]."
        )
        told.append(f"{words.count(len(lost), 'change')} of {len(found.conditions)} cost it accuracy beyond chance.")
    else:
        many = len(found.conditions)
        none = "The one change did not" if many == 1 else f"None of {many} changes"
        told.append(f"{none} cost it accuracy beyond chance.")
    far = _limits(found)
    if far:
        told.append("It can be trusted with " + words.listed(far, most=9) + ", which cost less than 5 points.")
    return told


def _limits(found: Stress) -> list[str]:
    """Of each family the harshest change that surely costs less than 5 points, all milder ones too."""
    limits = []
    for _, members in groupby(found.conditions, key=lambda c: c.family):
        good = None
        for c in members:
            if c.loss.low < -0.05:
                break
            good = c
        limits += [name(good)] if good else []
    return limits


def render(found: Stress, drawing: Figure) -> str:
    """The page as text."""
    data = found.dataset
    first, *rest = lead(found)
    names = [found.recipe.name]
    return page.render(
        data.name,
        [
            Section("accuracy", "Accuracy under each change", page.figure(drawing)),
            Section("lost", "Points lost", _lost(found)),
            Section("evaluated", "How this was evaluated", _evaluated(found)),
            Section("again", "Run it again", _again(found)),
        ],
        notes=found.notes,
        kicker="Robustness",
        lead=[page.marked(first, names), *(page.marked(line, names) for line in rest)],
        facts=[
            ("Recipe", found.recipe.name),
            ("Clips", f"{found.clips:,}"),
            ("Groups", f"{found.groups:,}"),
            ("Protocol", found.protocol),
            ("Folds", f"{found.folds}"),
            ("Took", words.duration(found.seconds)),
        ],
    )


def _lost(found: Stress) -> Markup:
    rows = [
        Row(
            name(c),
            c.loss.value,
            c.loss.low,
            c.loss.high,
            code=False,
            cells=(
                words.percent(c.accuracy.value),
                f"{c.changed:,}",
                "lost" if c.loss.high < 0 else "gained" if c.loss.low > 0 else "–",
            ),
        )
        for c in found.conditions
    ]
    intro = Markup(
        "<p>Each line compares the same clips, changed and as they are, evaluated by the same heads. <i>Changed</i>: clips "
        "that the change did anything to.</p>"
    )
    head = ["change", "points", "accuracy", "changed", ""]
    return intro + page.forest(rows, head=head, line=0.0, line_label="as it is", unit="points", bounds=(-1, 1))


def _evaluated(found: Stress) -> Markup:
    return Markup(
        "<p>OutOfFold: {}. Heads learnt from the sounds as they are. The changes are made to the sound itself, before the front "
        "end: codecs by encoding and decoding, noise at a signal-to-noise ratio over the whole clip, gain with everything "
        "beyond full scale cut off. A model that must live with such sounds can learn from them: "
        "<code>~codec</code>, <code>~noise(snr=10)</code>, <code>~bandpass</code> at the end of a recipe.</p>"
    ).format(found.how)


def _again(found: Stress) -> Markup:
    versions = ", ".join(f"{k} {v}" for k, v in sorted(found.versions.items()))
    return Markup("<pre><code>{}</code></pre><p>Recipe <code>{}</code>, seed {}, data {}. {}.</p>").format(
        found.command or "earmark study stress …", found.recipe.short, found.seed, found.fingerprint[:16], versions
    )
