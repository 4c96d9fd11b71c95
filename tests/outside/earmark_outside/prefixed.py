"""Sounds called LABEL__GROUP__NAME in one folder."""

from __future__ import annotations

from pathlib import Path

from earmark.data.clips import Clip, Dataset
from earmark.data.layouts import sounds_below

LAYOUT = {"owl__ann__1.wav": "", "owl__bob__2.wav": "", "fox__ann__3.wav": "", "fox__bob__4.wav": ""}


def matches(path: Path) -> bool:
    """True for a folder in which every sound is called so."""
    found = sounds_below(path) if path.is_dir() else []
    return bool(found) and all(file.stem.count("__") == 2 for file in found)


def build(path: Path) -> Dataset:
    """Clips below ``path``, with label and group from their names."""
    clips = []
    for file in sounds_below(path):
        label, group, _ = file.stem.split("__", 2)
        clips.append(Clip(id=file.relative_to(path).as_posix(), path=file, label=label, group=group))
    return Dataset("prefixed", tuple(clips))
