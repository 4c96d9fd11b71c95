"""What Earmark 0.1 wrote, in the words of today: its stores, its files of embeddings and its models' cards.

The only place that knows the old words. Whatever does not look as 0.1 wrote it is handed on, to be refused by its reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STORE_FOLDER = "rows"  # of a store's shards, and of answers
COLUMN = "row"  # of the embedding in Parquet files
_WINDOWS = {"rows": "windows"}  # a pooling, a protocol
_EMBEDDINGS = {"rows": "embeddings"}  # what a store holds, a backbone that is not known
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


def _said(value: Any, words: Mapping[str, str]) -> Any:
    return words.get(value, value) if isinstance(value, str) else value


def _with(found: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    return {**found, **{name: value for name, value in changed.items() if name in found}}
