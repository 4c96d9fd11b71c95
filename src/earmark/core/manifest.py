"""The list of what Earmark wrote into a folder: ``.earmark-manifest.json``, written before what it lists.

A name is listed with the sha256 of every content that Earmark gave it, the newest last: a file is Earmark's as long as
nobody changed it, also if a kill left the one before. An empty list: by its name alone. A folder of Earmark 0.1 has no
list; there the files are known by their own content.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import marks
from .hashing import sha256_of

NAME = ".earmark-manifest.json"
Listed = dict[str, list[str]]
_KEPT = 8  # contents of one file that are remembered


def read(folder: Path) -> Listed | None:
    """Names -> sha256; ``{}`` where there is no list, None for a file of that name that is none of ours."""
    try:
        found = json.loads((folder / NAME).read_text("utf-8"))["earmark wrote"]
        return {str(name): [str(s) for s in sums] for name, sums in found.items()}
    except FileNotFoundError:
        return _before(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def text(folder: Path, known: Mapping[str, list[str]], new: Mapping[str, str]) -> str:
    """The list for what is there and will be: ``new`` names with their sha256 ("": by name alone)."""
    merged = {name: sums for name, sums in known.items() if name in new or os.path.lexists(folder / name)}
    for name, digest in new.items():
        before = [s for s in merged.get(name, []) if s != digest]
        merged[name] = [*before, digest][-_KEPT:] if digest else []
    return json.dumps({"earmark wrote": dict(sorted(merged.items()))}, indent=1) + "\n"


def own(folder: Path, name: str, known: Mapping[str, list[str]] | None) -> bool:
    """True if the file ``name`` in a folder is Earmark's: listed and unchanged, or not listed and of our kind."""
    path = folder / name
    if known is not None and name in known:
        return not known[name] or (path.is_file() and digest_of(path) in known[name])
    return path.is_file() and marks.by_name(path, name)


def known_name(path: Path, names: Iterable[str]) -> bool:
    """True for a file that is called like one that Earmark writes, and so is looked at elsewhere."""
    return path.name in names or path.name == NAME


def digest_of(path: Path) -> str:
    """sha256 of a file, "" if it cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return ""


def _before(folder: Path) -> Listed:
    """What 0.1 drew: beside a page of ours, each figure twice. Its other files say themselves whose they are."""
    if not any(marks.page(p) for p in folder.glob("*.html")):
        return {}
    drawn = [p for p in (folder / "figures").glob("*.svg") if p.with_suffix(".png").is_file()]
    both = (q for p in drawn for q in (p, p.with_suffix(".png")))
    return {q.relative_to(folder).as_posix(): [digest_of(q)] for q in both}
