"""The chapter on the data: how many of what, how long, what was excluded, what the sounds look like."""

from __future__ import annotations

import numpy as np

from ..audio import probe
from ..core.errors import AudioError
from ..core.storage import at_hand
from ..data.clips import Clip, Dataset
from . import page, words
from .examples import Card
from .figures import counts
from .page import Section
from .style import Figure

_PROBED = 1500  # headers read for the histogram of lengths; more say nothing new
_EXCLUDED_SHOWN = 200


def chapter(dataset: Dataset, whole: Figure | None, cards: list[Card], *, sounds: bool) -> tuple[Section, list[Figure]]:
    """The section, and its figures for the folder. ``sounds=False`` opens no file."""
    drawn = [counts.classes("class-counts", dataset)]
    seconds = lengths(dataset, read=sounds)
    if seconds:
        drawn.append(counts.lengths("lengths", seconds, of=len(dataset.clips)))
    excluded = page.table(
        ["file", "reason"], [[e.path, e.reason] for e in dataset.excluded[:_EXCLUDED_SHOWN]], texts=2, codes=True
    )
    body = page.fragment(
        "data.html.j2",
        dataset=dataset,
        facts=[
            words.count(len(dataset.clips), "clip"),
            words.count(len(dataset.classes), "class", "classes"),
            words.count(len({*dataset.groups} - {None}), "group"),
        ],
        figures=page.figures(drawn),
        whole=page.figure(whole) if whole else "",
        cards=cards,
        more=len(dataset.classes) > len(cards),
        excluded=excluded,
        hidden=max(0, len(dataset.excluded) - _EXCLUDED_SHOWN),
    )
    return Section("data", "The data", body), [*drawn, *([whole] if whole else []), *(card.picture for card in cards)]


def lengths(dataset: Dataset, *, read: bool) -> list[float]:
    """Seconds of the clips (of an even sample if there are very many); unreadable headers are excluded."""
    step = max(1, -(-len(dataset.clips) // _PROBED))
    found = (_length(clip, read=read) for clip in dataset.clips[::step])
    return [s for s in found if s is not None and np.isfinite(s) and s > 0]


def _length(clip: Clip, *, read: bool) -> float | None:
    if clip.duration is not None or not read:
        return clip.duration
    try:
        whole = probe(at_hand(clip.path)).seconds
    except (AudioError, OSError):
        return None
    return None if whole is None else whole - clip.start
