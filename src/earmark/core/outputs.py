"""What may be written where: nothing is replaced or removed that Earmark did not write.

``check`` decides, before the work and again when the files are written. What it refuses:

- the input itself, by whatever name (links, ``..``, upper and lower case): always
- a folder that directly holds sounds of the data: always; a new folder inside the data is fine
- a place where something lies that Earmark did not write, or that was changed since; ``force`` names it and goes on

What is Earmark's is known by the list that lies beside it (``manifest``), else by its own content (``marks``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import manifest, marks
from .errors import BundleError, DataError, EarmarkError
from .paths import is_remote, named
from .storage import place

Foreign = Callable[[Path], list[str]]  # a folder or file that is there -> what in it is not Earmark's and is in the way


@dataclass(frozen=True)
class Kind:
    """What a command (``what``) writes. ``names`` of files and, with a slash, of folders inside a folder; none: it is one file."""

    what: str
    names: tuple[str, ...] = ()
    foreign: Foreign | None = None  # None: by the manifest and marks
    force: bool = True  # it may be replaced if the user says so
    error: type[EarmarkError] = DataError
    beside: bool = False  # it may lie beside the sounds


# The styles of audio.synthetic, from which nothing here may import; a test holds them equal.
MUSIC = ("ambient", "blues", "chiptune", "march", "techno", "waltz")


def _no_music(folder: Path) -> list[str]:
    """What made-up music would replace in a folder and is no music made up before."""
    known = manifest.read(folder)
    if marks.begin(folder / "README.txt", 100).startswith("This is no music: a program made it up."):
        return []
    names = ["clips.csv", "README.txt", "faults.json"]
    names += [p.relative_to(folder).as_posix() for s in MUSIC for p in sorted((folder / s).glob(f"{s}.*"))]
    return [n for n in names if os.path.lexists(folder / n) and n not in (known or {})]


COMPARISON = Kind("a comparison", ("report.html", "metrics.json", "predictions.csv", "figures/"))
REPRODUCTION = Kind("a reproduction", ("report.html", "metrics.json", "figures/"))
CURVE = Kind("a learning curve", ("curve.html", "curve.json", "figures/"))
LADDER = Kind("a ladder", ("ladder.html", "ladder.json", "figures/"))
STRESS = Kind("a stress test", ("stress.html", "stress.json", "figures/"))
TUNED = Kind("a search", ("recipe.toml", "tune.json"))
AUDIT = Kind("an audit", ("audit.json", "clips.csv", "audit.html"))
REVIEW = Kind("a review", ("review.jsonl", "reviewed.csv"), force=False, beside=True)
MODEL = Kind("a training", marks.MODEL_FILES, marks.no_model, error=BundleError)
_TABLES = ("embeddings/", "recordings/", "targets/", "annotations/", "annotated/", "answers/", "errors/")
SHARDS = Kind("embed or predict", ("earmark.json", *_TABLES), lambda _: [], force=False)
SOUNDS = Kind("a demo", ("clips.csv", "README.txt", "faults.json"), _no_music)
EMBEDDINGS = Kind("embed", foreign=lambda path: [] if marks.embeddings(path) else [path.name])
ANSWERS = Kind("predict", foreign=lambda path: [] if marks.answers(path) else [path.name])


def check(
    out: str | Path,
    kind: Kind,
    *,
    inputs: Iterable[Any] = (),
    sounds: Callable[[], Iterable[Path]] = tuple,
    force: bool = False,
) -> str:
    """Names of what ``force`` replaces, or "". Raise DataError (of a model BundleError) if ``kind`` may not be written to ``out``: see above.

    ``inputs`` are what the work reads, as a user gives it. ``sounds`` lists the sounds of the data; it is asked only if
    something lies at ``out`` that Earmark did not write.
    """
    if (there := _here(out)) is None:
        _apart(str(out), inputs)
        return ""
    targets = [there, *(there / name for name in kind.names)]
    given = [p for one in inputs for p in _places(one)]
    for target in targets:
        if twin := next((p for p in given if same(target, p)), None):
            raise kind.error(
                f"{target} is what is read here ({twin}): your own files stay. Choose another place with --out"
            )
    _fits(there, kind)
    if not os.path.lexists(there):
        return ""
    strange = (kind.foreign or _foreign(kind))(there)
    if kind.names:
        _apart_from_sounds([t for t in targets if t.is_dir()], kind, sounds)
    elif strange and any(same(there, p) for p in sounds()):
        raise kind.error(f"{there} is one of the data's own sounds. Choose another place with --out")
    if not strange:
        return ""
    if kind is MODEL and force:  # what else lies there stays
        strange = [n for n in strange if marks.is_model_file(n)]
    told = ", ".join(strange[:5]) + (f" and {len(strange) - 5} more" if len(strange) > 5 else "")
    if force and kind.force:
        return f"{told} in {there if kind.names else there.parent}" if told else ""
    raise kind.error(_refusal(there, kind, told))


def _refusal(there: Path, kind: Kind, told: str) -> str:
    how = "choose another place with --out" + (", or say --force to have it replaced" if kind.force else "")
    if not kind.names:
        return f"{there} exists and was not written by {kind.what}. Nothing of yours is overwritten: {how}"
    if kind is MODEL and not marks.is_model(there):
        return f"{there} exists and is not a model (it holds {told}). Nothing of yours is overwritten: {how}"
    return f"{there} holds {told}: not written by {kind.what}, or changed since. Nothing of yours is overwritten: {how}"


def _fits(there: Path, kind: Kind) -> None:
    """Raise unless what is at a place, and what it lies in, is a folder or file as is wanted."""
    above = next(p for p in there.absolute().parents if p.exists())
    if not above.is_dir():
        raise kind.error(f"{there}: {above} is a file, and nothing can lie in it. Choose another place with --out")
    if not kind.names:
        if os.path.lexists(there) and not there.is_file():
            raise kind.error(f"{there} is no plain file. Give a new name with --out")
        return
    if os.path.lexists(there) and not there.is_dir():
        raise kind.error(f"{there} is a file; wanted a folder. Choose another place with --out")
    for name in kind.names:
        wanted = there / name
        if os.path.lexists(wanted) and wanted.is_dir() != name.endswith("/"):
            raise kind.error(
                f"{wanted} is in the way: Earmark writes a {'folder' if name.endswith('/') else 'file'} of that name. "
                "Choose another place with --out"
            )


def _foreign(kind: Kind) -> Foreign:
    """What lies at the names of a kind and is neither in the manifest nor Earmark's by its own content."""

    def found(folder: Path) -> list[str]:
        known = manifest.read(folder)
        names = [n for n in kind.names if not n.endswith("/")]
        for inside in (folder / n for n in kind.names if n.endswith("/")):
            names += [p.relative_to(folder).as_posix() for p in sorted(inside.rglob("*")) if _counts(p, inside)]
        strange = [n for n in names if os.path.lexists(folder / n) and not manifest.own(folder, n, known)]
        return strange + [manifest.NAME] * (known is None and os.path.lexists(folder / manifest.NAME))

    return found


