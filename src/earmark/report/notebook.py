"""What comparisons and runs show in a notebook: scores in percent with their intervals. Loaded by ``core.renderers``."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..core import renderers
from ..core.text import between, percent
from ..models.results import Comparison, Run


def _table(about: str, runs: Sequence[Run], notes: Sequence[str]) -> str:
    """A line a run: recipe, accuracy and macro F1 with intervals (95 %)."""
    names = [n for n in ("accuracy", "macro_f1") if runs and n in runs[0].evaluation.scores]
    head = "".join(f"<th>{escape(n.replace('_', ' '))} (95 %)</th>" for n in names)
    lines = []
    for run in runs:
        found = [run.evaluation.scores[n] for n in names]
        cells = "".join(f"<td>{percent(i.value)} ({between(i.low, i.high)})</td>" for i in found)
        lines.append(f"<tr><td>{escape(renderers.shortened(renderers.visible(run.recipe.name)))}</td>{cells}</tr>")
    told = "".join(f"<p>{escape(renderers.visible(note))}</p>" for note in notes)
    return f"<p>{escape(about)}</p><table><thead><tr><th>recipe</th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{told}"


renderers.register(Comparison, lambda found: _table(repr(found), found.runs, found.notes))
renderers.register(Run, lambda found: _table(repr(found), [found], found.evaluation.notes))
