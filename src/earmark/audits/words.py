"""The findings in plain words, for the page and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.text import between, count, listed, percent
from ..data import split
from ..data.duplicates.find import Pair
from . import confounds
from .files import SERIOUS
from .labels import bounds
from .output import sets

if TYPE_CHECKING:
    from . import Audit


def findings(found: Audit) -> list[str]:
    """The most important in a few sentences, worst first."""
    return [
        line
        for line in (
            *_conflicts(found),
            *_unusable(found),
            *_twins(found),
            *_folds(found),
            *_beside(found),
            *([found.silence.text] if found.silence and found.silence.found else []),
            *_labels(found),
            *_noted(found),
            *_alike(found),
        )
        if line
    ] or [f"Nothing wrong was found in {count(len(found.facts), 'clip')}."]


def pair(found: Audit, pair: Pair) -> str:
    """What two clips have in common: ``"the same recording: 2.23 s in common, the second starts 0.37 s later …"``."""
    a, b = found.facts[pair.a], found.facts[pair.b]
    if pair.kind == "file":
        return "the same file, byte for byte"
    if pair.kind == "samples":
        return "the same samples in two files"
    parts = [f"{pair.overlap:.1f} s in common"]
    if abs(pair.offset) >= 0.05:
        parts.append(f"the second begins {abs(pair.offset):.2f} s {'into' if pair.offset > 0 else 'before'} the first")
    if abs(pair.gain) >= 1:
        parts.append(f"{abs(pair.gain):.0f} dB {'louder' if pair.gain > 0 else 'quieter'}")
    if a.sample_rate != b.sample_rate:
        parts.append(f"{a.sample_rate} and {b.sample_rate} Hz")
    if (a.format, a.codec) != (b.format, b.codec):
        parts.append(f"{a.format} {a.codec} and {b.format} {b.codec}")
    return f"the same recording: {', '.join(parts)}; the spectrograms agree by {pair.agreement:.2f}"


def _conflicts(found: Audit) -> list[str]:
    bad = [p for p in found.pairs if found.conflict(p)]
    if not bad:
        return []
    clips = found.dataset.clips
    named = listed([f"{clips[p.a].id} = {clips[p.b].id}" for p in bad], most=3)
    return [f"{count(len(bad), 'recording')} with two labels: {named}. At least one of the labels is wrong."]


def _unusable(found: Audit) -> list[str]:
    bad = [
        (c.id, f.text)
        for c, flags in zip(found.dataset.clips, found.flags, strict=True)
        for f in flags
        if f.severity == SERIOUS and f.kind != "label conflict"
    ]
    if not bad:
        return []
    named = listed([f"{name} ({text})" for name, text in bad], most=3)
    return [f"{count(len({name for name, _ in bad}), 'clip')} unusable or damaged: {named}."]


def _twins(found: Audit) -> list[str]:
    if not found.pairs:
        return [f"No recording appears twice among {count(len(found.facts), 'clip')}."]
    clips, number = found.dataset.clips, int((found.same >= 0).sum())
    line = f"{count(len(sets(found.same.tolist())), 'recording')} appear{'s' if found.same.max() == 0 else ''} more than once, in {number} clips."
    by_folds = [p for p in found.pairs if found.cut_by_folds(p)]
    if by_folds:
        named = listed([f"{clips[p.a].id} = {clips[p.b].id}" for p in by_folds], most=3)
        line += f" The published folds learn from one copy and are evaluated by the other: {named}."
    apart = sum(map(found.cut_apart, found.pairs))
    if apart and found.dataset.has_groups:
        line += f" The groups as given do not know of {count(apart, 'pair')}; Earmark's own splits keep all copies together."
    else:
        line += " Earmark's own splits keep all copies together."
    return [line]


def _folds(found: Audit) -> list[str]:
    """Groups that the published folds cut apart, with their number."""
    cut, of = split.cut_groups(found.dataset)
    if not cut:
        return []
    what, how = ("group", "groups") if found.dataset.has_groups else ("file", "clips")
    return [
        f"The published folds put {len(cut)} of {count(of, what)} on both sides of a split ({listed(cut, most=3)}): a model "
        f"evaluated by them may know the {what} instead of the class. `earmark study ladder` shows what that gives away; "
        f"--protocol {how} keeps each whole."
    ]


def _beside(found: Audit) -> list[str]:
    told = [c for c in found.confounds if c.found]
    out = [confounds.sentence(c) for c in confounds.named(found.confounds) if not c.factor.content][:3]
    content = [c.factor.name for c in told if c.factor.content]
    if content:
        out.append(
            f"{listed(content, most=9).capitalize()} differ{'s' if len(content) == 1 else ''} between the classes. That may "
            "belong to the sounds; if it does not, a model learns it all the same."
        )
    return out


def _labels(found: Audit) -> list[str]:
    suspects = found.suspects()
    if found.suspicion is None:
        return []
    if not suspects:
        return [f"No label among {count(len(found.evaluated), 'clip')} looks clearly wrong."]
    share = len(suspects) / max(1, len(found.evaluated))
    low, high = bounds(0.9, share)
    return [
        f"{count(len(suspects), 'label')} ({percent(share)}) look wrong to models that learnt neither from the clip nor from its "
        f"group. If they are, an accuracy measured on these labels may be off by {100 * share:.1f} points either way: "
        f"{percent(0.9)} stands for {between(low, high)}. `earmark compare --audit` gives the bounds of each recipe."
    ]


def _noted(found: Audit) -> list[str]:
    kinds: dict[str, int] = {}
    for flags in found.flags:
        for flag in flags:
            if flag.severity != SERIOUS:
                kinds[flag.kind] = kinds.get(flag.kind, 0) + 1
    if not kinds:
        return []
    worst = sorted(kinds.items(), key=lambda k: -k[1])
    return [f"Also noted: {listed([f'{n} {kind}' for kind, n in worst], most=8)}."]


def _alike(found: Audit) -> list[str]:
    proposed = sets(found.proposed.tolist())
    if not proposed:
        return []
    groups = found.dataset.groups
    across = sum(len({groups[i] for i in members}) > 1 for members in proposed)
    known = f"; {across} of them join clips of different groups as given" if found.dataset.has_groups else ""
    return [
        f"{count(len(proposed), 'set')} of clips ({sum(map(len, proposed))} in all) sound as though they came from one "
        f"session or artist{known}. A proposal: listen before you use it."
    ]
