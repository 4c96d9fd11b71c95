"""Facts on a clip, and where they are kept: beside the rows, by content, so that a second audit need not listen again."""

from __future__ import annotations

import hashlib
import json
import zlib
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from ...audio.fingerprint import BANDS, Fingerprint
from ...core.atomic import whole
from ..cache import Cache

VERSION = 3  # of the facts; raise it when one of them is measured in another way


MISSING = 0.05  # seconds less than the header promises; compressed formats only estimate: 5 %
_EXACT = {"WAV", "WAVEX", "FLAC", "AIFF", "W64", "RF64", "CAF", "AU"}


@dataclass(frozen=True)
class Facts:
    """Levels in dBFS (full-scale square wave = 0), times in seconds, frequencies in Hz.

    ``error`` is why the clip could not be read; then all that could not be measured is NaN or empty.
    """

    error: str = ""
    format: str = ""  # container
    codec: str = ""
    sample_rate: int = 0
    channels: int = 0
    bytes: int = 0
    file_hash: str = ""  # of the file's bytes (with start and duration if the clip is a part of it)
    samples_hash: str = ""  # of the decoded samples
    seconds: float = float("nan")
    promised: float = float("nan")  # seconds the header speaks of
    peak: float = float("nan")
    loudness: float = float("nan")  # RMS
    noise_floor: float = float("nan")  # level of the quietest twentieth of the frames
    dc: float = float("nan")  # mean, as a share of full scale
    clipped: float = float("nan")  # share of the samples that lie in flat tops
    silence: float = float("nan")  # share of the frames below -80 dBFS
    bandwidth: float = float("nan")  # Hz up to which there is sound
    cliff: float = float("nan")  # dB by which the spectrum falls there; 0: no edge
    treble_floor: float = float("nan")  # level of the quiet frames in the top quarter of the spectrum
    dead: tuple[int, ...] = ()  # channels without sound beside channels with sound
    fingerprint: Fingerprint | None = field(default=None, repr=False, compare=False)

    @property
    def truncated(self) -> bool:
        """Whether clearly less was decoded than the header promises."""
        allowed = MISSING if self.format in _EXACT else max(MISSING, 0.05 * self.promised)
        return not self.error and self.promised - self.seconds > allowed

    @property
    def truncation(self) -> str:
        """How much was decoded of what was promised."""
        return f"{self.seconds:.2f} s decoded of {self.promised:.2f} s promised"


def kept(cache: Cache | None, key: str) -> Facts | None:
    """What is known of a clip by its content. A damaged file counts as not known."""
    if cache is None:
        return None
    try:
        check, body = _file(cache, key).read_bytes().split(b"\n", 1)
        if int(check, 16) != zlib.crc32(body):
            return None
        line, arrays = body.split(b"\n", 1)
        values = json.loads(line)
        n = values.pop("hashes")
        print_ = Fingerprint(
            np.frombuffer(arrays, "<u4", n),
            np.frombuffer(arrays, "<i4", n, offset=4 * n),
            np.frombuffer(arrays, "u1", offset=8 * n).reshape(-1, BANDS),
        )
        return Facts(**values | {"dead": tuple(values["dead"])}, fingerprint=print_)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(cache: Cache | None, facts: Facts) -> None:
    """Keep facts. Failing to (disk full, read-only) costs time later, not the run."""
    if cache is None or facts.fingerprint is None:
        return
    # A check sum, a line of JSON, the arrays: comparing the clips of a known corpus is mostly reading these files, and
    # a .npz takes six times as long.
    print_ = facts.fingerprint
    values = {f.name: getattr(facts, f.name) for f in fields(facts) if f.name != "fingerprint"}
    arrays = (print_.hashes.astype("<u4"), print_.times.astype("<i4"), print_.bands.astype("u1"))
    body = b"".join((json.dumps(values | {"hashes": len(arrays[0])}).encode(), b"\n", *(a.tobytes() for a in arrays)))
    with suppress(OSError), whole(_file(cache, facts.file_hash)) as out:
        out.write(f"{zlib.crc32(body):08x}\n".encode() + body)


def _file(cache: Cache, key: str) -> Path:
    name = hashlib.sha256(f"{VERSION} {key}".encode()).hexdigest()
    return cache.folder.parent / "facts" / name[:2] / f"{name[2:]}.facts"
