"""Where Earmark keeps what it need not fetch or compute twice: weights and embeddings."""

from __future__ import annotations

import os
import re
from pathlib import Path

from . import plugins


def home() -> Path:
    """``$EARMARK_HOME``, else ``$XDG_CACHE_HOME/earmark``, else ``~/.cache/earmark``. Not created here."""
    if own := os.environ.get("EARMARK_HOME"):
        return Path(own).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "earmark"


def named(source: str | Path) -> tuple[str | None, Path]:
    """``"gtzan:/data/genres"`` as the name of a data set and a path; no name where none is given."""
    name, colon, rest = str(source).partition(":")
    if colon and name in plugins.names("datasets"):
        return name, Path(rest)
    return None, Path(source).expanduser()


_URI = re.compile(r"([a-z][a-z0-9+.-]+):/+", re.IGNORECASE)  # two letters or more: C:/ is a drive


_QUERY = re.compile(r"\?[\w.]+=[^/]*$")  # ?endpoint_override=…&scheme=http, as pyarrow takes them


def is_remote(text: str | Path) -> bool:
    """True for a URI, as a text (two slashes) or inside a Path (one)."""
    return ("://" in text if isinstance(text, str) else True) and _URI.match(str(text)) is not None


def spelled(path: str | Path) -> str:
    """A path or URI as a user would write it."""
    found = None if isinstance(path, str) else _URI.match(str(path))
    if found is None:
        return str(path)
    return f"{found[1]}://{'/' if found[1] == 'file' else ''}{str(path)[found.end() :]}"


def joined(folder: str, name: str) -> str:
    """A name inside a folder or URI; what stands after a ``?`` stays at the end."""
    query = _QUERY.search(folder) if is_remote(folder) else None
    base = folder[: query.start()] if query else folder
    return f"{base.rstrip('/')}/{name}{query[0] if query else ''}"
