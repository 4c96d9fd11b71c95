"""What the data are: clips and groups per class, lengths."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.figure
import matplotlib.ticker
import numpy as np

from ...data.clips import Dataset, known
from ..style import ACCENT, HALF, INK, RULE, SECOND, Figure, draw
from .confusion import shortened


def classes(name: str, dataset: Dataset) -> Figure:
    """Bars of clips per class; a dot for how many groups they come from."""
    labels = dataset.classes
    clips = np.array([sum(c.label == label for c in dataset.clips) for label in labels])
    groups = np.array([len({known(c.group) for c in dataset.clips if c.label == label} - {None}) for label in labels])
    many = len(labels) > 40
    height = 0.8 + len(labels) * (0.15 if many else 0.25)

    def paint(sheet: matplotlib.figure.Figure) -> None:
        axes = sheet.subplots()
        place = np.arange(len(labels))
        axes.barh(place, clips, 0.72, color=ACCENT, alpha=0.8, label="clips")
        if groups.any():
            axes.plot(groups, place, "D", color=SECOND, markersize=3.5 if many else 5, label="groups", linestyle="none")
            axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.1, handlelength=1.2)
        axes.set_yticks(place, [shortened(label) for label in labels], fontsize=6.5 if many else 8.5)
        axes.set(ylim=(len(labels) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=RULE)
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))
        if not many:
            for i, n in enumerate(clips):
                axes.annotate(
                    f"{n}", (n, i), xytext=(4, 0), textcoords="offset points", va="center", color=INK, fontsize=8
                )

    beside = f" The diamonds: how many groups they come from, {groups.min()} to {groups.max()}." if groups.any() else ""
    return draw(
        name,
        paint,
        size=(HALF, height),
        alt=f"Clips per class, {len(labels)} classes: {clips.min()} to {clips.max()} clips each.{beside}",
        caption=f"Clips per class.{beside}",
    )


def lengths(name: str, seconds: Sequence[float], *, of: int) -> Figure:
    """Histogram of the clips' lengths in seconds; ``of`` clips there are in all."""
    values = np.asarray(seconds, float)
    low, high = values.min(), values.max()
    wide = high > 20 * max(low, 0.05)  # from single calls to hours: equal steps would hide the short ones

    def paint(sheet: matplotlib.figure.Figure) -> None:
        axes = sheet.subplots()
        if high - low < 0.05:
            edges = np.array([low - 0.5, low + 0.5])
        else:
            edges = np.geomspace(max(low, 0.02), high, 25) if wide else np.linspace(low, high, 25)
        axes.hist(np.clip(values, edges[0], edges[-1]), edges.tolist(), color=ACCENT, alpha=0.8)
        if wide:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}"))
        axes.grid(axis="y", color=RULE)
        axes.set(xlabel="seconds" + (" (log scale)" if wide else ""), ylabel="clips")
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))

    part = "" if len(values) == of else f" ({len(values)} of {of} clips looked at)"
    facts = (
        f"{low:.1f} to {high:.1f} s, half of them {np.median(values):.1f} s or less, {values.sum() / 60:.0f} min in all"
    )
    return draw(
        name,
        paint,
        size=(HALF, 2.6),
        alt=f"Histogram of lengths: {facts}.",
        caption=f"Lengths of the clips: {facts}{part}.",
    )
