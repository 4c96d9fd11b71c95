"""A folder of class folders: the name of a sound's folder is its label. A flat folder has no labels.

``train/dog/a.wav``, ``test/dog/b.wav`` (also ``dog/train/a.wav``): folders called as the sides of a split, or ``fold1``,
``fold2``, are no classes; they say the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...core.errors import DataError
from ...core.paths import spelled
from ..clips import Clip, Dataset, Excluded, writable
from ..found import find
from ..labels import tidy
from ..sides import fold_of_folder, side

LAYOUT = {"dog/a.wav": "", "dog/b.wav": "", "cat/c.wav": "", "cat/d.wav": ""}


def build(path: Path) -> Dataset:
    """Clips of all sounds below ``path``; the first folder under it is the label, none for sounds right in it.

    If some sounds lie in class folders, those that lie beside them have no label and are reported as excluded. Folders
    that are links are followed. Raises DataError where folders may be classes or sides of a split.
    """
    found = find(path)
    inside = [(writable(file.relative_to(path).as_posix()), file) for file in found.sounds]
    notes = [*unread(writable(str(path)), (path / "clips.csv").is_file()), *found.notes]
    if found.soundless:
        told = "; ".join(f"{name!r} (it holds {', '.join(e) or 'nothing'})" for name, e in found.soundless.items())
        notes.append(f"No sounds lie in {told}.")
    return of_names(writable(path.resolve().name) or "sounds", inside, tuple(found.excluded), tuple(notes))


def of_names(
    name: str, sounds: Sequence[tuple[str, Path]], excluded: tuple[Excluded, ...] = (), notes: tuple[str, ...] = ()
) -> Dataset:
    """Clips of sounds by their paths inside a folder (with ``/``), wherever that lies. Raises DataError."""
    steps = [inside.split("/")[:-1] for inside, _ in sounds]
    label, fold = _levels(name, steps)
    clips = []
    for (inside, file), folders in zip(sounds, steps, strict=True):
        called = tidy(folders[label]) if len(folders) > label else ""
        where = folders[fold] if fold is not None and len(folders) > fold else ""
        clips.append(Clip(id=inside, path=file, label=called or None, fold=fold_of_folder(where)))
    if fold is not None:
        sides = sorted({s[fold] for s in steps if len(s) > fold})
        notes = (*notes, _split_note(sides, any(c.label for c in clips)))
    inner = sorted({s[label + 1] for s in steps if len(s) > label + 1 and fold != label + 1})
    if len(inner) > 1:
        notes = (*notes, _inner_note(inner))
    return Dataset(name=name, clips=tuple(clips), excluded=excluded, notes=notes)


def _inner_note(inner: Sequence[str]) -> str:
    """Folders below class folders may say what must stay whole, which only a table can."""
    return (
        f"{len(inner)} folders lie in the class folders ({', '.join(map(repr, inner[:3]))}{', …' * (len(inner) > 3)}) and say "
        "nothing here. If they are sites, sessions or speakers, name them in the column 'group' of a table (path,label,group), "
        "or clips of one may lie on both sides of a split."
    )


def _levels(name: str, steps: Sequence[Sequence[str]]) -> tuple[int, int | None]:
    """At which level of folders labels stand, and at which folds, if at one. Raises DataError."""
    first = {s[0] for s in steps if s}
    second = {s[0]: {t[1] for t in steps if len(t) > 1 and t[0] == s[0]} for s in steps if s}
    folds = {top for top in first if fold_of_folder(top)}
    if first and folds == first and (len(first) > 1 or any(second.values())):
        return 1, 0
    sides = {side(top): top for top in sorted(folds) if side(top)}
    if {"train", "test"} <= sides.keys() and second[sides["train"]] & second[sides["test"]]:
        raise DataError(
            f"{name}: found the folders {sides['train']!r} and {sides['test']!r}, which hold folders of the same names, "
            f"beside {', '.join(map(repr, sorted(first - folds)[:4]))}: are they classes, or sides of a split? Wanted: "
            "class folders alone, or train and test above class folders, or a table with the columns path, label and split"
        )
    inner = {folder for s in steps for folder in s[1:2]}
    deep = all(len(s) > 1 for s in steps)
    return 0, 1 if deep and len(inner) > 1 and all(map(fold_of_folder, inner)) else None


def _split_note(sides: Sequence[str], labelled: bool) -> str:
    told = f"The folders {', '.join(map(repr, sides))} are read as the folds of a published split, not as classes"
    if labelled:
        return f"{told}; --protocol published evaluates by them."
    return (
        f"{told}, and hold no class folders, so that no sound has a label. Wanted: class folders in them "
        f"({sides[0]}/dog/a.wav), or a table with the columns path, label and split."
    )


def unread(folder: str, there: bool) -> tuple[str, ...]:
    """A table in the folder may know groups that folder names do not tell."""
    if not there:
        return ()
    return (
        f"{folder}/clips.csv was not read: labels are the folders' names. Name the table instead to use its labels and "
        "groups.",
    )


def of_files(files: list[Path]) -> Dataset:
    """Unlabelled clips of files and folders (searched below), each once."""
    clips: dict[Path, Clip] = {}
    excluded: list[Excluded] = []
    notes: list[str] = []
    again = 0
    for given in files:
        sounds = [given]
        if given.is_dir():
            found = find(given)
            sounds = found.sounds
            notes += (f"{given}: {note}" for note in found.notes)
            excluded += (Excluded(_below(given, one.path), one.reason) for one in found.excluded)
            if not sounds and not found.excluded:
                excluded.append(Excluded(writable(str(given)), "no sounds in this folder"))
        again += sum(file in clips for file in sounds)
        clips |= {file: Clip(id=writable(spelled(file)), path=file) for file in sounds}
    if again:
        notes.append(f"{again} sounds were named more than once; each is used once.")
    return Dataset(name="files", clips=tuple(clips.values()), excluded=tuple(excluded), notes=tuple(notes))


def _below(folder: Path, inside: str) -> str:
    return inside if Path(inside).is_absolute() else f"{writable(str(folder))}/{inside}"
