"""Augmented copies of the training side: a recipe that ends in ``~pitch(semitones=2)~noise(snr=20)`` learns from each
clip as it is, from a copy with its pitch shifted, and from a noisy one.

One name is one copy; a name twice is two copies that differ. How far each clip is changed is drawn by its content, the
copy's number and the seed, so a clip has the same copies wherever it stands, and they are cached like all embeddings. Copies
of a clip lie in its group and are only ever learnt from, never evaluated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..audio.transforms import EFFECTS, REVISION, Change, check
from ..core.spec import Part

Random = np.random.Generator
Drawn = tuple[str, dict[str, Any]]  # an effect and its parameters


def pitch(random: Random, *, semitones: float = 2.0) -> Drawn:
    """Up to ``semitones`` higher or lower."""
    return "pitch", {"semitones": random.uniform(-semitones, semitones)}


def stretch(random: Random, *, by: float = 0.1) -> Drawn:
    """Up to the part ``by`` faster, or as much slower."""
    return "tempo", {"factor": float((1 + by) ** random.uniform(-1, 1))}


def gain(random: Random, *, db: float = 6.0) -> Drawn:
    """Up to ``db`` louder or softer."""
    return "gain", {"db": random.uniform(-db, db)}


def noise(random: Random, *, snr: float = 20.0) -> Drawn:
    """White noise at ``snr`` dB, or up to 20 dB weaker."""
    return "noise", {"snr": random.uniform(snr, snr + 20)}


def lowpass(random: Random, *, hz: float = 2000.0) -> Drawn:
    """Nothing above ``hz``, or up to two octaves more."""
    return "lowpass", {"hz": float(hz * 4 ** random.uniform(0, 1))}


def bandpass(random: Random, *, low: float = 300.0, high: float = 3400.0) -> Drawn:
    """Only between ``low`` and ``high`` Hz, or up to an octave wider on each side."""
    return "bandpass", {"low": float(low / 2 ** random.uniform(0, 1)), "high": float(high * 2 ** random.uniform(0, 1))}


def codec(random: Random, *, kbps: float = 16.0) -> Drawn:
    """MP3 or Opus, at ``kbps`` or up to four times as much."""
    return ("mp3", "opus")[int(random.integers(2))], {"kbps": float(kbps * 4 ** random.uniform(0, 1))}


AUGMENTATIONS: dict[str, Callable[..., Drawn]] = {
    f.__name__: f for f in (pitch, stretch, gain, noise, lowpass, bandpass, codec)
}


def checked(parts: Sequence[Part]) -> None:
    """Raise RecipeError for an augmentation that does not exist, or a parameter that it does not take."""
    for part in parts:
        check(part, AUGMENTATIONS, "augmentation")


def numbered(parts: Sequence[Part]) -> list[tuple[Part, int]]:
    """Every copy that the augmentations of a recipe ask for: (augmentation, 0, 1, … for one that is named again)."""
    seen: Counter[Part] = Counter()
    found = []
    for part in parts:
        found.append((part, seen[part]))
        seen[part] += 1
    return found


def change(part: Part, number: int, seed: int) -> Change:
    """The change that makes copy ``number`` of a clip."""
    check(part, AUGMENTATIONS, "augmentation")

    def apply(samples: Any, rate: int, random: Random) -> Any:
        effect, params = AUGMENTATIONS[part.name](random, **part.kwargs)
        return EFFECTS[effect](samples, rate, random, **params)

    return Change(f"copy {REVISION} {part} {number} {seed}", apply)
