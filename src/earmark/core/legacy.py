"""What Earmark 0.1 wrote, in the words of today: its stores, files of embeddings, models' cards and reports.

The only place that knows the old words. Whatever does not look as 0.1 wrote it is handed on, to be refused by its reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

STORE_FOLDER = "rows"  # of a store's shards, and of answers
COLUMN = "row"  # of the embedding in Parquet files
_WINDOWS = {"rows": "windows"}  # a pooling, a protocol
_EMBEDDINGS = {"rows": "embeddings"}  # what a store holds, a backbone that is not known
_REPORT_KEYS = {f"{COLUMN}_accuracy": "window_accuracy"}
_AS_THEY_ARE = ("dataset", "command", "source", "notes", "versions")
# The backbone at the beginning of a branch, or a pooling: rows/lda, rows:mean/lda, a+rows/svm, yamnet:rows/lda.
_RECIPE = re.compile(r"(?<![\w./-])(:)?rows(?=[/:+])")
_NEWER = frozenset({"per_class_intervals", "ranking", "calibration", "between_groups"})  # of a recipe in a report
_MEANS_OF_CLASSES = frozenset({"macro_precision", "macro_recall", "macro_f1", "balanced_accuracy"})
_CARD_KEYS = {"strangeness": "nonconformity"}  # of the calibration


def file_facts(found: Mapping[str, Any]) -> dict[str, Any]:
    """Facts in a file of embeddings or of a store: what was called rows."""
    words = {"pool": _WINDOWS, "holds": _EMBEDDINGS, "backbone": _EMBEDDINGS}
    return {name: _said(value, words.get(name, {})) for name, value in found.items()}


def card(found: Mapping[str, Any]) -> dict[str, Any]:
    """A model's card of format 1 as one of format 2."""
    made: dict[str, Any] = {**found, "format": 2, "task": "single-label", "thresholds": None}
    if isinstance(branches := found.get("branches"), list):
        made["branches"] = [
            _with(b, pool=_said(b.get("pool"), _WINDOWS)) if isinstance(b, dict) else b for b in branches
        ]
    if isinstance(measured := found.get("measured"), dict):
        made["measured"] = _with(measured, protocol=_said(measured.get("protocol"), _WINDOWS))
    if isinstance(data := found.get("data"), dict):
        made["data"] = {"notes": [], **data}
    if isinstance(calibration := found.get("calibration"), dict):
        made["calibration"] = {_CARD_KEYS.get(name, name): value for name, value in calibration.items()}
    return made


def file_identity(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What the fingerprint of embeddings from a file is made of: in the old words, so that it stays what it was."""
    back = {new: old for words in (_WINDOWS, _EMBEDDINGS) for old, new in words.items()}
    file = {key: _said(value, back) if key in ("pool", "holds", "backbone") else value for key, value in facts.items()}
    return {"file": file, STORE_FOLDER: _said(name, back)}


def report(found: Mapping[str, Any]) -> dict[str, Any]:
    """metrics.json of a comparison: the task, protocol, recipes and keys that were called otherwise."""
    if "task" in found:
        return dict(found)
    return {**_renamed(found), "task": "single-label", "protocol": _said(found.get("protocol"), _WINDOWS)}


def comparable(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A report and the same comparison done again, without what is made otherwise since the report was written.

    Reports that do not correct the best of many have other intervals of differences and of means over classes.
    """
    if "best_of_many" in then:
        return dict(then), dict(now)
    return _without_newer(then), _without_newer(now)


def _without_newer(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in found.items() if key != "best_of_many"}
    kept["recipes"] = [
        {k: _only(v, "value") if k in _MEANS_OF_CLASSES else v for k, v in recipe.items() if k not in _NEWER}
        for recipe in found["recipes"]
    ]
    if isinstance(pairs := found.get("pairs"), list):
        kept["pairs"] = [_only(pair, "a", "b", "difference") for pair in pairs]
    return kept


def _only(found: Any, *names: str) -> Any:
    return {k: v for k, v in found.items() if k in names} if isinstance(found, Mapping) else found


def _renamed(value: Any, key: str = "") -> Any:
    """Keys and names of recipes, at any depth; what people wrote stays."""
    if isinstance(value, Mapping):
        return {_REPORT_KEYS.get(k, k): _renamed(v, k) for k, v in value.items() if k not in _AS_THEY_ARE} | {
            k: value[k] for k in _AS_THEY_ARE if k in value
        }
    if isinstance(value, list):
        return [_renamed(v, key) for v in value]
    if not isinstance(value, str):
        return value
    if key == "trained_on":
        return value.replace(f"{STORE_FOLDER} from a file", "embeddings from a file")
    return _RECIPE.sub(lambda m: "embeddings" if m[1] is None else f"{m[1]}windows", value)


def _said(value: Any, words: Mapping[str, str]) -> Any:
    return words.get(value, value) if isinstance(value, str) else value


def _with(found: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    return {**found, **{name: value for name, value in changed.items() if name in found}}
