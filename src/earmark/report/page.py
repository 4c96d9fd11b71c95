"""The page that every Earmark report is: a title, findings first, sections with a table of contents, one file.

    >>> section = Section("data", "The data", figure(drawing) + table(["class", "clips"], [["rock", 49]]))  # doctest: +SKIP
    >>> html = render("gtzan", [section], kicker="Audit", lead=["2 files are the same recording."])  # doctest: +SKIP

(that is all another report needs). Everything is escaped unless it is ``Markup``; nothing is loaded from elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from . import words
from .style import PALETTE, Figure


@dataclass(frozen=True)
class Section:
    """One chapter of a page. ``id`` is its anchor, ``parts`` are (anchor, text) entries below it in the contents."""

    id: str
    title: str
    body: Markup
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of a forest: a labelled value with its interval, and cells beside it."""

    label: str
    value: float
    low: float
    high: float
    cells: tuple[str, ...] = ()
    link: str = ""  # anchor on this page
    strong: bool = False
    code: bool = True


@cache
def _templates() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("earmark.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals |= {"palette": PALETTE}
    env.filters |= {"percent": words.percent, "points": words.points, "duration": words.duration, "wrap": breakable}
    return env


def fragment(template: str, **context: Any) -> Markup:
    """A template of ``report/templates`` with its values filled in, for the body of a Section."""
    return Markup(_templates().get_template(template).render(**context))


def render(
    title: str,
    sections: Sequence[Section],
    *,
    kicker: str = "",
    lead: Sequence[str | Markup] = (),
    facts: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    hero: Markup | str = "",
) -> str:
    """The whole page as HTML text.

    ``lead``: the findings, a paragraph each, the first one large. ``facts``: (name, value) strip under the title.
    ``hero``: a picture after the first of them. ``notes``: advice, set apart.
    """
    return (
        _templates()
        .get_template("page.html.j2")
        .render(title=title, sections=sections, kicker=kicker, lead=lead, facts=facts, notes=notes, hero=hero)
        + "\n"
    )


def figure(drawing: Figure) -> Markup:
    """A figure with its caption."""
    return fragment("figure.html.j2", figure=drawing)


def figures(drawings: Iterable[Figure]) -> Markup:
    """Figures side by side where there is room, below each other on a phone."""
    return Markup('<div class="beside">{}</div>').format(Markup().join(map(figure, drawings)))


def table(
    head: Sequence[str | Markup],
    rows: Sequence[Sequence[object]],
    *,
    caption: str = "",
    foot: Sequence[Sequence[object]] = (),
    texts: int = 1,
    codes: bool = False,
) -> Markup:
    """A table; the first column heads its row, columns from ``texts`` on are numbers. Long ones scroll.

    A cell may be Markup, or a pair (share 0 … 1, text): shaded by the share. ``codes``: the first column is code.
    """
    context = {"head": head, "rows": rows, "foot": foot, "caption": caption, "texts": texts, "codes": codes}
    return fragment("table.html.j2", tall=len(rows) > 24, **context)


def forest(
    rows: Sequence[Row],
    *,
    head: Sequence[str | Markup],
    line: float | None = None,
    line_label: str = "",
    unit: str = "%",
    caption: str = "",
    bounds: tuple[float, float] | None = None,
) -> Markup:
    """Values with their intervals on one common axis, a table whose rows are also a drawing.

    ``head``: names of the first column, the axis, and the cells. ``line``: drawn through all rows (a baseline, 0).
    ``unit`` ``"%"`` prints shares as per cent, ``"points"`` as signed percentage points.
    """
    seen = [v for r in rows for v in (r.low, r.high, r.value)] + ([] if line is None else [line])
    start, end, ticks = axis(min(seen), max(seen), bounds)

    def place(value: float) -> str:
        return f"{100 * (value - start) / (end - start):.2f}%"

    text = words.percent if unit == "%" else words.points
    marks = [(place(t), f"{100 * t:g}".replace("-", "−")) for t in ticks]
    return fragment(
        "forest.html.j2",
        rows=rows,
        head=head,
        place=place,
        text=text,
        marks=marks,
        line=line,
        unit=unit,
        line_label=line_label,
        caption=caption,
        between=words.between,
        points=words.points,
    )


def axis(
    low: float, high: float, bounds: tuple[float, float] | None = None, *, steps: int = 7
) -> tuple[float, float, list[float]]:
    """A round axis that holds ``low`` to ``high``: (start, end, ticks). ``bounds``: never beyond these."""
    span = max(high - low, 1e-3)
    magnitude = 10.0 ** math.floor(math.log10(span / steps))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= span / steps)
    start, end = math.floor(low / step - 0.3) * step, math.ceil(high / step + 0.3) * step
    if bounds:
        start, end = max(start, bounds[0]), min(end, bounds[1])
    first = math.ceil(start / step - 1e-9)
    return start, end, [round(i * step, 10) for i in range(first, math.floor(end / step + 1e-9) + 1)]


def code(name: str) -> Markup:
    """A recipe's name, path or command, as code that may wrap."""
    return Markup("<code>{}</code>").format(breakable(name))


def marked(text: str, names: Iterable[str]) -> Markup:
    """``text`` with every one of ``names`` in it set as code."""
    longest = sorted(map(re.escape, filter(None, names)), key=len, reverse=True)
    if not longest:
        return Markup.escape(text)
    pieces = re.split(f"({'|'.join(longest)})", text)
    return Markup().join(code(piece) if i % 2 else Markup.escape(piece) for i, piece in enumerate(pieces))


def breakable(name: str) -> Markup:
    """A recipe's name that may wrap after ``/``, ``+`` and ``,`` only."""
    out = Markup.escape(name)
    for mark in "/+,":
        out = Markup(str(out).replace(mark, f"{mark}<wbr>"))
    return out


def anchor(prefix: str, number: int) -> str:
    """An id that is safe whatever the thing is called: ``anchor("recipe", 3)`` -> ``"recipe-3"``."""
    return f"{prefix}-{number}"
