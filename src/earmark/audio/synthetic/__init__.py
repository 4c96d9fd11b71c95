"""A small data set of made-up music, for trying things out: `earmark demo` and the tests.

Six styles, told apart by metre, rhythm and harmony; five artists each, every one with an own sound (instruments,
key, tempo, tone, room). So what tells artists apart is easier to hear than what tells styles apart, as it is in
real collections: evaluating by clip flatters, evaluating by artist does not. Faults are planted for the audits to find.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from ...core import manifest
from ...core.atomic import whole
from ...core.errors import DataError
from ...core.outputs import SOUNDS, check
from .sound import RATE, Artist, Floats, play
from .tunes import STYLES

__all__ = ["FORMATS", "make"]

VERSION = 1  # raise it when the sounds change: a folder made before is then made anew
FORMATS = ("wav", "flac", "ogg", "mp3")  # taken in turn by every artist, so that none tells a style
_NAMES = "Ada Bo Cleo Dov Edda Finn Gil Hanna Ivo Juno Kai Lena Milo Nora Otis Pia Quin Rhea Sami Tove"
_SURNAMES = "Ash Birch Cole Dale Elm Fern Gray Hill Iver Jett Kern Lark Moss Nye Oak Penn Reed Sol Thorn Vale"
_README = """This is no music: a program made it up.

{clips} clips in {classes} styles by {artists} "artists", synthesised by Earmark (seed {seed}). Each artist has an
own sound; clips.csv names the style (label) and the artist (group) of each file. WAV, FLAC, Ogg and MP3 are spread
evenly over styles and artists. Use it to try Earmark out; numbers measured on it say nothing about real music.

Faults were planted on purpose, for audits to find. faults.json lists them:
one unreadable file, one exact copy, one re-encoded copy, one clip with a wrong label.
"""


def make(
    folder: Path | str,
    *,
    seed: int = 0,
    artists: int = 5,
    clips: int = 8,
    seconds: tuple[float, float] = (5.0, 6.0),
    progress: Callable[[int, int], None] | None = None,
    force: bool = False,
) -> Path:
    """Write the data set into ``folder`` and return its table ``clips.csv`` (path, label, group).

    ``artists`` for each of the six styles, ``clips`` by each artist, of ``seconds`` (from, to). The same
    arguments give the same samples; a folder that holds them already is left as it is. ``progress(done, all)``
    is called after each clip. Beside the class folders lie README.txt and faults.json. Raises DataError, also if files
    lie there that were not made up and would be replaced, unless ``force``.
    """
    folder = Path(folder)
    if artists < 2 or clips < 2 or not 0.2 <= seconds[0] <= seconds[1]:
        found = f"artists={artists}, clips={clips}, seconds={seconds}"
        raise DataError(f"made-up music: {found}; wanted 2 artists and 2 clips or more, of 0.2 s or more (from, to)")
    facts: dict[str, object] = {
        "synthetic": True,
        "version": VERSION,
        "seed": seed,
        "artists": artists,
        "clips": clips,
        "seconds": [*seconds],
    }
    if _holds(folder, facts):
        return folder / "clips.csv"
    check(folder, SOUNDS, force=force)
    rows: list[tuple[str, str, str]] = []
    _list(folder, artists * clips)
    names = _names(len(STYLES) * artists, seed)
    total = len(STYLES) * artists * clips
    for s, (label, style) in enumerate(sorted(STYLES.items())):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for a in range(artists):
            artist = Artist.draw(names[s * artists + a], style, np.random.default_rng([seed, s, a]))
            for c in range(clips):
                random = np.random.default_rng([seed, s, a, c])
                sound = play(artist, random.uniform(*seconds), random)
                suffix = FORMATS[(a + c) % len(FORMATS)]
                path = f"{label}/{label}.{a * clips + c:03d}.{suffix}"
                _write(folder / path, sound)
                rows.append((path, label, artist.name))
                if progress:
                    progress(len(rows), total)
    faults = _plant(folder, rows, artists * clips)
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("path", "label", "group"), *rows])
    text = _README.format(clips=len(rows), classes=len(STYLES), artists=len(names), seed=seed)
    (folder / "README.txt").write_text(text, encoding="utf-8")
    # Last: while this file is not there, the folder is not whole.
    (folder / "faults.json").write_text(json.dumps({**facts, "faults": faults}, indent=1), encoding="utf-8")
    return folder / "clips.csv"


def _list(folder: Path, per_style: int) -> None:
    """Put down what will lie in the folder, before it does; by name alone, as sounds are written one by one."""
    every = [f"{s}/{s}.{i:03d}.{suffix}" for s in STYLES for i in range(per_style + 2) for suffix in FORMATS]
    names = dict.fromkeys([*every, "clips.csv", "README.txt", "faults.json"], "")
    text = manifest.text(folder, manifest.read(folder) or {}, names)
    with whole(folder / manifest.NAME) as file:
        file.write(text.encode())


def _plant(folder: Path, rows: list[tuple[str, str, str]], per_style: int) -> list[dict[str, str]]:
    """Add the faults to files and rows, and say what they are."""
    labels = sorted(STYLES)
    by_label = {label: [row for row in rows if row[1] == label] for label in labels}
    faults = []

    def added(label: str, suffix: str, group: str) -> str:
        path = f"{label}/{label}.{sum(row[1] == label for row in rows):03d}.{suffix}"
        rows.append((path, label, group))
        return path

    # A copy under another artist's name: what leaks from training to test when artists are kept apart.
    original, label, _ = by_label["blues"][1]
    path = added(label, Path(original).suffix[1:], by_label["blues"][-1][2])
    shutil.copyfile(folder / original, folder / path)
    faults.append({"fault": "exact duplicate", "path": path, "of": original})

    original, label, _ = by_label["techno"][0]
    path = added(label, "mp3", by_label["techno"][-1][2])
    sound, _ = soundfile.read(folder / original, dtype="float32")
    _write(folder / path, 0.7 * sound[RATE // 10 :])
    faults.append({"fault": "re-encoded duplicate", "path": path, "of": original})

    path = added("march", "wav", by_label["march"][0][2])
    (folder / path).write_bytes(b"RIFF\x00\x10\x00\x00WAVE" + bytes(range(256)) * 16)
    faults.append({"fault": "unreadable", "path": path})

    at = rows.index(by_label["waltz"][1])
    original, _, group = rows[at]
    path = f"chiptune/chiptune.{per_style:03d}{Path(original).suffix}"
    (folder / original).replace(folder / path)
    rows[at] = (path, "chiptune", group)
    faults.append({"fault": "wrong label", "path": path, "label": "chiptune", "truth": "waltz"})
    return faults


def _holds(folder: Path, facts: dict[str, object]) -> bool:
    """Whether the folder was made, and finished, with these arguments."""
    try:
        found = json.loads((folder / "faults.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return {k: found.get(k) for k in facts} == facts


def _names(count: int, seed: int) -> list[str]:
    """Names of artists, all different."""
    pairs = [f"{first} {last}" for first in _NAMES.split() for last in _SURNAMES.split()]
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [pairs[order[i % len(pairs)]] + (f" {i // len(pairs) + 1}" if i >= len(pairs) else "") for i in range(count)]


def _write(path: Path, sound: Floats) -> None:
    """Write samples in the format of the suffix; lossless ones in 16 bits."""
    subtype = "PCM_16" if path.suffix in (".wav", ".flac") else None
    soundfile.write(path, sound, RATE, format=path.suffix[1:].upper(), subtype=subtype)
