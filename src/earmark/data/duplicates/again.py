"""The same samples, or the same thing sounded again? A siren, a ringtone and a synthesiser repeat themselves to the note.

Two sounds whose spectrograms agree are compared once more, cell by cell, by the phase between them. In a copy each cell
keeps it, whatever was done to level, coding or rate: the noise floor too, which no machine plays twice. A pair is
sounded again where

- the noise floors are of like level and have nothing in common, in most octaves (a codec may fill some with noise of its
  own, and a tone may reach into others);
- or the loud cells have no common delay: the notes are the same, and their timing is not.

What gives no evidence, because there is no noise floor, or one is buried under the other, counts as a copy; and what
seems to be sounded again is told and kept together all the same: to keep apart what belongs together flatters every
figure, to keep together what need not be costs a little data.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...audio import load
from ...audio.fingerprint import RATE
from ...core import interrupts
from ...core.errors import AudioError
from ...core.storage import at_hand
from ..clips import Clip
from .find import Pair

Floats = NDArray[np.float32]
Cells = NDArray[Any]

SECONDS = 20.0  # of the overlap that are compared
WINDOW = 1024
_HOP = 512
_TAPER = np.kaiser(WINDOW, 10).astype(np.float32)  # side lobes under -75 dB: a tone must not fill the floor beside it
_PIECE = RATE // 2
_NEAR = 0.02  # seconds about the offset of the landmarks in which the delay is looked for
_OCTAVES = (4, 8, 16, 32, 64, 128, 256, 480)  # bins of 15.6 Hz
_BAND = 8  # bins whose phases are one: a filter turns them slowly
_LIKE = 12.0  # dB between two noise floors of like level
_QUANTISED = -84.0  # dBFS: what lies lower may be the rounding of samples to 16 bits, which is new in each file
_IN_COMMON = 0.02  # squared coherence of noise floors: 0 of two, .04 of one under another 12 dB louder
_STEADY = 0.35  # squared coherence of loud cells: copies .7 and above
_LEAST = 200  # cells that make evidence


def seem_sounded_again(clips: Sequence[Clip], found: Sequence[Pair]) -> tuple[Pair, ...]:
    """Of pairs that sound as one recording, those that seem to be two soundings of one thing."""
    heard = lru_cache(maxsize=64)(_samples)

    def again(pair: Pair) -> bool:
        if pair.kind != "recording":
            return False
        a, b = clips[pair.a], clips[pair.b]
        starts, seconds = (max(0.0, pair.offset), max(0.0, -pair.offset)), min(SECONDS, pair.overlap)
        if a.path == b.path and abs(a.start + starts[0] - b.start - starts[1]) < _NEAR:
            return False  # one piece of one file
        try:
            return sounded_again(
                *(heard(c.path, c.start + s, seconds) for c, s in zip((a, b), starts, strict=True)),
            )
        except AudioError:
            return False  # such as a silent stretch

    with interrupts.pool() as pool:
        return tuple(pair for pair, so in zip(found, pool.map(again, found), strict=True) if so)


def _samples(path: Path, start: float, seconds: float) -> Floats:
    return load(at_hand(path), RATE, start=start, duration=seconds)


def sounded_again(one: Floats, two: Floats) -> bool:
    """Whether two sounds at 16 kHz (n,), aligned to some milliseconds, are two soundings of one thing and no copies."""
    n = min(len(one), len(two))
    if n < 8 * WINDOW:
        return False
    lag = _delay(one[:n], two[:n])
    one, two = one[max(0, lag) : n], two[max(0, -lag) : n]
    n = min(len(one), len(two))
    one, two = one[:n], _in_step(one[:n], two[:n])
    x, y = _cells(one), _cells(two)
    turned = x * y.conj()
    turned /= np.maximum(np.abs(turned), 1e-20)
    a, b = _decibels(x), _decibels(y)
    return not _steady(turned, a, b) or _two_floors(turned, a, b)


def _delay(one: Floats, two: Floats) -> int:
    """Samples by which ``one`` is later: cross-correlation, in which loud frequencies count less than they might.

    Between the plain one, which a tone rules, and that of phases alone (Knapp & Carter 1976), which rounding may.
    """
    size = 1 << (2 * len(one) - 1).bit_length()
    cross = np.fft.rfft(one, size) * np.fft.rfft(two, size).conj()
    found = np.abs(np.fft.irfft(cross / np.sqrt(np.maximum(np.abs(cross), 1e-20)), size))
    reach = round(_NEAR * RATE)
    return int(np.argmax(np.concatenate([found[-reach:], found[: reach + 1]]))) - reach


def _in_step(one: Floats, two: Floats) -> Floats:
    """``two`` as fast as ``one``: the clocks of two recorders differ, and a tape's more; a player's hands do not on a line."""
    at = np.arange(0, len(one) - _PIECE + 1, _PIECE // 2)
    if len(at) < 4:
        return two
    delays = np.array([_delay(one[i : i + _PIECE], two[i : i + _PIECE]) for i in at])
    i, j = np.triu_indices(len(at), 1)
    slope = float(np.median((delays[j] - delays[i]) / (at[j] - at[i])))  # Theil and Sen
    start = float(np.median(delays - slope * at))
    off = np.abs(delays - slope * at - start)
    if not 1e-5 < abs(slope) < 3e-3 or np.median(off) > 4:
        return two
    place = np.arange(len(two))
    return np.interp(place - slope * place - start, place, two).astype(np.float32)


def _cells(samples: Floats) -> Cells:
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::_HOP]
    return np.asarray(np.fft.rfft(windows * _TAPER, axis=1)[:, : _OCTAVES[-1]] / np.sqrt((_TAPER**2).sum()))


def _decibels(cells: Cells) -> Cells:
    return np.asarray(20 * np.log10(np.maximum(np.abs(cells), 1e-10)))


def _floor(level: Cells) -> Cells:
    """Level (bins,) of the noise floor: that of the quietest fifth of a band's cells."""
    bands = np.arange(0, level.shape[1], 2 * _BAND)
    floor = [np.quantile(level[:, at : at + 2 * _BAND], 0.2) for at in bands]
    return np.repeat(floor, 2 * _BAND)[: level.shape[1]]


