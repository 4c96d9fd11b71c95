"""Silence: whether there is something to hear, and where a sound begins and ends, in one pass and bounded memory.

There is nothing to hear where the samples keep within 80 dB below full scale around a constant: a constant is no sound.

The rule for the ends is librosa's ``effects.trim``: energy in centred frames of 2048 samples every 512; what lies more than
``top_db`` decibels below the loudest frame is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HOP = 512
FRAME = 2048
SILENCE = 1e-4  # peak: -80 dBFS
_STEP = 256  # samples whose range is looked at together
_FLOOR = 1e-10  # power below which librosa tells no difference


class Level:
    """How loud a sound is that comes in blocks, with its constant part and without; its first and last ``edge`` samples
    do not count where ``still`` is asked for.
    """

    def __init__(self, edge: int = 0) -> None:
        self.edge, self.held = edge, np.zeros(0, np.float32)
        self.skip = edge
        self.high, self.low = -np.inf, np.inf  # within the edges
        self.peak, self.count, self.total, self.squares = 0.0, 0, 0.0, 0.0

    def add(self, samples: Floats) -> None:
        """The next samples (n,)."""
        if not len(samples):
            return
        high, low = float(samples.max()), float(samples.min())
        self.peak = max(self.peak, high, -low)
        self.count += len(samples)
        self.total += float(samples.sum())
        self.squares += float(np.dot(samples, samples))
        if not self.edge:
            self._widen(high, low)
            return
        samples, self.skip = samples[self.skip :], max(0, self.skip - len(samples))
        if len(samples) <= self.edge:
            samples, self.held = np.concatenate([self.held, samples]), self.held[:0]
        keep = max(0, len(samples) - self.edge)
        for inner in (self.held, samples[:keep]):
            if len(inner):
                self._widen(float(inner.max()), float(inner.min()))
        self.held = samples[keep:].copy()

    def _widen(self, high: float, low: float) -> None:
        self.high, self.low = max(self.high, high), min(self.low, low)

    @property
    def mean(self) -> float:
        """The constant part."""
        return self.total / max(1, self.count)

    @property
    def energy(self) -> float:
        """Sum of the squares, without the constant part."""
        return max(0.0, self.squares - self.count * self.mean**2)

    @property
    def still(self) -> bool:
        """Whether nothing can be heard between the edges."""
        return self.high - self.low < 2 * SILENCE


def audible(samples: Floats, window: int, hop: int) -> NDArray[np.bool_]:
    """Of each whole window of ``window`` samples every ``hop`` (one at least), whether there is something to hear in it."""
    count = 1 + max(0, len(samples) - window) // hop
    found = np.ones(count, bool)
    whole = samples[: len(samples) - len(samples) % _STEP].reshape(-1, _STEP)
    # A window in which nothing is heard has stretches that are still, if it is no shorter than two of them.
    if window >= 2 * _STEP and (not len(whole) or (np.ptp(whole, axis=1) >= 2 * SILENCE).all()):
        return found
    for i in range(count):
        found[i] = np.ptp(samples[i * hop : i * hop + window]) >= 2 * SILENCE
    return found


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
