"""audit.html: the findings first, then each audit with its sounds to listen to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..audits import Audit, confounds, words
from ..audits.confounds import Confound
from ..audits.files import ABOUT, SERIOUS
from ..audits.output import sets
from ..core.outputs import AUDIT, check
from ..core.publish import publish
from ..core.text import count, duration, percent
from ..data.duplicates.find import Pair
from ..embeddings.load import sounds_of
from . import page
from .page import Section
from .sounds import player

if TYPE_CHECKING:
    from ..audits import Audit
from ..audits.output import alike, as_csv, as_json

if TYPE_CHECKING:
    from ..audits import Audit

SHOWN = 60  # of each kind; the rest is in audit.json


def render(found: Audit, folder: Path, *, command: str = "") -> str:
    """The page as text, for a place in ``folder``."""
    data = found.dataset
    groups = len({*data.groups} - {None})
    chapters = [
        _duplicates(found, folder),
        _labels(found, folder),
        _confounds(found),
        _files(found, folder),
        _groups(found, folder),
        _again(found, command),
    ]
    first, *rest = words.findings(found)
    return page.render(
        data.name,
        [chapter for chapter in chapters if chapter],
        kicker="Audit",
        lead=[first, *rest],
        facts=[
            ("Clips", f"{len(data.clips):,}"),
            ("Classes", f"{len(data.classes):,}"),
            ("Groups", f"{groups:,}" if groups else "not known"),
            ("Sound", duration(sum(f.seconds for f in found.facts if f.seconds > 0))),
            ("Backbones", ", ".join(found.backbones) or "no backbone"),
            ("Took", duration(found.seconds)),
        ],
        notes=found.notes,
    )


def _duplicates(found: Audit, folder: Path) -> Section:
    items = [_two(found, pair, folder) for pair in found.pairs[:SHOWN]]
    intro = Markup(
        "<p>Found by landmarks of the spectrogram, which survive encoding, resampling, gain, shifts and cuts, and confirmed by "
        "comparing the two spectrograms where they overlap. Those with two labels come first, then those that the "
        "published folds or the groups as given cut apart. Earmark keeps copies together in the splits that it makes; folds that "
        "came with the data are taken as they are.</p>"
    )
    body = intro + (_sounds(items, wide=True) + _more(len(found.pairs)) if items else Markup("<p>None.</p>"))
    return Section("duplicates", "The same recording twice", body)


def _two(found: Audit, pair: Pair, folder: Path) -> Markup:
    clips = [found.dataset.clips[i] for i in (pair.a, pair.b)]
    head = Markup("<b>{}</b> and <b>{}</b>").format(*(clip.label or "no label" for clip in clips))
    if found.conflict(pair):
        head = Markup("two labels: ") + head
    if found.cut_by_folds(pair):
        head += Markup(", in folds {} and {}").format(*(clip.fold for clip in clips))
    text = Markup("<p>{}<small>{}</small></p>").format(head, words.pair(found, pair))
    sides = Markup().join(
        Markup("<div><small>{}{}</small>{}</div>").format(c.id, f" · {c.group}" if c.group else "", player(c, folder))
        for c in clips
    )
    return text + Markup('<div class="beside">{}</div>').format(sides)


def _labels(found: Audit, folder: Path) -> Section | None:
    if found.suspicion is None:
        return None
    clips, suspects = found.dataset.clips, found.suspects()
    items = [
        Markup("<p>labelled <b>{}</b>, sounds like <b>{}</b> ({} against {})<small>{}{}</small></p>{}").format(
            clips[i].label,
            other,
            percent(likely, 0),
            percent(own, 0),
            clips[i].id,
            f" · {clips[i].group}" if clips[i].group else "",
            player(clips[i], folder),
        )
        for i, other, likely, own in suspects[:SHOWN]
    ]
    intro = Markup(
        "<p>Several models were asked that had learnt neither from the clip nor from its group; here every one prefers another label. Worst "
        "first. Not every one is wrong: some are odd examples of their class. <code>clips.csv</code> has the label they "
        "propose beside your own, which stays as it is.</p>"
    )
    body = intro + (_sounds(items) + _more(len(suspects)) if items else Markup("<p>None.</p>"))
    return Section("labels", "Labels that look wrong", body)


def _confounds(found: Audit) -> Section | None:
    if not found.confounds:
        return None
    rows = [
        page.Row(
            c.factor.name, c.score, min(c.low, c.score), max(c.high, c.score), _cells(c), strong=c.found, code=False
        )
        for c in found.confounds
    ]
    chance = sum(c.chance for c in found.confounds) / len(found.confounds)
    told = [Markup("<p>{}</p>").format(confounds.sentence(c)) for c in confounds.named(found.confounds)]
    intro = Markup(
        "<p>How well can the label be told from facts that are not what the clips sound of? Each fact alone, guessing out of fold with "
        "whole groups; the share of guesses that are right, as a mean over the classes. A fact is reported if it beats chance by its interval and by "
        "shuffled labels, corrected for looking at {} facts.</p>"
    ).format(len(found.confounds))
    table = page.forest(
        rows,
        head=["fact", "labels guessed", "by chance", "p", "most of all", "kind"],
        line=chance,
        line_label="chance",
        bounds=(0.0, 1.0),
    )
    return Section("confounds", "What gives the label away", intro + Markup().join(told) + table)


def _cells(c: Confound) -> tuple[str, ...]:
    kind = "may be content" if c.factor.content else "not content"
    return percent(c.chance, 0), f"{c.p:.3f}", c.culprit if c.found else "–", kind


def _files(found: Audit, folder: Path) -> Section:
    kinds: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for i, flags in enumerate(found.flags):
        for flag in flags:
            if flag.kind != "label conflict":
                kinds.setdefault((flag.severity, flag.kind), []).append((i, flag.text))
    order = sorted(kinds, key=lambda k: (k[0] != SERIOUS, -len(kinds[k])))
    clips = found.dataset.clips
    body = Markup("<p>Every file was opened and decoded to its end.</p>")
    for at, key in enumerate(order):
        rows = [
            [clips[i].id, clips[i].label or "", text, "" if found.facts[i].error else _wide(player(clips[i], folder))]
            for i, text in kinds[key][:SHOWN]
        ]
        title = Markup('<h3 id="{}">{} <small>{}</small></h3>').format(
            page.anchor("file", at), key[1], count(len(kinds[key]), "clip")
        )
        body += title + Markup("<p>{}</p>").format(ABOUT.get(key[1], ""))
        body += page.table(["clip", "label", "found", "listen"], rows, texts=4, codes=True)
        body += _more(len(kinds[key]))
    if not order:
        body += Markup("<p>Nothing wrong.</p>")
    return Section("files", "The files", body, tuple((page.anchor("file", i), k[1]) for i, k in enumerate(order)))


def _groups(found: Audit, folder: Path) -> Section | None:
    proposed = sets(found.proposed.tolist())
    if not proposed:
        return None
    clips = found.dataset.clips
    # What the groups as given do not know comes first.
    proposed.sort(key=lambda members: (len({clips[i].group for i in members}) == 1, -len(members)))
    parts = []
    for members in proposed[:SHOWN]:
        known = {clips[i].group for i in members if clips[i].group}
        text = Markup("<h4>{}, {}</h4>").format(clips[members[0]].label, count(len(members), "clip"))
        if known:
            text += Markup('<p class="quiet">Given groups: {}</p>').format(", ".join(sorted(map(str, known))))
        items = [Markup("<small>{}</small>{}").format(clips[i].id, player(clips[i], folder)) for i in members[:12]]
        parts.append(text + _sounds(items) + _more(len(members), 12))
    intro = Markup(
        "<p>Clips of one class that are more alike than clips of different classes ever are, once the class is taken away. That "
        "may be one artist, session or microphone, or one sub-style. On GTZAN, four of five such pairs are by one artist. "
        "Use them as groups (column <code>proposed_group</code>) only after listening.</p>"
    )
    return Section(
        "groups", "Clips that may come from one session", intro + Markup().join(parts) + _more(len(proposed))
    )


def _again(found: Audit, command: str) -> Section:
    body = Markup("<pre><code>{}</code></pre>").format(command) if command else Markup()
    body += Markup(
        "<p>Seed {}. Beside this page: <code>audit.json</code> has every number, <code>clips.csv</code> is a table of the clips "
        "with columns for duplicates, proposed groups and labels, flags, and what to leave out and why. Your own files "
        "were not changed.</p><p><code>earmark review DATA --audit FOLDER</code> plays the findings one after the other and "
        "keeps what you decide.</p>"
    ).format(found.seed)
    return Section("again", "Run it again", body)


def _sounds(items: Sequence[Markup], *, wide: bool = False) -> Markup:
    style = Markup(' style="grid-template-columns: minmax(0, 1fr)"') if wide else ""
    listed: Iterable[Markup] = (Markup("<li>{}</li>").format(item) for item in items)
    return Markup('<ul class="sounds"{}>{}</ul>').format(style, Markup().join(listed))


def _wide(sound: Markup) -> Markup:
    return Markup('<div style="min-width: 15rem">{}</div>').format(sound)


def _more(total: int, shown: int = SHOWN) -> Markup:
    if total <= shown:
        return Markup()
    return Markup('<p class="quiet">… and {} more, in audit.json.</p>').format(total - shown)


def write(found: Audit, folder: Path | str, *, command: str = "", force: bool = False) -> Path:
    """Write audit.html, audit.json and clips.csv into ``folder``; returns the page's path.

    Raises DataError rather than overwrite a file that an audit did not write, unless ``force``; OSError if the folder cannot be written.
    """
    folder = Path(folder)
    check(folder, AUDIT, inputs=alike(found.dataset), sounds=partial(sounds_of, found.dataset), force=force)
    files: dict[str, str | bytes] = {
        "audit.json": json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "clips.csv": as_csv(found, folder),
        "audit.html": render(found, folder, command=command),
    }
    publish(folder, files, force=force)
    return folder / "audit.html"
