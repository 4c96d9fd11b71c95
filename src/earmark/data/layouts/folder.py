"""A folder of class folders: the name of a sound's folder is its label. A flat folder has no labels."""

from __future__ import annotations

from pathlib import Path

from ..clips import Clip, Dataset, writable
from . import sounds_below

LAYOUT = {"dog/a.wav": "", "dog/b.wav": "", "cat/c.wav": "", "cat/d.wav": ""}


def build(path: Path) -> Dataset:
    """Clips of all sounds below ``path``; the first folder under it is the label, none for sounds right in it.

    If some sounds lie in class folders, those that lie beside them have no label and are reported as excluded.
    """
    clips = []
    for file in sounds_below(path):
        inside = file.relative_to(path)
        label = writable(inside.parts[0]) if len(inside.parts) > 1 else None
        clips.append(Clip(id=writable(inside.as_posix()), path=file, label=label))
    return Dataset(name=writable(path.resolve().name) or "sounds", clips=tuple(clips), notes=_unread(path))


def _unread(path: Path) -> tuple[str, ...]:
    """A table in the folder may know groups that folder names do not tell."""
    if not (path / "clips.csv").is_file():
        return ()
    table = writable(str(path / "clips.csv"))
    return (
        f"{table} was not read: labels are the folders' names. Name the table instead to use its labels and groups.",
    )


def of_files(files: list[Path]) -> Dataset:
    """Unlabelled clips of files and folders (searched below), each once."""
    found = dict.fromkeys(f for p in files for f in (sounds_below(p) if p.is_dir() else [p]))
    return Dataset(name="files", clips=tuple(Clip(id=writable(str(f)), path=f) for f in found))
