"""One picture of several ladders: what is left of each recipe's accuracy from windows at random to whole artists.

    python bench/ladder_figure.py out-cnn/ladder.json out-vgg/ladder.json --names "CNN from scratch" "frozen musicnn-vgg" \
        --out docs/ladder.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from textwrap import wrap

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#c2410c", "#1d4ed8", "#15803d")
mpl.rcParams["svg.hashsalt"] = "earmark"  # the same picture every time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ladders", nargs="+", type=Path)
    parser.add_argument("--names", nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    figure.patch.set_facecolor("white")  # dark pages show SVGs without a ground on their own
    ax = figure.add_subplot()
    for i, (path, name) in enumerate(zip(given.ladders, given.names, strict=True)):
        rungs = json.loads(path.read_text("utf-8"))["rungs"]
        values = [r["window_accuracy"] for r in rungs]
        mid = [100 * v["value"] for v in values]
        x = [k + 0.06 * (i - 0.5) for k in range(len(rungs))]
        reach = [
            [m - 100 * v["low"] for m, v in zip(mid, values, strict=True)],
            [100 * v["high"] - m for m, v in zip(mid, values, strict=True)],
        ]
        ax.errorbar(x, mid, reach, color=COLOURS[i], marker="o", capsize=3, lw=2, elinewidth=1)
        ax.annotate(name, (x[-1], mid[-1]), (12, 0), textcoords="offset points", va="center", color=COLOURS[i])
        for a, m in zip(x, mid, strict=True):
            ax.annotate(
                f"{m:.0f}", (a, m), (0, 7 if i else -15), textcoords="offset points", color=COLOURS[i], ha="right"
            )
    ax.set_xticks(range(len(rungs)), ["\n".join([r["rung"], *wrap(r["what"], 18)]) for r in rungs], fontsize=8)
    ax.set_xlim(-0.3, len(rungs) + 0.1)
    ax.set_ylim(0, 105)
    ax.set_ylabel("% of windows right")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", alpha=0.25)
    figure.savefig(given.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
