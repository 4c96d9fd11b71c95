"""What lies in a folder: sounds that are used, and what is not, with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..audio import SUFFIXES
from .clips import Excluded, writable

HIDDEN = "hidden: its name, or that of a folder, begins with a dot"


@dataclass
class Found:
    """Sounds below a folder, sorted, and what is not used: paths inside the folder, with reasons."""

    sounds: list[Path] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)
    again: list[str] = field(default_factory=list)  # folders that are searched under another name
    endings: dict[str, set[str]] = field(default_factory=dict)  # of other files, by the first folder they lie in

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say of links."""
        if not self.again:
            return ()
        shown = ", ".join(map(repr, self.again[:3])) + (" …" if len(self.again) > 3 else "")
        which = "a folder that is searched under another name, or holds this one, and is not followed"
        return (f"{len(self.again)} of the folders lead to {which}: {shown}.",)

    @property
    def soundless(self) -> dict[str, list[str]]:
        """Folders right here that hold no sound, and the endings of what they hold."""
        told = {name.split("/")[0] for name in (*self.again, *(one.path for one in self.excluded))}
        return {n: sorted(e) for n, e in sorted(self.endings.items()) if n not in told and not is_hidden(n)}


def is_sound(name: str) -> bool:
    """True for the ending of a sound; not for what macOS keeps beside a file (``._a.wav``)."""
    last = name.rpartition("/")[2]
    return Path(last).suffix.lower() in SUFFIXES and not last.startswith("._")


def is_hidden(name: str) -> bool:
    """True if a step of a relative path (with ``/``) begins with a dot."""
    return any(step.startswith(".") for step in name.split("/"))


def find(folder: Path) -> Found:
    """Look through a folder and all below it. Links are followed, each place once; what is hidden is accounted for."""
    found = Found()
    for path in _files(folder, found):
        inside = path.relative_to(folder)
        if not is_sound(path.name):
            if len(inside.parts) > 1:
                found.endings.setdefault(writable(inside.parts[0]), set()).add(path.suffix.lower() or "no ending")
        elif is_hidden(inside.as_posix()):
            found.excluded.append(_gone(path, folder, HIDDEN))
        else:
            found.sounds.append(path)
    for path in found.sounds:
        found.endings.pop(writable(path.relative_to(folder).parts[0]), None)
    found.sounds.sort()
    found.excluded.sort(key=lambda one: one.path)
    return found


def _files(folder: Path, found: Found) -> Iterator[Path]:
    top, seen = Path(os.path.realpath(folder)), set[Path]()
    todo, links = [folder], list[Path]()
    while todo or links:
        # Links wait until the rest is done: what lies here in its own name is found by that.
        here = todo.pop() if todo else links.pop(0)
        place = Path(os.path.realpath(here))
        if place in seen or (here != folder and top.is_relative_to(place)):
            found.again.append(writable(here.relative_to(folder).as_posix()))
            continue
        seen.add(place)
        if here.parent == folder and here != folder:
            found.endings.setdefault(writable(here.name), set())
        for entry in _entries(here, folder, found):
            path = here / entry.name
            kind = _kind(entry, path, folder, found)
            if kind == "folder":
                (links if entry.is_symlink() else todo).append(path)
            elif kind == "file":
                yield path


def _entries(here: Path, folder: Path, found: Found) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(here) as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        found.excluded.append(_gone(here, folder, f"unreadable folder: {error.strerror or error}"))
        return []


def _kind(entry: os.DirEntry[str], path: Path, folder: Path, found: Found) -> str:
    """ "folder", "file" or, of what can be neither and was told, ""."""
    try:
        if entry.is_dir():
            return "folder"
        if is_sound(entry.name) or not entry.is_symlink() or path.exists():
            return "file"
        reason = f"a link to nothing ({path.readlink()})"
    except OSError as error:  # a link to itself, a share that is gone
        if is_sound(entry.name):  # told when it is opened
            return "file"
        reason = f"unreadable: {error.strerror or error}"
    found.excluded.append(_gone(path, folder, reason))
    return ""


def _gone(path: Path, folder: Path, reason: str) -> Excluded:
    inside = path.relative_to(folder).as_posix()
    return Excluded(writable(str(path) if inside == "." else inside), writable(reason))
