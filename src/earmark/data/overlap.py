"""From annotations of recordings to targets of windows: by how much they overlap, and by where somebody looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .annotations import EVERY, Annotated, Annotation, Span, spans
from .targets import Targets
from .windows import Windows

SHARE = 0.5  # of the event, or of the window if that is shorter
RULE = (
    "A window has a class if it overlaps an event by half of the event or half of the window, whichever is shorter; it has it "
    "not if it lies wholly in time that was looked at and touches no event; else it counts as not looked at."
)
_ROUNDED = 1e-6  # seconds
_Times = NDArray[np.float64]


def targets_of(
    windows: Windows,
    annotations: Iterable[Annotation],
    annotated: Annotated,
    classes: Sequence[str],
    *,
    share: float = SHARE,
) -> Targets:
    """Targets (n, classes) of windows: 1, 0, or NaN where it is not known (``RULE``).

    An event without a label may be any class, so no window that touches one says no.
    """
    values = np.full((len(windows), len(classes)), np.nan, np.float32)
    place = {name: i for i, name in enumerate(classes)}
    events: dict[str, dict[str, list[Annotation]]] = defaultdict(lambda: defaultdict(list))
    for one in annotations:
        events[one.path][one.label].append(one)
    looked = spans(annotated)
    for recording in np.unique(windows.recording).tolist():
        own = np.flatnonzero(windows.recording == recording)
        start, end = windows.start[own], windows.end[own]
        seen = [s for s in looked if s.path in (recording, EVERY)]
        unnamed, _ = _overlaps(start, end, events[recording].get("", []), share)
        everywhere = _covered(start, end, [s for s in seen if s.label is None])
        for name, column in place.items():
            touched, yes = _overlaps(start, end, events[recording].get(name, []), share)
            here = [s for s in seen if s.label in (None, name)]
            no = everywhere if all(s.label is None for s in here) else _covered(start, end, here)
            told = np.where(yes, 1.0, np.where(no & ~touched & ~unnamed, 0.0, np.nan))
            values[own, column] = told
    return Targets(tuple(classes), values)


def _overlaps(
    start: _Times, end: _Times, events: Sequence[Annotation], share: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which windows touch an event, and which overlap one by enough. A point is in the window that holds it."""
    touched, yes = np.zeros(len(start), bool), np.zeros(len(start), bool)
    for one in events:
        if one.end > one.start:
            both = np.minimum(end, one.end) - np.maximum(start, one.start)
            touched |= both > _ROUNDED
            yes |= both >= share * np.minimum(end - start, one.end - one.start) - _ROUNDED
        else:
            inside = (start <= one.start) & (one.start < end)
            touched |= inside
            yes |= inside
    return touched, yes


def _covered(start: _Times, end: _Times, looked: Iterable[Span]) -> NDArray[np.bool_]:
    """Which windows lie wholly in spans, which may overlap and touch one another."""
    merged: list[list[float]] = []
    for first, last in sorted((s.start, s.end) for s in looked):
        if merged and first <= merged[-1][1] + _ROUNDED:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    covered = np.zeros(len(start), bool)
    for first, last in merged:
        covered |= (start >= first - _ROUNDED) & (end <= last + _ROUNDED)
    return covered
