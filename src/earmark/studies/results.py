"""The numbers of a comparison for machines: metrics.json and predictions.csv."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import excel
from ..core.columns import column_of, no_formula
from ..core.jsonable import plain
from ..core.paths import is_remote, spelled
from ..data.copies import Copies

if TYPE_CHECKING:
    from ..models.results import Comparison, Run


def metrics(comparison: Comparison) -> dict[str, Any]:
    """Everything measured, as plain JSON values (numbers that are not finite become None).

    >>> metrics(comparison)["recipes"][0]["accuracy"]                             # doctest: +SKIP
    {'value': 0.71, 'low': 0.66, 'high': 0.75}
    """
    data = comparison.dataset
    labels = Counter(clip.label for clip in data.clips if clip.label is not None)
    out = {
        "dataset": {
            "name": data.name,
            "clips": len(data.clips),
            "classes": len(data.classes),
            "groups": len({*data.groups} - {None}),
            "excluded": [{"path": e.path, "reason": e.reason} for e in data.excluded],
            "class_counts": dict(sorted(labels.items())),
            "licence": data.licence,
            "fingerprint": comparison.fingerprint,
            **({"copies": str(data.copies)} if data.copies is not Copies.SOUND else {}),
        },
        "task": str(data.task),
        "protocol": comparison.protocol,
        "folds": comparison.folds,
        "seeds": comparison.seeds,
        "seed": comparison.seed,
        "baseline": dict(comparison.baseline),
        "recipes": [_recipe(run) for run in comparison.runs],
        "best_of_many": comparison.picked.to_dict() if comparison.picked else None,
        "pairs": [pair.to_dict() for pair in comparison.pairs],
        "notes": list(comparison.notes),
        "command": comparison.command,
        "source": list(comparison.source),
        "seconds": comparison.seconds,
        "versions": dict(comparison.versions),
    }
    if comparison.label_bounds:
        out["label_bounds"] = {name: asdict(one) for name, one in comparison.label_bounds.items()}
    if comparison.held_out is not None:
        out["held_out"] = comparison.held_out.to_dict()
    made: dict[str, Any] = plain(out)
    return made


def metrics_json(comparison: Comparison) -> str:
    """``metrics`` as text: strict JSON (no NaN), UTF-8 as it is, one indent."""
    return json.dumps(metrics(comparison), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _recipe(run: Run) -> dict[str, Any]:
    return {
        "recipe": run.recipe.name,
        "short": run.recipe.short,
        **run.evaluation.to_dict(),
        "accuracy_per_seed": [float(np.mean(proba.argmax(1) == run.y)) for proba in run.proba],
        "window_accuracy": run.window_accuracy,
        "seconds": dict(run.seconds),
        "backbones": [dict(facts) for facts in run.backbones],
        "toml": run.recipe.to_toml() if run.recipe.is_text else None,
    }


_COLUMNS = ("id", "path", "label", "group", "fold", "recipe", "seed", "predicted", "score", "correct", "task")


def predictions_csv(comparison: Comparison) -> str:
    """Every evaluated clip × recipe × seed as CSV (RFC 4180, ``\\r\\n``): what was said of it, and each class's score.

    Columns: id, path, label, group, fold, recipe, seed, predicted, score, correct (1 or 0), task, then one per class (named as
    ``core.columns`` says). Text that a spreadsheet would take for a formula gets a leading ``'``.
    """
    classes = list(dict.fromkeys(label for run in comparison.runs for label in run.classes))
    clips = {clip.id: clip for clip in comparison.dataset.clips}
    out = io.StringIO(newline="")
    out.write(excel.beginning())
    write = csv.writer(out, lineterminator="\r\n").writerow
    write([*_COLUMNS, *(no_formula(column_of(c)) for c in classes)])
    for run in comparison.runs:
        place = [run.classes.index(c) if c in run.classes else None for c in classes]
        for number, proba in enumerate(run.proba):
            for i, clip_id in enumerate(run.ids):
                scores, label = proba[i], run.classes[int(run.y[i])]
                says = int(scores.argmax())
                clip = clips[clip_id]
                where = spelled(clip.path) if is_remote(clip.path) else clip.path.as_posix()
                texts = [clip_id, where, label, clip.group or "", str(run.fold[i]), run.recipe.name]
                line = [no_formula(t) for t in texts]
                line += [str(comparison.seed + number), no_formula(run.classes[says]), f"{scores[says]:.6f}"]
                line += [str(int(says == run.y[i])), str(comparison.dataset.task)]
                line += ["" if j is None else f"{scores[j]:.6f}" for j in place]
                write(line)
    return out.getvalue()
