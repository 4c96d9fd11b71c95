"""Learning curves: loss and accuracy by epoch, training against validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..style import ACCENT, HALF, RULE, SECOND, Figure, draw

History = Sequence[Mapping[str, Sequence[float]]]


def curves(name: str, history: History, what: str) -> Figure:
    """Curves of ``what`` (``"loss"`` or ``"accuracy"``): a thin line per fold, a thick one for their mean."""
    epochs = max((len(h.get(f"train_{what}", ())) for h in history), default=0)

    def paint(sheet: matplotlib.figure.Figure) -> None:
        axes = sheet.subplots()
        for side, colour, label in (("train", SECOND, "training"), ("valid", ACCENT, "validation")):
            lines = [np.asarray(h[f"{side}_{what}"], float) for h in history if len(h.get(f"{side}_{what}", ()))]
            if not lines:
                continue
            style: Any = {"color": colour, "linestyle": "--" if side == "train" else "-"}
            for line in lines:
                axes.plot(np.arange(1, len(line) + 1), line, alpha=0.35, linewidth=0.9, **style)
            # Folds stop at different epochs; the mean ends with the first, or it would jump as folds leave.
            length = min(map(len, lines))
            mean = np.mean([line[:length] for line in lines], axis=0)
            axes.plot(np.arange(1, length + 1), mean, label=label, linewidth=2.2, marker="o" * (length == 1), **style)
        axes.grid(axis="y", color=RULE)
        axes.set(xlabel="epoch", title=what.capitalize())
        axes.set_xlim(1 - 0.03 * max(epochs - 1, 1), None)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        if what == "accuracy":
            axes.set_ylim(0, 1.02)
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        else:
            axes.set_ylim(bottom=0)
        axes.legend(handlelength=2.4)

    ends = {
        side: float(np.mean([h[f"{side}_{what}"][-1] for h in history if len(h.get(f"{side}_{what}", ()))] or [np.nan]))
        for side in ("train", "valid")
    }
    return draw(
        name,
        paint,
        size=(HALF, 2.75),
        alt=(
            f"{what.capitalize()} by epoch over up to {epochs} epochs. It ends at {ends['train']:.2f} in training and "
            f"{ends['valid']:.2f} in validation, the mean of {len(history)} folds."
        ),
        caption="",
    )


def has(history: History, what: str) -> bool:
    """True if some fold kept curves of ``what``."""
    return any(len(h.get(f"{side}_{what}", ())) for h in history for side in ("train", "valid"))
