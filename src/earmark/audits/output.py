"""The audit as files: audit.json (every number), clips.csv (a table to train on), audit.html (for people)."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.jsonable import plain
from ..core.outputs import AUDIT
from ..core.paths import relative
from ..data.clips import Dataset
from ..data.duplicates.find import Pair
from ..data.split import cut_groups
from ..data.times import written
from .confounds import Confound

if TYPE_CHECKING:
    from . import Audit

COLUMNS = (
    "path", "label", "group", "fold", "start", "duration",
    "duplicate_group", "proposed_group", "proposed_label", "flags", "exclude",
)  # fmt: skip

DIGITS = 6  # decimals of numbers in audit.json


def alike(dataset: Dataset) -> list[Path]:
    """Sounds of the data that are called as a file of an audit is."""
    return [c.path for c in dataset.clips if c.path.name in AUDIT.names]


def as_json(found: Audit) -> dict[str, Any]:
    """Everything found, ready for ``json``; what is not a number is null."""
    clips = found.dataset.clips
    told: dict[str, Any] = {
        "dataset": found.dataset.name,
        "clips": len(clips),
        "classes": list(found.dataset.classes),
        "seed": found.seed,
        "backbones": list(found.backbones),
        "seconds": round(found.seconds, 2),
        "notes": list(found.notes),
        "counts": counts(found),
        "duplicates": [_pair(found, p) for p in found.pairs],
        "groups": [[clips[i].id for i in members] for members in sets(found.proposed.tolist())],
        "confounds": [_confound(c) for c in found.confounds],
        "silence": found.silence.to_dict() if found.silence else None,
        "labels": [
            {"clip": clips[i].id, "label": clips[i].label, "proposed": other, "likely": likely, "own": own}
            for i, other, likely, own in found.suspects()
        ],
        "files": [
            {"clip": clip.id}
            | {f.name: getattr(facts, f.name) for f in fields(facts) if f.name != "fingerprint"}
            | {"flags": [asdict(flag) for flag in flags]}
            for clip, facts, flags in zip(clips, found.facts, found.flags, strict=True)
        ],
    }
    clean: dict[str, Any] = plain(told, DIGITS)
    return clean


def _pair(found: Audit, pair: Pair) -> dict[str, Any]:
    a, b = found.dataset.clips[pair.a], found.dataset.clips[pair.b]
    return {
        "a": a.id,
        "b": b.id,
        "kind": pair.kind,
        "offset": pair.offset,
        "overlap": pair.overlap,
        "agreement": pair.agreement,
        "gain": pair.gain,
        "votes": pair.votes,
        "labels": [a.label, b.label],
        "conflict": found.conflict(pair),
        "cut_apart": found.cut_apart(pair),
        "cut_by_folds": found.cut_by_folds(pair),
    }


def _confound(one: Confound) -> dict[str, Any]:
    return {
        "fact": one.factor.name,
        "found": one.found,
        "may_be_content": one.factor.content,
        "score": one.score,
        "low": one.low,
        "high": one.high,
        "chance": one.chance,
        "p": one.p,
        "class": one.culprit,
        "recall": one.recall,
        "inside": one.inside,
        "outside": one.outside,
        "also": list(one.also),
    }


def counts(found: Audit) -> dict[str, Any]:
    """How much of what was found."""
    kinds: dict[str, int] = {}
    for flags in found.flags:
        for flag in flags:
            kinds[flag.kind] = kinds.get(flag.kind, 0) + 1
    return {
        "flags": dict(sorted(kinds.items(), key=lambda k: -k[1])),
        "duplicate_pairs": len(found.pairs),
        "duplicate_clips": int((found.same >= 0).sum()),
        "label_conflicts": sum(map(found.conflict, found.pairs)),
        "proposed_groups": int(found.proposed.max(initial=-1)) + 1,
        "groups_cut_by_folds": len(cut_groups(found.dataset)[0]),
        "confounds": sum(c.found for c in found.confounds),
        "label_suspects": len(found.suspects()),
    }


def sets(numbers: list[int]) -> list[list[int]]:
    """Members (indices) of each set 0, 1, …"""
    members: list[list[int]] = [[] for _ in range(max(numbers, default=-1) + 1)]
    for i, number in enumerate(numbers):
        if number >= 0:
            members[number].append(i)
    return members


def as_csv(found: Audit, folder: Path) -> str:
    """The table: the data as they are, with proposals beside them. Earmark reads it as a data set."""
    out = io.StringIO(newline="")
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(COLUMNS)
    likelier = {clip: label for clip, label, _, _ in found.suspects()}
    leave = excludes(found)
    for i, clip in enumerate(found.dataset.clips):
        write(
            [
                relative(clip.path, folder),
                clip.label or "",
                clip.group or "",
                clip.fold or "",
                written(clip.start or None),
                written(clip.duration),
                f"same-{found.same[i] + 1}" if found.same[i] >= 0 else "",
                f"alike-{found.proposed[i] + 1}" if found.proposed[i] >= 0 else "",
                likelier.get(i, ""),
                "; ".join(dict.fromkeys(f.kind for f in found.flags[i])),
                leave.get(i, ""),
            ]
        )
    return out.getvalue()


def excludes(found: Audit) -> dict[int, str]:
    """Clips that had better be excluded -> why: unusable ones, and repeats of the very same samples and label."""
    leave = {}
    for pair in found.pairs:
        if pair.kind != "recording" and not found.conflict(pair):
            leave[pair.b] = f"same {pair.kind} as {found.dataset.clips[pair.a].id}"
    for i, facts in enumerate(found.facts):
        if facts.error:
            leave[i] = facts.error
        elif facts.peak < -80:
            leave[i] = "silent"
    return leave
