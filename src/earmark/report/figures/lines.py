"""Shares with intervals along an axis: rung by rung, or over how much was learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.ticker import NullLocator, PercentFormatter

from ...metrics.intervals import Interval
from ..style import ACCENT, FULL, INK, MUTED, RULE, SECOND, THIRD, Figure, draw

Series = tuple[str, Sequence[Interval]]


def lines(
    name: str,
    places: Sequence[float],
    series: Sequence[Series],
    *,
    ticks: Sequence[tuple[float, str]],
    xlabel: str = "",
    log: bool = False,
    line: float | None = None,
    line_label: str = "",
    curve: Sequence[tuple[float, float]] = (),
    curve_label: str = "",
    alt: str,
    caption: str = "",
) -> Figure:
    """A line of dots with whiskers per series, at ``places``; ``ticks``: (place, text) on the axis.

    ``curve``: (place, share) of a fitted law, dashed; ``line``: a level drawn through (a baseline).
    """

    def paint(sheet: matplotlib.figure.Figure) -> None:
        axes = sheet.subplots()
        if log:
            axes.set_xscale("log")
        shift = 0.0 if log else 0.04
        for k, (label, scores) in enumerate(series):
            colour = (ACCENT, SECOND, THIRD)[k % 3]
            at = np.asarray(places, float) + shift * (k - (len(series) - 1) / 2)
            values = np.array([s.value for s in scores])
            _drawn(axes, at, scores, values, label, colour, above=k == 0)
        if curve:
            axes.plot(*zip(*curve, strict=True), color=MUTED, linestyle=(0, (4, 3)), linewidth=1.3, label=curve_label)
        if line is not None:
            axes.axhline(line, color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)))
            axes.annotate(
                line_label,
                (0.0, line),
                xycoords=("axes fraction", "data"),
                xytext=(4, 3),
                textcoords="offset points",
                color=MUTED,
                fontsize=8.5,
            )
        axes.set_xticks([t for t, _ in ticks], [text for _, text in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel=xlabel)
        if not log:
            axes.set_xlim(min(places) - 0.3, max(places) + 0.5)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", color=RULE)
        if len(series) > 1 or curve:
            axes.legend(loc="best")

    return draw(name, paint, size=(FULL, 3.4), alt=alt, caption=caption)


def _drawn(
    axes: Any, at: Any, scores: Sequence[Interval], values: Any, label: str, colour: str, *, above: bool
) -> None:
    """One series: intervals as bars, values as points that are joined, and what they are."""
    low, high = [s.low for s in scores], [s.high for s in scores]
    axes.vlines(at, low, high, color=colour, linewidth=5, alpha=0.3, capstyle="round")
    axes.plot(at, values, "-o", color=colour, markersize=6, linewidth=1.6, label=label)
    for x, value in zip(at, values, strict=True):
        axes.annotate(
            f"{100 * value:.1f}",
            (x, value),
            xytext=(8, 6 if above else -6),
            textcoords="offset points",
            va="bottom" if above else "top",
            color=INK,
            fontsize=8.5,
        )
