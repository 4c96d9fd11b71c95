"""The confusion matrix: shade is the share of the true class, numbers are clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..style import FILL, INK, RULE, SHADE, Figure, draw

NUMBERS_TO = 30  # classes; above, cells are too small to hold a number
SHARES_TO = 12


def confusion(name: str, matrix: NDArray[Any], classes: Sequence[str], *, title: str = "") -> Figure:
    """Draw ``matrix`` (k, k) of counts, true class by window. Above 30 classes: shades only, in a box that scrolls."""
    matrix = np.asarray(matrix, float)
    k = len(classes)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-12)
    cell = float(np.clip(5.2 / k, 0.3, 0.62)) if k <= NUMBERS_TO else 0.125
    margin = 0.45 + 0.075 * min(max(map(len, classes)), 24)

    short = [shortened(c) for c in classes]
    turned = k > 6 or max(map(len, short)) > 9
    width, height = cell * k + margin + 0.3, cell * k + (margin if turned else 0.6) + 0.1

    def paint(sheet: matplotlib.figure.Figure) -> None:
        if k > NUMBERS_TO:  # hundreds of labels: laying them out would take half a minute
            sheet.set_layout_engine("none")
            axes = sheet.add_axes((margin / width, margin / height, cell * k / width, cell * k / height))
        else:
            axes = sheet.subplots()
        axes.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), aspect="equal")
        axes.spines[:].set_visible(False)
        axes.add_patch(Rectangle((-0.5, -0.5), k, k, fill=False, edgecolor=RULE, linewidth=1.0, clip_on=False))
        (_shades if k > NUMBERS_TO else _cells)(axes, matrix, shares, short)

    right, total = np.trace(matrix), matrix.sum()
    return draw(
        name,
        paint,
        size=(width, height),
        alt=f"Confusion matrix{f' of {title}' if title else ''}: {right:g} of {total:g} clips lie on the diagonal.",
        caption=(
            "Confusion matrix. A row is the true class of clips, a column the predicted one. The shade is the "
            "share of the row" + ("; numbers are clips." if k <= NUMBERS_TO else ".")
        ),
        scroll=True,
        dpi=160 if k <= NUMBERS_TO else 90,
    )


def shortened(label: str, most: int = 24) -> str:
    """A class's name on one line, cut where it would take too much room."""
    line = " ".join(label.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _shades(axes: Any, _: NDArray[Any], shares: NDArray[Any], labels: Sequence[str]) -> None:
    rgba = np.empty((*shares.shape, 4), np.uint8)
    rgba[..., :3] = np.array(to_rgb("#2f90b0")) * 255  # a blue that shows on light and on dark
    rgba[..., 3] = 255 * shares**0.7
    axes.imshow(rgba, interpolation="none", aspect="equal")
    axes.set_axis_off()
    for i, label in enumerate(labels):
        axes.text(-0.9, i, label, fontsize=6.5, ha="right", va="center")
        axes.text(i, len(labels) - 0.1, label, fontsize=6.5, ha="center", va="top", rotation=90)


def _cells(axes: Any, matrix: NDArray[Any], shares: NDArray[Any], labels: Sequence[str]) -> None:
    k = len(labels)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(range(k), labels, rotation=90 if k > 6 or max(map(len, labels)) > 9 else 0)
    axes.set_yticks(range(k), labels)
    axes.tick_params(length=0)
    for row, column in np.argwhere(matrix > 0):
        share, clips = shares[row, column], matrix[row, column]
        # Opacity instead of a colour map: right on any ground, dark or light.
        axes.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=FILL, alpha=0.05 + (SHADE - 0.05) * share, linewidth=0)
        )
        both = k <= SHARES_TO
        middle = {"ha": "center", "va": "center", "color": INK}
        number = f"{clips:g}" if clips == round(clips) else f"{clips:.1f}"
        axes.text(column, row - 0.13 * both, number, fontsize=9 if k <= 16 else 7, **middle)
        if both:
            axes.text(column, row + 0.24, f"{100 * share:.0f} %", fontsize=6.5, **middle)


def confusions(matrix: NDArray[Any], classes: Sequence[str], *, most: int = 8) -> list[tuple[str, str, float, float]]:
    """The most frequent mistakes: (true class, predicted class, clips, share of the true class), most clips first."""
    matrix = np.asarray(matrix, float)
    off = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-off, axis=None, kind="stable")[:most]
    pairs = [divmod(int(i), len(classes)) for i in order]
    return [(classes[r], classes[c], off[r, c], off[r, c] / matrix[r].sum()) for r, c in pairs if off[r, c] > 0]
