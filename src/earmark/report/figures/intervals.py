"""Dots with intervals: recipes against each other."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.figure
from matplotlib.ticker import PercentFormatter

from ...metrics.intervals import Interval
from ..style import ACCENT, FULL, INK, MUTED, RULE, SECOND, Figure, draw


def intervals(
    name: str,
    rows: Sequence[tuple[str, Interval]],
    *,
    line: float | None = None,
    line_label: str = "",
    beside: Sequence[str] = (),
    xlabel: str = "accuracy",
    caption: str = "",
) -> Figure:
    """One row per (label, share with interval), first on top; ``line`` is drawn through all of them.

    ``beside``: a text at the right of each row, e.g. seconds spent.
    """

    def paint(sheet: matplotlib.figure.Figure) -> None:
        axes = sheet.subplots()
        for i, (_, score) in enumerate(rows):
            axes.plot([score.low, score.high], [i, i], color=ACCENT, linewidth=5, alpha=0.35, solid_capstyle="round")
            axes.plot(score.value, i, "o", color=ACCENT, markersize=7)
            axes.annotate(f"{100 * score.value:.1f} %", (score.value, i - 0.22), ha="center", va="bottom", color=INK)
            if beside:
                axes.annotate(
                    beside[i], (1.01, i), xycoords=("axes fraction", "data"), va="center", color=MUTED, fontsize=8.5
                )
        if line is not None:
            axes.axvline(line, color=SECOND, linewidth=1.2, linestyle=(0, (4, 3)))
            axes.annotate(
                line_label, (line, -0.75), xytext=(4, 0), textcoords="offset points", color=SECOND, va="center"
            )
        axes.set(ylim=(len(rows) - 0.4, -1), xlabel=xlabel)
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=RULE)
        axes.xaxis.set_major_formatter(PercentFormatter(1))

    said = "; ".join(f"{label} {100 * s.value:.1f} % ({100 * s.low:.1f} to {100 * s.high:.1f})" for label, s in rows)
    return draw(
        name, paint, size=(FULL, 1.1 + 0.42 * len(rows)), alt=f"{xlabel.capitalize()}: {said}.", caption=caption
    )
