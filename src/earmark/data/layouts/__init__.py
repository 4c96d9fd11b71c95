"""Where clips come from. One source is one file, found by its name.

A file here has:

``build(path, **params) -> Dataset``
    reads the records (never the audio); raises DataError.
``matches(path) -> bool``  (optional)
    True if what lies at ``path`` is surely this data set; asked in turn when the user names no source.
``LAYOUT: dict[str, str]``
    a tiny example as it lies on disk: file name -> text (``""`` for a sound). Shown in the docs, used by the tests.
"""

from __future__ import annotations

from pathlib import Path


def _suffixes() -> frozenset[str]:
    from ...audio import SUFFIXES

    return SUFFIXES


def sounds_below(folder: Path) -> list[Path]:
    """All sound files below ``folder``, sorted; hidden ones and what cannot be listed are passed over."""
    suffixes = _suffixes()
    found = (p for p in folder.rglob("*") if p.suffix.lower() in suffixes and not p.name.startswith("."))
    return sorted(p for p in found if not p.is_dir())
