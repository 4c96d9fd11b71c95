"""Where Earmark keeps what it need not fetch or compute twice: weights and embeddings."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from urllib.parse import unquote

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


def is_remote(text: str | PurePath) -> bool:
    """True for a URI, as a text (two slashes) or inside a Path (one; on Windows a backslash)."""
    if isinstance(text, str):
        return "://" in text and _URI.match(text) is not None
    return _URI.match(text.as_posix()) is not None


def spelled(path: str | PurePath) -> str:
    """A path or URI as a user would write it."""
    inside = "" if isinstance(path, str) else path.as_posix()
    found = _URI.match(inside)
    if found is None:
        return str(path)
    return f"{found[1]}://{'/' if found[1].lower() == 'file' else ''}{inside[found.end() :]}"


def located(source: str | PurePath) -> str | Path:
    """A ``file://`` URI as the path that it means; everything else as it is given."""
    if not is_remote(source):
        return source if isinstance(source, str) else Path(source)
    scheme, _, rest = spelled(source).partition("://")
    if scheme.lower() != "file":
        return spelled(source)
    path = "/" + _QUERY.sub("", rest).removeprefix("localhost/").lstrip("/")
    path = path[1:] if re.match(r"/[a-zA-Z]:", path) else path  # a drive
    return Path(path) if Path(path).exists() else Path(unquote(path))  # a name may hold a "%"


def joined(folder: str, name: str) -> str:
    """A name inside a folder or URI; what stands after a ``?`` stays at the end."""
    query = _QUERY.search(folder) if is_remote(folder) else None
    base = folder[: query.start()] if query else folder
    return f"{base.rstrip('/')}/{name}{query[0] if query else ''}"


def relative(path: Path, folder: Path) -> str:
    """A path as it is written in a file that lies in ``folder``: with ``/``; whole where it lies on another drive, a URI
    as it is."""
    if is_remote(path):
        return spelled(path)
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()
