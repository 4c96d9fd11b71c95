"""Which recording lies beside a file of annotations, and what it is called if none does."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from ..found import is_sound

# What programs put behind the recording's name.
_BEHIND = re.compile(
    r"(?:\.Table\.\d+)?\.selections?(?:\.table)?$|\.BirdNET\.(?:results|selection\.table)$|[._ -](?:labels?|annotations?|events?)$",
    re.IGNORECASE,
)


def named_by(file: Path) -> str:
    """The recording that a file is about which names none: the sound beside it, else its own name without endings.

    >>> named_by(Path("none/marsh.Table.1.selections.txt")), named_by(Path("none/pond_labels.txt"))
    ('marsh', 'pond')
    """
    sounds = [s for s in _sounds(file.parent) if is_of(file.name, s)]
    best = [s for s in sounds if len(Path(s).stem) == max(len(Path(one).stem) for one in sounds)]
    if len(best) == 1:
        return best[0]
    return _BEHIND.sub("", file.stem) or file.stem


def recording_at(table: Path, name: str) -> Path | None:
    """The file of a recording that a table names, where it says or beside the table; None if there is none."""
    there = name.replace("\\", "/")
    for candidate in (table.parent / there, table.parent / there.rpartition("/")[2]):
        if candidate.is_file():
            return candidate
    return None


def is_of(file: str, sound: str) -> bool:
    """True if the name of a file of annotations is that of the sound, with or without its ending, and more behind it.

    >>> is_of("a.Table.1.selections.txt", "a.wav"), is_of("a_labels.txt", "a.wav"), is_of("ab.txt", "a.wav")
    (True, True, False)
    """
    rest = file.removeprefix(sound if file.startswith(sound) else Path(sound).stem)
    if rest == file:
        return False
    more = r"[_ -](?:labels?|annotations?|events?|selections?)\."
    return rest.startswith(".") or bool(re.match(more, rest, re.IGNORECASE))


@lru_cache(maxsize=4)
def _listed(folder: Path, _changed: int) -> tuple[str, ...]:
    return tuple(sorted(p.name for p in folder.iterdir() if is_sound(p.name)))


def _sounds(folder: Path) -> tuple[str, ...]:
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()
