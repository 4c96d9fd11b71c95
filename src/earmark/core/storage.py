"""Where files lie: a folder here, or an object store by its URI (``s3://bucket/sounds``, ``gs://…``).

Stores are reached through pyarrow, and what it does not know through fsspec. A ``Path`` may hold a URI, too
(``s3:/bucket/a.wav``: paths have no two slashes); ``spelled`` gives it back as it was.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .atomic import READABLE, whole
from .errors import AudioError, DataError, MissingExtraError, UnreachedError
from .interrupts import check
from .paths import _QUERY, is_remote, joined, located, spelled
from .text import first_line

LARGEST = 8 * 2**30  # bytes of a sound that is fetched; more is told as an error
_BLOCK = 2**22
_PAUSES = (0.2, 1.0, 3.0)  # seconds before a store is asked again


@dataclass(frozen=True)
class Place:
    """A file or folder: ``path`` inside pyarrow's file system ``files``. ``name`` is how a user would write it."""

    files: Any
    path: str
    name: str

    def __truediv__(self, name: str) -> Place:
        return Place(self.files, f"{self.path.rstrip('/')}/{name}", joined(self.name, name))

    def __str__(self) -> str:
        return self.name

    def read(self) -> bytes | None:
        """The bytes of a file, or None if there is none. Raises DataError if the store cannot be reached."""
        with _told(self):
            if not self._info().is_file:
                return None
            with self.files.open_input_file(self.path) as file:
                return bytes(file.read())

    def exists(self) -> bool:
        """True if there is a file. Raises DataError if the store cannot be reached."""
        with _told(self):
            return bool(self._info().is_file)

    def below(self, *, deep: bool = True, hidden: bool = False) -> list[Place]:
        """All files below a folder, or right in it, sorted; none if it is not there. Hidden ones only if asked for."""
        from pyarrow.fs import FileSelector

        with _told(self):
            found = self.files.get_file_info(FileSelector(self.path, recursive=deep, allow_not_found=True))
        start = len(self.path.rstrip("/")) + 1
        names = (f.path[start:] for f in found if f.is_file)
        return [self / name for name in sorted(names) if hidden or not any(p.startswith(".") for p in name.split("/"))]

    def holds_something(self) -> bool:
        """True if something that is not hidden lies in a folder; only its first level is listed. Raises DataError."""
        from pyarrow.fs import FileSelector

        with _told(self):
            found = self.files.get_file_info(FileSelector(self.path, recursive=False, allow_not_found=True))
        return any(not f.base_name.startswith(".") for f in found)

    def put(self, source: Path) -> None:
        """Copy a file here. It appears when it is whole, or never. Raises DataError."""
        size = source.stat().st_size
        with _told(self):
            if self.files.type_name == "local":
                with source.open("rb") as given, whole(Path(self.path), mode=READABLE) as out:
                    _copy(given, out, size)
                return
            # An object appears when its stream is closed, also by an error half way: hence the size.
            try:
                with source.open("rb") as given, self.files.open_output_stream(self.path) as out:
                    _copy(given, out, size)
                if self._info().size != size:
                    raise OSError(f"found {self._info().size} of {size} bytes after writing")
            except OSError:
                with suppress(OSError):
                    self.files.delete_file(self.path)
                raise

    def fetch(self, target: Path, *, largest: int = LARGEST) -> None:
        """Copy from here to a local file. Raises AudioError (told of a sound as the reason it cannot be used).

        What may pass (no permission, a store that does not answer) is tried again, and is an UnreachedError at last.
        """
        for pause in (*_PAUSES, None):
            try:
                self._fetch(target, largest)
                return
            except AudioError:
                raise
            except Exception as error:  # each store behind fsspec has errors of its own
                told = f"unreadable: not fetched ({first_line(error)})"
                if isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError)):
                    raise AudioError(self.name, told) from error
                if pause is None:
                    raise UnreachedError(self.name, told) from error
                time.sleep(pause)

    def _fetch(self, target: Path, largest: int) -> None:
        info = self._info()
        if not info.is_file:
            raise AudioError(self.name, "unreadable: No such file or directory")
        if info.size is not None and info.size > largest:
            raise AudioError(self.name, f"unreadable: {info.size} bytes are more than the {largest} that are fetched")
        with self.files.open_input_stream(self.path) as there, target.open("wb") as out:
            _copy(there, out, info.size)

    def _info(self) -> Any:
        return self.files.get_file_info(self.path)


def _copy(source: Any, target: Any, size: int | None) -> None:
    count = 0
    while block := source.read(_BLOCK):
        check()
        target.write(block)
        count += len(block)
    if size is not None and count != size:
        raise OSError(f"found {count} of {size} bytes")


def place(where: str | Path) -> Place:
    """A folder or file by its path or URI. Raises DataError, MissingExtraError."""
    name = spelled(where)
    if not is_remote(name):
        path = str(Path(name).expanduser().absolute())
        return Place(_files("")[0], path, name)
    query = _QUERY.search(name)
    scheme, rest = name[: query.start() if query else None].split("://", 1)
    host, _, inside = rest.partition("/")
    # Only the host is parsed as a URI: a key may hold spaces and whatever else.
    files, root = _files(f"{scheme}://{host}{'/' if scheme == 'file' else ''}{query[0] if query else ''}")
    return Place(files, f"{root.rstrip('/')}/{inside}".rstrip("/"), name.rstrip("/"))


_lock = threading.Lock()
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # of each URI


@lru_cache(maxsize=1)
def _copies() -> Path:
    """What was fetched lies here until the program ends."""
    folder = tempfile.mkdtemp(prefix="earmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def at_hand(path: str | Path) -> Path:
    """Where the file that a path or URI names lies on this machine: what is in an object store is fetched, once a program.

    Raises AudioError, as of a sound that cannot be used; MissingExtraError.
    """
    if not is_remote(path):
        return Path(path)
    name = spelled(path)
    if isinstance(local := located(name), Path):
        return local
    try:
        there = place(name)
    except DataError as error:
        raise AudioError(name, f"unreadable: {error}") from error
    with _lock:
        copies, lock = _copies(), _locks[name]
    folder = copies / hashlib.sha256(name.encode(errors="backslashreplace")).hexdigest()
    here = folder / (Path(there.path).name or "file")
    with lock:
        if not here.exists():
            folder.mkdir(exist_ok=True)
            part = folder / ".part"
            there.fetch(part)
            part.replace(here)
    return here


@lru_cache(maxsize=64)
def _files(uri: str) -> tuple[Any, str]:
    try:
        from pyarrow import fs
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading and writing stores and object stores", "ray") from error
    if not uri:
        return fs.LocalFileSystem(), ""
    try:
        found: tuple[Any, str] = fs.FileSystem.from_uri(uri)
        return found
    except (OSError, ValueError) as error:
        known = f"pyarrow: {first_line(error)}"
    try:
        import fsspec

        files, path = fsspec.core.url_to_fs(uri)
        return fs.PyFileSystem(fs.FSSpecHandler(files)), str(path)
    except (ImportError, OSError, ValueError) as error:  # what opens s3:// and others may not be installed
        raise DataError(
            f"{uri}: this store is not known ({known}; fsspec: {first_line(error)}). Wanted: a folder, s3://, gs://, or what "
            "an installed fsspec package opens"
        ) from error


@contextmanager
def _told(where: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{where}: cannot be read or written ({first_line(error)}). Look at its name, at the credentials and at the network"
        ) from error
