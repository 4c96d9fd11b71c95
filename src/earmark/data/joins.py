"""Which line of a table speaks of which clip: the only place where names of clips meet names in a table.

Names are paths: those of one set of sounds may begin elsewhere (``cat/000.wav``, ``/data/sounds/cat/000.wav``), and may
lack the ending. What follows ``#`` is the part of the file (``long.wav#2+1``: a second from 2 s on). The bare name of a
file is not enough where folders say otherwise: ``dog/000.wav`` has it, too.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ..audio import SUFFIXES
from ..core.errors import DataError

Facts = Mapping[str, str]  # what a line says: label, group, fold
File = tuple[str, ...]  # folders and name
_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_PART = re.compile(rf"#{_NUMBER}(?:\+{_NUMBER})?$")


def join(clips: Sequence[str], lines: Iterable[tuple[str, Facts]], where: object) -> list[Facts]:
    """For each clip what the table ``where`` says of it; ``lines`` are the names there and what they say.

    Found by the whole path, else by the longest end of it (the name and as many folders as agree) that only this clip
    and only this line have, with the endings of sounds or without; and by the same part of the file.

    Raises DataError, with the names, for a clip without a line, for one that may be of several, for a clip of which the
    table says two things, and where the folders of what was found contradict one another.
    """
    told: dict[File, dict[str, tuple[str, Facts]]] = defaultdict(dict)
    for name, said in lines:
        file, part = _cut(name)
        _, before = told[file].setdefault(part, (name, said))
        if before != said:
            key = next(k for k in said if said[k] != before[k])
            raise DataError(
                f"{where}: the clip {name!r} has the {key} {before[key]!r} in one line and {said[key]!r} in another; "
                "wanted each clip once, not more than once with other words"
            )
    cut = [_cut(clip) for clip in clips]
    ours = {file: clip for clip, (file, _) in zip(clips, cut, strict=True)}
    match = _matched(ours, {file: next(iter(parts.values()))[0] for file, parts in told.items()}, where)
    found = []
    for clip, (file, part) in zip(clips, cut, strict=True):
        parts = told[match[file]] if file in match else {}
        if part not in parts:
            there = ", ".join(repr(name) for name, _ in list(parts.values())[:3])
            raise DataError(
                f"{where}: found no line for the clip {clip!r}; wanted one for each clip, by its path"
                + (f" and its part of the file: there is {there}" if there else "")
            )
        found.append(parts[part][1])
    return found


def matched(ours: Iterable[str], theirs: Iterable[str], where: object) -> dict[str, str]:
    """Which of our files each name of a table means: its whole path, else the longest end that this one alone has.

    Names that mean none are not in it. Raises DataError for one that may mean several.
    """
    known, named = ({_steps(name): name for name in names} for names in (ours, theirs))
    found = _matched(known, named, where, moves=True)
    return {named[theirs]: known[ours] for ours, theirs in found.items()}


def _steps(path: str) -> File:
    return tuple(s for s in posixpath.normpath(path.replace("\\", "/")).split("/") if s not in ("", "."))


def _cut(name: str) -> tuple[File, str]:
    """Folders and name, and the part of the file."""
    part = _PART.search(name)
    path = name[: part.start()] if part else name
    return _steps(path), part[0] if part else ""


def _matched(
    ours: Mapping[File, str], theirs: Mapping[File, str], where: object, *, moves: bool = False
) -> dict[File, File]:
    """The file of the table for each of ours that has one. Raises DataError where there are several, and, unless files may
    have been moved each by itself, where the folders of what was found contradict one another."""
    found = {file: file for file in ours if file in theirs}
    moved: dict[tuple[File, File], tuple[File, File]] = {}  # by what stands before the end that agrees, on either side
    for bare in (False, True):
        left = [file for file in ours if file not in found]
        here, there = _Ends(ours if left else (), bare), _Ends(theirs if left else (), bare)
        for file in left:
            length, candidates = _longest(file, here, there)
            if len(candidates) > 1:
                raise DataError(
                    f"{where}: the clip {ours[file]!r} may be {theirs[candidates[0]]!r} or {theirs[candidates[1]]!r}; "
                    "wanted paths with as many folders as tell them apart"
                )
            if candidates:
                rivals = here.of(length)[here.end(file, length)]
                if len(rivals) > 1:
                    raise DataError(
                        f"{where}: the line {theirs[candidates[0]]!r} may be the clip {ours[rivals[0]]!r} or "
                        f"{ours[rivals[1]]!r}; wanted paths with as many folders as tell them apart"
                    )
                found[file] = candidates[0]
                before = file[:-length], candidates[0][:-length]
                if all(before):  # neither is the end of the other: both lie below something
                    moved.setdefault(before, (file, candidates[0]))
    if len(moved) > 1 and not moves:
        (a, b), (c, d) = list(moved.values())[:2]
        raise DataError(
            f"{where}: {ours[a]!r} would be {theirs[b]!r}, and {ours[c]!r} would be {theirs[d]!r}: their folders contradict "
            "one another. Wanted: the same folders on both sides, below one other place at most"
        )
    return found


def _longest(file: File, here: _Ends, there: _Ends) -> tuple[int, list[File]]:
    """How many steps, counted from the name, agree with files of the table, and those files."""
    for length in range(len(file), 0, -1):
        if same := there.of(length).get(here.end(file, length)):
            return length, [f for f in same if not _apart(file, f, length, here, there)]
    return 0, []


def _apart(a: File, b: File, length: int, here: _Ends, there: _Ends) -> bool:
    """True if the next folder is one that the other side knows at that place: ``cat/7.wav`` is not ``dog/7.wav`` then."""
    if len(a) == length or len(b) == length:
        return False
    return a[-length - 1] in there.folders(length) or b[-length - 1] in here.folders(length)


class _Ends:
    """Files by the end of their path, of any length."""

    def __init__(self, files: Iterable[File], bare: bool) -> None:
        self._files, self._bare = tuple(files), bare
        self._of: dict[int, dict[File, list[File]]] = {}
        self._folders: dict[int, set[str]] = {}

    def end(self, file: File, length: int) -> File:
        """The last ``length`` steps, the name without the ending of a sound if that does not count."""
        return (*file[-length:-1], _stem(file[-1])) if self._bare else file[-length:]

    def of(self, length: int) -> dict[File, list[File]]:
        """Files with at least that many steps, by their last ones."""
        if length not in self._of:
            ends: dict[File, list[File]] = defaultdict(list)
            for file in self._files:
                if len(file) >= length:
                    ends[self.end(file, length)].append(file)
            self._of[length] = dict(ends)
        return self._of[length]

    def folders(self, length: int) -> set[str]:
        """Folders that stand before the last ``length`` steps."""
        if length not in self._folders:
            self._folders[length] = {f[-length - 1] for f in self._files if len(f) > length}
        return self._folders[length]


def _stem(name: str) -> str:
    stem, ending = posixpath.splitext(name)
    return stem if ending.lower() in SUFFIXES else name