def _counts(path: Path, inside: Path) -> bool:
    """True for what somebody put there, and not the file manager of a system."""
    hidden = any(part.startswith(".") for part in path.relative_to(inside).parts)
    return not hidden and path.name != "Thumbs.db" and (path.is_symlink() or not path.is_dir())


def _apart_from_sounds(folders: Sequence[Path], kind: Kind, sounds: Callable[[], Iterable[Path]]) -> None:
    """Raise if sounds of the data lie directly in one of the folders."""
    if kind.beside:
        return
    # Nearly always there are none: a folder with no strange file in it holds no sound.
    full = [f for f in folders if any(p.is_file() and not manifest.known_name(p, kind.names) for p in f.iterdir())]
    parents: dict[Path, list[Path]] = {}
    for path in sounds() if full else ():
        parents.setdefault(path.parent, []).append(path)
    for folder in full:  # embeddings know names of sounds that are not there
        if any(same(folder, parent) and any(p.exists() for p in own) for parent, own in parents.items()):
            raise kind.error(
                f"{folder} holds the data's own sounds. Choose another place with --out; a new folder in it is fine"
            )


# ------------------------------------------------------------------------------------------------- places
def same(a: Path, b: Path) -> bool:
    """True if two names are of one file or folder: through links, ``..``, in upper or lower case."""
    try:
        return a.samefile(b)
    except (OSError, ValueError):
        return os.path.realpath(a) == os.path.realpath(b)


def _here(out: str | Path) -> Path | None:
    """A place on this machine, or None if it is in an object store."""
    if not is_remote(out):
        return Path(out).expanduser() if str(out).startswith("~") else Path(out)
    there = place(out)
    return Path(there.path) if there.files.type_name == "local" else None


def _places(source: Any) -> list[Path]:
    """Where an input lies here: folders, files, what a pattern names; nothing for what is no place."""
    if source is None or any(hasattr(source, name) for name in ("clips", "dataset", "columns", "collect")):
        return []  # data in memory
    if not isinstance(source, (str, Path)):
        try:
            return [p for one in source for p in _places(one)]
        except TypeError:  # no list: whoever reads it will say so
            return []
    if is_remote(source):
        return [p] if (p := _here(source)) else []
    path = named(source)[1]
    if not path.exists() and any(mark in path.name for mark in "*?["):
        return sorted(path.parent.glob(path.name))
    return [path] if path.exists() else []


def _apart(out: str, inputs: Iterable[Any]) -> None:
    """Raise DataError if a URI is one of the inputs, or a file."""
    there = place(out)
    for one in inputs:
        if isinstance(one, (str, Path)) and is_remote(one) and place(one).path.rstrip("/") == there.path.rstrip("/"):
            raise DataError(f"{out} is what is read here. Choose another place with --out")
    if there.exists():
        raise DataError(f"{out} is a file; wanted a folder, or a new name. Choose another place with --out")
