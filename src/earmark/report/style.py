"""One look for every figure and page: the palette, the matplotlib style, and figures that follow the theme.

A figure is drawn once, in the light palette. The file on disk keeps those colours on white paper; inside a page
each colour becomes a CSS variable, so that the same drawing is right on a dark screen and on paper.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.figure
from markupsafe import Markup, escape

# name -> (light, dark). Text colours keep a contrast of 4.5 : 1 or more on paper and on card, in both (tested).
# Blue against orange stays apart for every common kind of colour blindness.
PALETTE = {
    "paper": ("#fbfaf7", "#14181c"),
    "card": ("#ffffff", "#1b2026"),
    "ink": ("#1b2127", "#e8ebee"),
    "muted": ("#59636d", "#a4afba"),
    "rule": ("#dedfdc", "#333c45"),
    "accent": ("#0b6784", "#62c4e3"),
    "fill": ("#0b6785", "#2f86a6"),  # under text, at most SHADE strong: ink stays readable on it
    "second": ("#a84a08", "#f2a55f"),
    "third": ("#6a4c93", "#c3a6ec"),
    "bad": ("#a8261d", "#ff9a90"),
}
PAPER, CARD, INK, MUTED, RULE, ACCENT, FILL, SECOND, THIRD, BAD = (light for light, _ in PALETTE.values())

SHADE = 0.72
HALF, FULL = 3.9, 7.9  # inches: two figures beside each other, or one across the column

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "earmark",
    "text.parse_math": False,  # a class may be called "$x$"
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.titlecolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.8,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "axes.facecolor": "none",
    "figure.facecolor": CARD,
    "savefig.facecolor": CARD,
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "lines.linewidth": 1.8,
    "image.cmap": "magma",
    "axes.formatter.useoffset": False,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True)
class Figure:
    """A drawing for the page and for the folder ``figures/``.

    ``name`` is the file's stem, ``alt`` says in words what is seen, ``caption`` what to see in it.
    """

    name: str
    alt: str
    caption: str
    svg: str
    png: bytes
    width: float  # inches
    scroll: bool = False  # never shrunk: wide drawings get a box that scrolls

    @property
    def inline(self) -> Markup:
        """The SVG for a page: no ids that could clash, theme colours, the page's font, an accessible name."""
        svg = self.svg[self.svg.index("<svg") :]
        svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        svg = re.sub(r'<g id="patch_1">.*?</g>', "", svg, count=1, flags=re.DOTALL)  # the white sheet
        used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg))
        svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{self.name}-{m[1]}"' if m[1] in used else "", svg)
        svg = re.sub(r'(url\(|href=")#', rf"\g<1>#{self.name}-", svg)
        for name, (light, _) in PALETTE.items():
            svg = svg.replace(f": {light}", f": var(--{name})")
        svg = re.sub(r"(font: [^;\"]*?px) [^;\"]+", r"\1 var(--sans)", svg)
        size = f'style="width:{self.width * 96:.0f}px"'
        head = f'<svg role="img" aria-label="{escape(self.alt)}" {size} viewBox='
        return Markup(re.sub(r"<svg\b[^>]*?viewBox=", lambda _: head, svg, count=1))


def draw(
    name: str,
    paint: Callable[[matplotlib.figure.Figure], None],
    *,
    size: tuple[float, float],
    alt: str,
    caption: str = "",
    scroll: bool = False,
    dpi: int = 160,
) -> Figure:
    """Let ``paint`` draw on an empty sheet of ``size`` inches (width, height); the same drawing, the same bytes."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A class may be called by an emoji. Browsers have the glyph; matplotlib's font need not.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        sheet = matplotlib.figure.Figure(figsize=size)
        paint(sheet)
        svg, png = io.StringIO(), io.BytesIO()
        sheet.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        sheet.set_layout_engine("none")  # laid out; once is enough
        sheet.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    return Figure(name, alt, caption, svg.getvalue(), png.getvalue(), size[0], scroll)
