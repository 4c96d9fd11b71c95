"""GTZAN: 1000 clips of 30 s in 10 music genres (Tzanetakis & Cook 2002), with what is known of its faults.

``gtzan.csv`` beside this file holds facts on every clip: the artist (Sturm 2012), the fault-filtered split
(Kereliuk, Sturm & Larsen 2015) and the byte-identical twin. Clips of one artist are one group; a clip whose
artist is unknown is a group of its own; twins share a group.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

from ..clips import Clip, Dataset
from ..found import find
from . import one_below, others

LAYOUT = {
    "blues/blues.00000.wav": "",
    "blues/blues.00001.wav": "",
    "rock/rock.00016.au": "",
    "metal/metal.00058.au": "",
}
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
CITATION = (
    "Tzanetakis & Cook, Musical genre classification of audio signals, IEEE TSAP 2002; "
    "artists: Sturm, An analysis of the GTZAN music genre dataset, MIRUM 2012, and The GTZAN dataset, 2013; "
    "fault-filtered split: Kereliuk, Sturm & Larsen, Deep learning and music adversaries, IEEE TMM 2015"
)
_NAME = re.compile(rf"({'|'.join(GENRES)})\.(\d{{5}})")


def matches(path: Path) -> bool:
    """True for a folder that holds files called like GTZAN's and no table of its own."""
    return path.is_dir() and not (path / "clips.csv").exists() and any(map(_is_clip, one_below(path)))


def build(path: Path) -> Dataset:
    """Clips of all GTZAN files below ``path`` (.wav, .au, .flac, …); files called otherwise are excluded."""
    clips, found = [], find(path)
    for file in filter(_is_clip, found.sounds):
        fact = facts()[file.stem]
        split, twin = fact[1:]
        first = min(file.stem, twin or file.stem)
        group = facts()[first][0] or f"unknown artist of {first}"
        clips.append(
            Clip(
                id=file.relative_to(path).as_posix(),
                path=file,
                label=file.stem.split(".")[0],
                group=group,
                fold=split,
            )
        )
    gone, notes = others((f for f in found.sounds if not _is_clip(f)), path, "GTZAN")
    return Dataset(
        "GTZAN",
        tuple(clips),
        excluded=(*gone, *found.excluded),
        notes=(*notes, *found.notes),
        licence="none stated: commercial recordings, research use only",
        citation=CITATION,
    )


@cache
def facts() -> dict[str, tuple[str, str, str]]:
    """Clip name -> (artist, fault-filtered split, byte-identical twin); empty strings where unknown or none."""
    with Path(__file__).with_name("gtzan.csv").open(encoding="utf-8") as file:
        return {row["clip"]: (row["artist"], row["split"], row["identical_to"]) for row in csv.DictReader(file)}


def _is_clip(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None and file.stem in facts()
