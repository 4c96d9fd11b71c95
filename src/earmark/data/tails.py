"""Names of clips that meet in two places: whole paths, else the longest tail of a path that is unique on both sides.

Tables, stores and files of embeddings are moved, and call a sound ``cat/000.wav`` here and ``/data/cat/000.flac`` there.
The bare name of the file is not enough: ``dog/000.wav`` has it, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..audio import SUFFIXES
from ..core.errors import DataError


def fitted(names: Sequence[str], known: Sequence[str], where: object) -> list[int]:
    """The index into ``known`` of each of ``names``. ``where``: what ``known`` is, for messages.

    Raises DataError for a name that fits nothing, or more than one, and where tails fit whose folders contradict one
    another (``cat/1.wav`` here, ``dog/1.wav`` there).
    """
    exact = {name: i for i, name in enumerate(known)}
    if len(exact) < len(known):
        twice = next(name for i, name in enumerate(known) if exact[name] != i)
        raise DataError(f"{where}: {twice!r} stands there more than once; wanted each clip once")
    tails, own = _tails(known), _tails(names)
    found: list[int] = []
    moved: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, str]] = {}
    for name in names:
        at = exact.get(name)
        if at is None:
            at, prefixes = _by_tail(name, names, known, tails, own, where)
            if all(prefixes):  # neither is a tail of the other: both lie below something
                moved.setdefault(prefixes, (name, known[at]))
        found.append(at)
    if len(moved) > 1:
        (a, b), (c, d) = list(moved.values())[:2]
        raise DataError(
            f"{where}: {a!r} would be {b!r}, and {c!r} would be {d!r}: their folders contradict one another. Wanted: the "
            "same folders on both sides, below one other place at most"
        )
    return found


def _tails(names: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    found = defaultdict(list)
    for i, name in enumerate(names):
        pieces = _pieces(name)
        for length in range(1, len(pieces) + 1):
            found[pieces[-length:]].append(i)
    return dict(found)


def _by_tail(
    name: str,
    names: Sequence[str],
    known: Sequence[str],
    tails: dict[tuple[str, ...], list[int]],
    own: dict[tuple[str, ...], list[int]],
    where: object,
) -> tuple[int, tuple[tuple[str, ...], tuple[str, ...]]]:
    """What the longest tail of ``name`` fits, and what stands before it on either side."""
    pieces = _pieces(name)
    for length in range(len(pieces), 0, -1):
        fits = tails.get(pieces[-length:], [])
        if not fits:
            continue
        if len(fits) > 1:
            raise DataError(
                f"{where}: the clip {name!r} fits {known[fits[0]]!r} and {known[fits[1]]!r} alike; wanted paths that tell "
                "them apart"
            )
        others = [names[i] for i in own[pieces[-length:]] if names[i] != name]
        if others:
            raise DataError(
                f"{where}: {known[fits[0]]!r} fits the clips {name!r} and {others[0]!r} alike; wanted paths that tell them "
                "apart"
            )
        return fits[0], (pieces[:-length], _pieces(known[fits[0]])[:-length])
    raise DataError(f"{where}: found no line for the clip {name!r}; wanted one for each clip")


def _pieces(name: str) -> tuple[str, ...]:
    """Folders and file of a path; the ending of a sound does not count (which part of it is meant does)."""
    path, mark, part = name.partition("#") if _is_part(name) else (name, "", "")
    *folders, file = [p for p in path.replace("\\", "/").split("/") if p not in ("", ".")] or [path]
    stem, dot, ending = file.rpartition(".")
    return (*folders, (stem if dot and f".{ending.lower()}" in SUFFIXES else file) + mark + part)


def _is_part(name: str) -> bool:
    """True for ``a.wav#1.5+2``: a part of a file. A file may have ``#`` in its name, too."""
    numbers = name.rpartition("#")[2].split("+")
    return (
        "#" in name and len(numbers) < 3 and all(n.replace(".", "", 1).replace("e-", "", 1).isdigit() for n in numbers)
    )
