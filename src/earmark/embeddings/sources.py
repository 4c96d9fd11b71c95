"""The sounds that a source names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.paths import is_remote
from ..data.clips import Dataset


def sounds_of(source: Any) -> list[Path]:
    """The sounds on this machine that a source names; none for embeddings. Raises DataError as opening it does."""
    from ..data.load import load_dataset
    from ..embeddings.ready import is_ready
    from ..embeddings.store import is_store

    if source is None or (isinstance(source, (str, Path)) and (is_remote(source) or is_store(source))):
        return []
    if isinstance(source, (tuple, list)) and len(source) == 1:
        return sounds_of(source[0])
    if not isinstance(source, Dataset) and is_ready(source):
        return []
    return [c.path for c in load_dataset(source).clips if not is_remote(c.path)]
