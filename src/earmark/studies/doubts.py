"""Between what an accuracy lies if the labels that an audit doubts are wrong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..audits import Audit
from ..audits.read import read
from ..core.errors import DataError
from ..core.text import between, count, percent
from ..models.results import Bounds, Comparison, Run


def doubted(found: Comparison, audit: Audit | str | Path) -> Comparison:
    """The comparison with what each accuracy may be if labels are wrong that ``audit`` (or the folder of one) doubts.

    A doubted label may be right or wrong; where it is wrong, an answer that agrees with it is wrong, and any other may be
    right. Of all other labels nothing is doubted, so these bounds are no interval: they know the audit's doubts only.
    Raises DataError if the audit does not speak of the clips that were evaluated.
    """
    if isinstance(audit, Audit):
        looked_at = {c.id for c in audit.dataset.clips}
        suspects = {audit.dataset.clips[i].id for i, *_ in audit.suspects()}
        where = "the audit"
    else:
        said, where = read(Path(audit)), str(Path(audit) / "audit.json")
        looked_at, suspects = {f["clip"] for f in said["files"]}, {s["clip"] for s in said.get("labels", [])}
    strange = [i for run in found.runs for i in run.ids if i not in looked_at]
    if strange:
        raise DataError(
            f"{where} does not speak of {len(set(strange))} of the clips that were evaluated, e.g. {strange[0]!r}. Give the audit "
            "of these data, or audit them again"
        )
    bounds = {run.recipe.name: _bounds(run, suspects) for run in found.runs}
    return replace(found, label_bounds=bounds, notes=(*found.notes, *_notes(found, bounds)))


def _bounds(run: Run, suspects: Collection[str]) -> Bounds:
    sure = np.array([i not in suspects for i in run.ids])
    right = (run.proba.argmax(axis=2) == run.y).mean(axis=0)
    low, doubts = float((right * sure).sum()) / len(sure), int((~sure).sum())
    return Bounds(low, low + doubts / len(sure), doubts)


def _notes(found: Comparison, bounds: dict[str, Bounds]) -> tuple[str, ...]:
    best = bounds[found.best.name]
    if not best.suspects:
        return ("The audit doubts none of the labels that were evaluated.",)
    share = percent(best.suspects / len(found.runs[0].ids))
    told = "; ".join(f"{name} {between(b.low, b.high)}" for name, b in bounds.items())
    return (
        f"The audit doubts {count(best.suspects, 'label')} ({share}) of those that were evaluated. If these may be wrong, the accuracy "
        f"lies between: {told}, before what chance adds. `earmark review` lets you settle them.",
    )
