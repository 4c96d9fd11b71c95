"""Reliability: does a score of 80 % mean right four times in five?"""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from ..style import ACCENT, HALF, MUTED, RULE, Figure, draw

BINS = 10


def bins(y: NDArray[Any], proba: NDArray[Any]) -> list[tuple[float, float, int]]:
    """(mean score, share right, clips) of the clips by their top score, in ten equal steps; empty steps excluded.

    ``y`` (n,) ints, ``proba`` (n, classes) or (seeds, n, classes): seeds are pooled.
    """
    proba = np.asarray(proba, float)
    flat = proba.reshape(-1, proba.shape[-1])
    truth = np.tile(np.asarray(y), len(flat) // len(y))
    top, right = flat.max(1), flat.argmax(1) == truth
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        (float(top[place == b].mean()), float(right[place == b].mean()), int((place == b).sum()))
        for b in range(BINS)
        if (place == b).any()
    ]


def reliability(name: str, y: NDArray[Any], proba: NDArray[Any]) -> Figure:
    """Share of right answers against the score given, above a histogram of the scores."""
    points = bins(y, proba)
    score, share, clips = (np.array(column) for column in zip(*points, strict=True))

    def paint(sheet: matplotlib.figure.Figure) -> None:
        top, low = sheet.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        top.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        top.vlines(score, score, share, color=ACCENT, alpha=0.45, linewidth=2)
        top.scatter(score, share, s=16 + 120 * clips / clips.max(), color=ACCENT, linewidths=0, clip_on=False, zorder=3)
        top.annotate("too sure ↘", (0.98, 0.04), ha="right", color=MUTED, fontsize=8)
        top.annotate("↖ too modest", (0.02, 0.93), color=MUTED, fontsize=8)
        top.grid(color=RULE)
        top.set(xlim=(0, 1), ylim=(0, 1), ylabel="right answers")
        top.yaxis.set_major_formatter(PercentFormatter(1))
        low.bar((np.floor(np.minimum(score, 0.999) * BINS) + 0.5) / BINS, clips, 0.085, color=ACCENT, alpha=0.55)
        low.set(xlabel="score of the answer", ylabel="clips")
        low.xaxis.set_major_formatter(PercentFormatter(1))
        low.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(2, integer=True))

    gap = float(np.sum(clips * (score - share)) / clips.sum())
    manner = "surer than it is right" if gap > 0 else "right more often than it is sure"
    return draw(
        name,
        paint,
        size=(HALF, 3.7),
        alt=f"Reliability diagram: on average {abs(100 * gap):.0f} points {manner}.",
        caption=(
            "Reliability. On the dashed line a score means what it says; below it the recipe is too sure. Here it is, "
            f"on average, {abs(100 * gap):.1f} points {manner}."
        ),
    )
