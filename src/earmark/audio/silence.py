"""Silence at both ends of a sound: where the sound begins and ends, in one pass and bounded memory.

The rule is librosa's ``effects.trim``: energy in centred frames of 2048 samples every 512; what lies more than
``top_db`` decibels below the loudest frame is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HOP = 512
FRAME = 2048
_FLOOR = 1e-10  # power below which librosa tells no difference


def edges(blocks: Iterable[Floats], top_db: float) -> tuple[int, int]:
    """First sample of the sound, and the one after its last; ``(0, 0)`` for no samples.

    ``blocks`` joined are the sound. Raises ValueError unless ``top_db`` is above zero.
    """
    if not top_db > 0:
        raise ValueError(f"top_db is {top_db}; wanted decibels above 0")
    found: list[NDArray[np.float64]] = []
    held = np.zeros(0, np.float32)
    length = 0
    for block in blocks:
        length += len(block)
        held = np.concatenate([held, block])
        whole = len(held) - len(held) % HOP
        found.append(_energy(held[:whole]))
        held = held[whole:]
    if not length:
        return 0, 0
    found.append(_energy(np.pad(held, (0, -len(held) % HOP))))
    # Frame i is centred on sample i * HOP: two stretches of HOP before it and two after, zeros beyond the ends.
    stretches = np.concatenate([np.zeros(2), *found, np.zeros(2)])
    power = sum(stretches[i : i + 1 + length // HOP] for i in range(FRAME // HOP)) / FRAME
    loud = np.maximum(power, _FLOOR)
    sounding = np.flatnonzero(10 * np.log10(loud / loud.max()) > -top_db)
    return int(sounding[0]) * HOP, min(length, (int(sounding[-1]) + 1) * HOP)


def trim(samples: Floats, top_db: float) -> Floats:
    """Samples (n,) without the silence at both ends."""
    start, stop = edges([samples], top_db)
    return samples[start:stop]


def trimmed(blocks: Iterable[Floats], start: int, stop: int) -> Iterator[Floats]:
    """Samples ``start`` to ``stop`` of a sound that comes in blocks; blocks with nothing in them are left out."""
    at = 0
    for block in blocks:
        part = block[max(0, start - at) : max(0, stop - at)]
        at += len(block)
        if len(part):
            yield part


def _energy(samples: Floats) -> NDArray[np.float64]:
    energy: NDArray[np.float64] = np.square(samples, dtype=np.float64).reshape(-1, HOP).sum(axis=1)
    return energy
