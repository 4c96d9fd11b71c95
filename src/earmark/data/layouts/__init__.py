"""Where clips come from. One source is one file, found by its name.

A file here has:

``build(path, **params) -> Dataset``
    reads the records (never the audio); raises DataError. What is there and not used stands in ``excluded``.
``matches(path) -> bool``  (optional)
    True if what lies at ``path`` is surely this data set; asked in turn when the user names no source.
``LAYOUT: dict[str, str]``
    a tiny example as it lies on disk: file name -> text (``""`` for a sound). Shown in the docs, used by the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..clips import Excluded, writable


def _suffixes() -> frozenset[str]:
    from ...audio import SUFFIXES

    return SUFFIXES


def sounds_below(folder: Path) -> list[Path]:
    """All sound files below ``folder``, sorted; ``found.find`` also says what is not among them, and why."""
    from ..found import find

    return find(folder).sounds


def one_below(folder: Path) -> Iterator[Path]:
    """Files right in the folders of ``folder``, for ``matches``; what cannot be listed is passed over: ``build`` tells it."""
    for here in sorted(_listed(folder)):
        yield from sorted(_listed(here))


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def others(files: Iterable[Path], folder: Path, name: str) -> tuple[tuple[Excluded, ...], tuple[str, ...]]:
    """The account of sounds that lie in a known data set and are none of it, and a note on how to use them."""
    gone = tuple(
        Excluded(writable(f.relative_to(folder).as_posix()), f"called otherwise than the files of {name}")
        for f in files
    )
    if not gone:
        return (), ()
    return gone, (
        f"{len(gone)} sounds are called otherwise than the files of {name}, e.g. {gone[0].path}, and are excluded. To use "
        f"all sounds, by the names of their folders, write folder:{writable(str(folder))}",
    )