def _gain(a: Cells, b: Cells) -> float:
    """dB by which ``a`` is louder, where both are."""
    return float(np.median((a - b)[(a > a.max() - 30) & (b > b.max() - 30)], axis=None)) if a.size else 0.0


def _steady(turned: Cells, a: Cells, b: Cells) -> bool:
    """Whether the loud cells have one delay in common."""
    loud = (a > a.max() - 30) & (b > b.max() - 30)
    loud[:, : _OCTAVES[0]] = False
    frame, bin_ = np.nonzero(loud)
    if len(frame) < _LEAST:
        return True
    phase = turned[frame, bin_]
    delays = np.arange(-16, 17) / 16  # samples
    sums = np.exp(2j * np.pi * delays[:, None] * np.arange(turned.shape[1]) / WINDOW)
    by_bin = np.zeros(turned.shape[1], complex)
    np.add.at(by_bin, bin_, phase)
    return float(np.abs(sums @ by_bin).max() / len(frame)) ** 2 > _STEADY


def _two_floors(turned: Cells, a: Cells, b: Cells) -> bool:
    """Whether the noise floors are two: of like level, and nothing in common in most octaves."""
    floor_a, floor_b = _floor(a), _floor(b)
    quiet = (a < floor_a + 6) & (b < floor_b + 6)
    quiet &= (floor_a > _QUANTISED) & (floor_b > _QUANTISED) & (np.abs(floor_a - floor_b - _gain(a, b)) < _LIKE)
    own, common = 0, 0
    for low, high in zip(_OCTAVES[:-1], _OCTAVES[1:], strict=True):
        if np.count_nonzero(quiet[:, low:high]) < _LEAST:
            continue
        if _coherence(turned[:, low:high], quiet[:, low:high]) > _IN_COMMON:
            common += 1
        else:
            own += 1
    return own >= 3 and own > 2 * common


def _coherence(turned: Cells, chosen: Cells) -> float:
    """Squared coherence of the chosen cells, bands of some bins each with a phase of its own; about 0 by chance."""
    starts = np.arange(0, turned.shape[1], _BAND)
    sums = np.abs(np.add.reduceat(np.where(chosen, turned, 0).sum(axis=0), starts)) ** 2
    cells = np.add.reduceat(chosen.sum(axis=0), starts)
    return float((sums - cells).sum() / max(1, (cells * (cells - 1)).sum()))
