"""ESC-50 and ESC-10: environmental sounds of 5 s with five published folds (Piczak 2015).

Files are called ``FOLD-SOURCE-TAKE-TARGET.wav`` (ESC-50, labels in ``meta/esc50.csv``) or lie in folders such as
``001 - Dog bark`` as ``FOLD-SOURCE-TAKE.ogg`` (the first ESC-10). The Freesound source is the group: the published
folds keep it whole.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from ...core.errors import DataError
from ..clips import Clip, Dataset
from ..found import find
from . import one_below, others

LAYOUT = {
    "001 - Dog bark/1-100032-A.ogg": "",
    "001 - Dog bark/2-100033-A.ogg": "",
    "002 - Rain/1-17367-A.ogg": "",
    "002 - Rain/2-17368-A.ogg": "",
}
_OLD = re.compile(r"([1-5])-(\d+)-[A-Z]\d*")
_NEW = re.compile(r"([1-5])-(\d+)-[A-Z]\d*-(\d+)")
_FOLDER = re.compile(r"\d{3} - (.+)")


def matches(path: Path) -> bool:
    """True for a folder with ESC's file names."""
    if not path.is_dir():
        return False
    old = any(_FOLDER.fullmatch(f.parent.name) and _OLD.fullmatch(f.stem) for f in one_below(path))
    return old or (path / "meta" / "esc50.csv").is_file()


def build(path: Path) -> Dataset:
    """Clips of ESC-50 or ESC-10 below ``path``; label from the folder or from ``meta/esc50.csv``. Raises DataError."""
    categories = _categories(path / "meta" / "esc50.csv")
    clips, other, found = [], [], find(path)
    for file in found.sounds:
        folder = _FOLDER.fullmatch(file.parent.name)
        old, new = _OLD.fullmatch(file.stem), _NEW.fullmatch(file.stem)
        name = old if folder else new
        if name is None:
            other.append(file)
            continue
        label = folder[1] if folder else categories.get(file.name)
        clips.append(
            Clip(
                id=file.relative_to(path).as_posix(),
                path=file,
                label=label,
                group=f"freesound {name[2]}",
                fold=name[1],
            )
        )
    gone, notes = others(other, path, "ESC")
    classes = len({c.label for c in clips})
    return Dataset(
        f"ESC-{classes}",
        tuple(clips),
        excluded=(*gone, *found.excluded),
        notes=(*notes, *found.notes),
        licence="CC BY 3.0 (ESC-10), CC BY-NC 3.0 (ESC-50)",
        citation="Piczak, ESC: Dataset for Environmental Sound Classification, ACM Multimedia 2015",
    )


def _categories(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"filename", "category"} <= rows[0].keys():
        raise DataError(f"{table}: wanted the columns filename and category, as published with ESC-50")
    return {row["filename"]: row["category"] for row in rows}
