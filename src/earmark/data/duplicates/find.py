"""The same recording twice: found by landmarks through an inverted index, evaluated by the aligned spectrogram.

Clips that share hashes at one and the same offset are candidates: hash -> the clips that have it -> votes for
(clip, clip, offset). A hash that very many clips have tells nothing, so each entry meets only its next ``NEXT``
neighbours under the same hash: work grows with the number of hashes, not with the number of pairs. A candidate is
a duplicate if the two spectrograms agree where they overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...audio.fingerprint import BAND_FRAME, BAND_HOP, BAND_STEP, EMPTY, FRAME, Fingerprint
from .facts import Facts

Ints = NDArray[np.int64]

NEXT = 32  # neighbours under one hash that an entry meets
VOTES = 4  # shared hashes at one offset that make a candidate
AGREEMENT = 0.6  # true ones measured: 0.87 and above; others: 0.25 and below
SILENT = -80.0  # dBFS: clips without a higher peak
SHARD = 20_000_000  # hashes matched at a time


@dataclass(frozen=True)
class Pair:
    """Clips ``a`` < ``b`` (indices) hold the same: ``kind`` is "file" (same bytes), "samples" or "recording".

    ``b`` begins ``offset`` seconds after ``a`` (negative: before); both have ``overlap`` seconds in common, over
    which their spectrograms correlate by ``agreement``; ``b`` is louder by ``gain`` dB; ``votes`` landmarks agree.
    """

    a: int
    b: int
    kind: str
    offset: float = 0.0
    overlap: float = float("nan")
    agreement: float = 1.0
    gain: float = 0.0
    votes: int = 0


def pairs(facts: Sequence[Facts]) -> tuple[Pair, ...]:
    """All pairs of clips that hold the same recording; of n equal ones, each of the others with the first.

    Silent and unreadable clips are excluded: they are all alike.
    """
    heard = [i for i, f in enumerate(facts) if not f.error and f.peak > SILENT]
    files = _linked(heard, lambda i: facts[i].file_hash)
    whole = [i for i in heard if i not in files]
    samples = _linked(whole, lambda i: facts[i].samples_hash)
    rest = [i for i in whole if i not in samples]
    found = [Pair(a, b, "file", overlap=facts[b].seconds) for b, a in files.items()]
    found += [Pair(a, b, "samples", overlap=facts[b].seconds) for b, a in samples.items()]
    found += [replace(p, a=rest[p.a], b=rest[p.b]) for p in recordings([facts[i].fingerprint or EMPTY for i in rest])]
    return tuple(sorted(found, key=lambda p: (p.a, p.b)))


def recordings(prints: Sequence[Fingerprint]) -> list[Pair]:
    """Pairs of fingerprints of the same recording."""
    found = []
    for a, b, offset, votes in zip(*(x.tolist() for x in candidates(prints)), strict=True):
        agreement, overlap, gain = compare(prints[a], prints[b], offset)
        if agreement >= AGREEMENT:
            found.append(Pair(a, b, "recording", offset * FRAME, overlap, agreement, gain, votes))
    return found


def _linked(clips: Sequence[int], key: Callable[[int], str]) -> dict[int, int]:
    """Clips whose key an earlier one has -> that one."""
    first: dict[str, int] = {}
    return {i: seen for i in clips if (seen := first.setdefault(key(i), i)) != i}


def candidates(prints: Sequence[Fingerprint]) -> tuple[Ints, Ints, Ints, Ints]:
    """Clips a < b that share landmarks at one offset: (a, b, offset in frames of 8 ms, votes), best offset of each."""
    clips = len(prints)
    if not clips:
        return (np.zeros(0, np.int64),) * 4
    total = sum(len(p.hashes) for p in prints)
    shards = max(1, -(-total // SHARD))
    pair, offset = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    bounds = np.linspace(0, 2**32, shards + 1).astype(np.uint64)
    for low, high in zip(bounds[:-1], bounds[1:], strict=True):
        cuts = [np.searchsorted(p.hashes, (low, high)) for p in prints]
        hashes = np.concatenate([p.hashes[i:j] for p, (i, j) in zip(prints, cuts, strict=True)])
        times = np.concatenate([p.times[i:j] for p, (i, j) in zip(prints, cuts, strict=True)])
        clip = np.repeat(np.arange(clips, dtype=np.int32), [j - i for i, j in cuts])
        order = np.argsort(hashes, kind="stable")  # stable: under one hash the clips stay in order
        hashes, times, clip = hashes[order], times[order], clip[order]
        alive = np.arange(len(hashes))
        for lag in range(1, NEXT + 1):
            alive = alive[alive < len(hashes) - lag]
            alive = alive[hashes[alive] == hashes[alive + lag]]
            if not len(alive):
                break
            one = alive[clip[alive] != clip[alive + lag]]
            pair.append(clip[one].astype(np.int64) * clips + clip[one + lag])
            offset.append(times[one].astype(np.int64) - times[one + lag])
    return _voted(np.concatenate(pair), np.concatenate(offset), clips)


def _voted(pair: Ints, offset: Ints, clips: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Count the votes for each (pair, offset); an offset's neighbours one frame on count with it."""
    order = np.lexsort((offset, pair))
    pair, offset = pair[order], offset[order]
    first = np.flatnonzero(np.diff(pair, prepend=-1) | (np.diff(offset, prepend=np.iinfo(np.int64).min // 2) != 0))
    votes = np.diff(first, append=len(pair))
    pair, offset = pair[first], offset[first]
    joined = votes.copy()
    for step in (1, -1):
        beside = (np.roll(pair, step) == pair) & (np.roll(offset, step) == offset - step)
        joined[beside] += np.roll(votes, step)[beside]
    enough = joined >= VOTES
    pair, offset, joined, votes = pair[enough], offset[enough], joined[enough], votes[enough]
    best = np.lexsort((-votes, -joined, pair))
    pair, offset, joined = pair[best], offset[best], joined[best]
    once = np.diff(pair, prepend=-1) != 0
    pair, offset, joined = pair[once], offset[once], joined[once]
    return pair // clips, pair % clips, offset, joined


def compare(a: Fingerprint, b: Fingerprint, offset: int) -> tuple[float, float, float]:
    """(agreement, overlap in seconds, gain in dB) of two sounds, ``b`` beginning ``offset`` frames into ``a``."""
    best = (-1.0, 0.0, 0.0)
    for near in (offset - 1, offset, offset + 1):
        whole, part = divmod(near, BAND_HOP)
        start, stop = max(0, -whole), min(len(b.bands), len(a.bands) - whole - (part > 0))
        if stop - start < 8:
            continue
        two = b.bands[start:stop].astype(np.float32)
        one = a.bands[start + whole : stop + whole].astype(np.float32)
        if part:
            following = a.bands[start + whole + 1 : stop + whole + 1]
            one += (following - one) * np.float32(part / BAND_HOP)
        best = max(best, (_agreement(one, two), (stop - start) * BAND_FRAME, _gain(one, two)))
    return best


def _agreement(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Correlation of what is left of two spectrograms (frames, bands) less the means of frames and bands.

    Without the means: the timbre of a genre (bands) and its beat (frames) are alike in other recordings, too.
    """
    one, two = _detail(one), _detail(two)
    size = float(np.sqrt((one * one).sum() * (two * two).sum()))
    return float((one * two).sum()) / size if size > 1e-6 else 0.0


def _detail(bands: NDArray[np.float32]) -> NDArray[np.float32]:
    bands = np.maximum(bands, bands.max() - 60 / BAND_STEP)
    detail: NDArray[np.float32] = bands - bands.mean(axis=0) - bands.mean(axis=1, keepdims=True) + bands.mean()
    return detail


def _gain(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    loud = one >= np.quantile(one, 0.5)
    return float(np.median((two - one)[loud])) * BAND_STEP
