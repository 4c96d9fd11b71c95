"""Where Earmark keeps what it need not fetch or compute twice: weights and embeddings."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePath
from urllib.parse import unquote

from . import plugins
from .errors import DataError


def home() -> Path:
    """``$EARMARK_HOME``, else ``$XDG_CACHE_HOME/earmark``, else ``~/.cache/earmark``. Not created here.

    Where a user has no home, or one in which nothing can be written (containers), a folder of his own among the temporary
    ones, which standard error says once. Raises DataError for a ``~`` that stands for no home.
    """
    if own := os.environ.get("EARMARK_HOME"):
        return expanded(own)
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return expanded(xdg) / "earmark"
    try:
        usual = Path.home() / ".cache" / "earmark"
    except RuntimeError:
        return _homeless("this user has no home folder")
    return usual if usual.exists() or _can_be_made(usual) else _homeless(f"{usual} cannot be made")


def expanded(path: str | Path) -> Path:
    """A path with its ``~`` written out. Raises DataError if it stands for no home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(
            f"{path}: found no home folder that ~ could stand for. Name the whole path, or set HOME"
        ) from error


def _can_be_made(folder: Path) -> bool:
    there = next((p for p in folder.parents if p.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@cache
def _homeless(why: str) -> Path:
    """A folder among the temporary ones that is this user's alone; said once in a process."""
    folder = Path(tempfile.gettempdir()) / f"earmark-{getattr(os, 'getuid', os.getpid)()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat() if folder.is_dir() and not folder.is_symlink() else None
    own = (
        facts is not None
        and getattr(os, "getuid", lambda: facts.st_uid)() == facts.st_uid
        and not facts.st_mode & 0o022
    )
    if not own:  # somebody else's: he could put weights there
        folder = Path(tempfile.mkdtemp(prefix="earmark-"))
    sys.stderr.write(
        f"Note: {why}: weights and embeddings are kept in {folder}. Set EARMARK_HOME or XDG_CACHE_HOME to choose a place.\n"
    )
    return folder


def named(source: str | Path) -> tuple[str | None, Path]:
    """``"gtzan:/data/genres"`` as the name of a data set and a path; no name where none is given."""
    name, colon, rest = str(source).partition(":")
    if colon and name in plugins.names("datasets"):
        return name, Path(rest)
    return None, expanded(source)


_URI = re.compile(r"([a-z][a-z0-9+.-]+):/+", re.IGNORECASE)  # two letters or more: C:/ is a drive


_QUERY = re.compile(r"\?[\w.]+=[^/]*$")  # ?endpoint_override=…&scheme=http, as pyarrow takes them


_FLEETING = re.compile(r"earmark-[a-z0-9_]{8}")  # as tempfile calls a folder with our prefix


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


def is_fleeting(path: Path) -> bool:
    """True for a file in a temporary folder of Earmark's, ``TemporaryDirectory(prefix="earmark-")``: it is gone soon."""
    above = Path(tempfile.gettempdir())
    inside = path.parts[len(above.parts) :] if path.is_relative_to(above) else ()
    return len(inside) > 1 and _FLEETING.fullmatch(inside[0]) is not None
