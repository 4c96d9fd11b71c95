"""What is enough of a clip to know a copy of it again, and says little else: a hash of its samples and a few landmarks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...audio.fingerprint import EMPTY, Fingerprint
from . import find
from .facts import Facts

LANDMARKS = 256  # kept of a clip; the smallest hashes, which a copy of it keeps, too
MOST = 2**21  # kept of all clips together: then fewer of each
SHARE = 0.03  # of a clip's landmarks that a copy shares at one offset: mp3, Ogg and half a clip share .06 to .97,
# other clips of 890 at most 5 of 256


@dataclass(frozen=True)
class Trace:
    """``samples``: hash of the decoded samples. ``hashes`` (n,) uint32 and ``times`` (n,) int32: landmarks, as a
    fingerprint has them.
    """

    samples: str
    hashes: NDArray[np.uint32]
    times: NDArray[np.int32]

    @classmethod
    def of(cls, facts: Facts, landmarks: int | None = LANDMARKS) -> Trace | None:
        """The trace of a clip; None of a silent or unreadable one: these are all alike. ``landmarks``: None for all."""
        if facts.error or not facts.peak > find.SILENT:
            return None
        heard = facts.fingerprint or EMPTY
        return cls(facts.samples_hash, heard.hashes[:landmarks].copy(), heard.times[:landmarks].copy())

    @classmethod
    def parsed(cls, text: str) -> Trace:
        """The reverse of ``str``. Raises ValueError."""
        samples, _, landmarks = text.partition(" ")
        try:
            content = base64.b64decode(landmarks, validate=True)
        except binascii.Error as error:
            raise ValueError(f"landmarks that are no base64 ({error})") from error
        if len(content) % 8:
            raise ValueError(f"{len(content)} bytes of landmarks, which come in eights")
        half = len(content) // 2
        hashes = np.frombuffer(content[:half], "<u4").astype(np.uint32)
        if np.any(hashes[1:] < hashes[:-1]):
            raise ValueError("landmarks out of order")
        return cls(samples, hashes, np.frombuffer(content[half:], "<i4").astype(np.int32))

    def __str__(self) -> str:
        content = self.hashes.astype("<u4").tobytes() + self.times.astype("<i4").tobytes()
        return f"{self.samples} {base64.b64encode(content).decode()}"


def thinned(traces: Sequence[Trace | None]) -> list[Trace]:
    """Those that are there, together not larger than ``MOST`` landmarks."""
    there = [t for t in traces if t is not None]
    each = min(LANDMARKS, max(8, MOST // max(1, len(there))))
    return [Trace(t.samples, t.hashes[:each], t.times[:each]) for t in there]


def copies(known: Sequence[Trace], met: Sequence[Trace | None]) -> NDArray[np.bool_]:
    """Of each of ``met``, whether it holds the recording of one of ``known``: as it is, re-encoded, cut or louder."""
    samples = {t.samples for t in known}
    found = np.array([t is not None and t.samples in samples for t in met], bool)
    prints = [_print(t) for t in (*known, *(t for t in met if t is not None))]
    place = [i for i, t in enumerate(met) if t is not None]
    for a, b, _, votes in zip(*(x.tolist() for x in find.candidates(prints)), strict=True):
        if a < len(known) <= b and votes >= max(find.VOTES, SHARE * len(known[a].hashes)):
            found[place[b - len(known)]] = True
    return found


def _print(trace: Trace) -> Fingerprint:
    return Fingerprint(trace.hashes, trace.times, EMPTY.bands)
