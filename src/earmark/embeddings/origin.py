"""What a store knows a clip's sound by: where it lay, how long the file was, when it was changed, and its sha256.

A name says little: ``A/x.wav`` and ``B/x.wav`` are both the clip ``x.wav`` of their folder, and a file can be changed. What is
done counts as done only for the sound it was done with; a sound that only moved is known by its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.hashing import sha256_of
from ..core.paths import is_remote, spelled
from ..data.clips import Clip, writable

COLUMNS = {"bytes": "int64", "modified": "int64", "sha256": "string"}  # beside the path, by their types in Arrow


def schema() -> list[tuple[str, Any]]:
    """The columns with their types."""
    import pyarrow as pa

    return [(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()]


def of(path: Path) -> dict[str, Any]:
    """The columns of a file; nothing is known of one that is remote (its address says enough), or not there."""
    try:
        if is_remote(path):
            raise OSError
        facts = path.stat()
        return {"bytes": facts.st_size, "modified": facts.st_mtime_ns, "sha256": sha256_of(path)}
    except (OSError, ValueError):
        return dict.fromkeys(COLUMNS)


def came(told: Mapping[str, Any], clip: Clip) -> bool:
    """True if a clip that could not be used has another sound now, or one at last."""
    missed = told.get("path") is not None and told.get("sha256") is None and not is_remote(clip.path)
    return (missed and clip.path.is_file()) or not same(told, clip)


def same(told: Mapping[str, Any], clip: Clip) -> bool:
    """True if a clip's sound is the one that a line of a store tells of, as far as can be told."""
    before, now = str(told.get("path") or ""), writable(spelled(clip.path))
    if is_remote(before) or is_remote(now):
        return before == now
    try:
        facts = clip.path.stat()
        if told.get("sha256") is None:  # of an older store, or one of embeddings whose sounds were not there
            there = Path(before)
            return not (there.is_absolute() and there.is_file()) or there.samefile(clip.path)
        if facts.st_size != told["bytes"]:
            return False
        here = before == writable(spelled(clip.path.absolute()))
        return bool(here and facts.st_mtime_ns == told["modified"]) or sha256_of(clip.path) == told["sha256"]
    except (OSError, ValueError):  # it is not there now: nothing speaks against it
        return True
