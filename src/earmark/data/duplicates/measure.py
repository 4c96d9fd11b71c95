"""What is measured on every clip, in one pass through its samples at the file's own rate and channels.

The facts serve three audits: files (what is broken), duplicates (hashes and the fingerprint) and confounds (what
is not sound content).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import soxr
from numpy.typing import NDArray

from ...audio import check_scale
from ...audio.decoders import frame_at, opened
from ...audio.decoding import Decoder
from ...audio.fingerprint import RATE, fingerprint
from ...audio.silence import SILENCE, Level
from ...core import interrupts
from ...core.errors import AudioError
from ...core.progress import bar
from ...core.storage import at_hand
from ..cache import Cache, content_key
from ..clips import Clip
from .facts import Facts, keep, kept

Floats = NDArray[np.float32]

FRAME = 2048  # samples at the file's rate, for levels and spectra
FULL_SCALE = 0.999
MIN_CLIFF = 15.0  # dB that the spectrum falls at its edge, if it was cut there
_LOW = 1e-12  # power below which there is nothing: -120 dBFS
_TAPER = np.kaiser(FRAME, 14).astype(np.float32)  # side lobes under -100 dB: they must not fill a silent treble


def measure_all(clips: Sequence[Clip], *, cache: Cache | None = None, workers: int | None = None) -> tuple[Facts, ...]:
    """Facts on all clips, in order; known ones from the cache. ``workers`` files at once (default: one per core)."""
    # What is known is read here: to hand that over to a thread takes longer than to do it.
    found = [kept(cache, key) if cache and (key := cache.known_key(clip)) else None for clip in clips]
    unknown = [i for i, facts in enumerate(found) if facts is None]
    if unknown:
        with (
            interrupts.pool(workers) as pool,
            bar("listen to the files", len(unknown)) as step,
        ):
            for i, facts in zip(unknown, pool.map(lambda i: measure(clips[i], cache=cache), unknown), strict=True):
                found[i] = facts
                step()
    return tuple(facts for facts in found if facts is not None)


def measure(clip: Clip, *, cache: Cache | None = None) -> Facts:
    """Facts on one clip. Never raises for a bad file: the reason stands in ``error``."""
    facts = Facts()
    try:
        facts = replace(facts, bytes=at_hand(clip.path).stat().st_size, file_hash=content_key(clip, cache))
        known = kept(cache, facts.file_hash)
        if known is None:
            with opened(at_hand(clip.path)) as decoder:
                known = _measured(facts, clip, decoder)
            keep(cache, known)
    except AudioError as error:
        return replace(facts, error=error.reason)
    except (OSError, ValueError, ArithmeticError, MemoryError) as error:
        return replace(facts, error=f"unreadable: {error}")
    return known


def _measured(facts: Facts, clip: Clip, decoder: Decoder) -> Facts:
    probe, rate = decoder.probe, decoder.probe.sample_rate
    start = frame_at(clip.start, rate)
    stop = None if clip.duration is None else frame_at(clip.start + clip.duration, rate)
    seen = _Seen(probe.channels)
    chunks = _on_scale(decoder.chunks(start, stop), clip)
    print_ = fingerprint(_at_rate(map(seen.add, chunks), rate))
    known = replace(
        facts,
        format=probe.format,
        codec=probe.subtype,
        sample_rate=rate,
        channels=probe.channels,
        seconds=seen.count / rate,
        promised=_promised(probe.seconds, clip),
    )
    if not seen.count:
        return replace(known, error="empty: no samples")
    if not seen.finite:
        return replace(known, error="unreadable: NaN or infinite samples")
    if seen.level.still and seen.level.peak >= SILENCE:
        return replace(known, error=f"silent: a constant of {seen.level.mean:.3g} x full scale, and nothing else in it")
    return replace(seen.facts(known), fingerprint=print_)


def _on_scale(chunks: Iterator[Floats], clip: Clip) -> Iterator[Floats]:
    """The same chunks. Raises AudioError for numbers that are not on the scale of sound, as loading does."""
    for chunk in chunks:
        high, low = float(chunk.max()), float(chunk.min())
        if np.isfinite(high) and np.isfinite(low):
            check_scale(str(clip.path), chunk, high, low, clip.start)
        yield chunk


def _promised(seconds: float | None, clip: Clip) -> float:
    whole = float("nan") if seconds is None else max(0.0, seconds - clip.start)
    if clip.duration is None:
        return whole
    return clip.duration  # that the table promises it is enough


def _at_rate(chunks: Iterator[Floats], rate: int) -> Iterator[Floats]:
    """Mono chunks resampled for the fingerprint, in blocks of about ten seconds."""
    resample = partial(soxr.ResampleStream, rate, RATE, 1, dtype="float32", quality="HQ")
    stream = None if rate == RATE else resample()
    held: list[Floats] = []
    for chunk in chunks:
        held.append(chunk if stream is None else stream.resample_chunk(chunk))
        if sum(map(len, held)) > 10 * RATE:
            yield np.concatenate(held)
            held = []
    if stream is not None:
        held.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    if held:
        yield np.concatenate(held)


class _Seen:
    """Sums over the chunks of one clip."""

    def __init__(self, channels: int) -> None:
        self.count, self.flat, self.finite = 0, 0, True
        self.hash = hashlib.sha256()
        self.total, self.high = np.zeros(channels), np.zeros(channels)
        self.rest = np.zeros(0, np.float32)
        self.power: list[NDArray[np.float32]] = []  # of each frame
        self.treble: list[NDArray[np.float32]] = []
        self.spectrum = np.zeros(FRAME // 2 + 1)
        self.frames = 0
        self.level = Level()

    def add(self, chunk: Floats) -> Floats:
        """Take in a chunk (channels, n); gives it back as mono."""
        interrupts.check()
        if not np.isfinite(chunk).all():
            self.finite = False
            chunk = np.nan_to_num(chunk, nan=0.0, posinf=0.0, neginf=0.0)
        self.hash.update(np.ascontiguousarray(chunk.T).tobytes())
        self.count += chunk.shape[1]
        self.total += chunk.sum(axis=1, dtype=np.float64)
        magnitude = np.abs(chunk)
        high = magnitude.max(axis=1)
        self.high = np.maximum(self.high, high)
        self.flat += _flat_tops(chunk, magnitude, float(high.max()))
        mono: Floats = chunk.mean(axis=0) if len(chunk) > 1 else chunk[0]
        self.level.add(mono)
        joined = np.concatenate([self.rest, mono])
        whole = len(joined) - len(joined) % FRAME
        self._spectra(joined[:whole].reshape(-1, FRAME))
        self.rest = joined[whole:]
        return mono

    def _spectra(self, frames: Floats) -> None:
        if not len(frames):
            return
        self.power.append((frames * frames).mean(axis=1))
        spectrum = np.fft.rfft(frames * _TAPER, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) / (FRAME * float((_TAPER**2).sum()) / 2)
        self.spectrum += power.sum(axis=0)
        self.treble.append(power[:, FRAME // 2 * 3 // 4 : FRAME // 2 * 31 // 32].sum(axis=1))
        self.frames += len(frames)

    def facts(self, known: Facts) -> Facts:
        if len(self.rest) and not self.frames:  # shorter than a frame
            self._spectra(np.pad(self.rest, (0, FRAME - len(self.rest)))[None])
        power, treble = np.concatenate(self.power), np.concatenate(self.treble)
        bandwidth, cliff = edge(self.spectrum / self.frames, known.sample_rate)
        peak = float(self.high.max())
        channels = len(self.high)
        return replace(
            known,
            samples_hash=self.hash.hexdigest() + f"/{known.sample_rate}/{channels}",
            peak=_db(peak * peak),
            loudness=_db(float(power.mean())),
            noise_floor=_db(float(np.quantile(power, 0.05))),
            dc=float(np.abs(self.total / self.count).max()),
            clipped=self.flat / (self.count * channels),
            silence=float((power < 1e-8).mean()),
            bandwidth=bandwidth,
            cliff=cliff,
            treble_floor=_db(float(np.quantile(treble, 0.1))),
            dead=tuple(int(i) for i in np.flatnonzero(self.high < 1e-4)) if peak >= 1e-4 else (),
        )


def _flat_tops(chunk: Floats, magnitude: Floats, peak: float) -> int:
    """Samples in runs of three or more that do not move, at full scale or near the chunk's own peak.

    The second finds what was clipped first and made quieter later.
    """
    if peak < 0.05:
        return 0
    still = chunk[:, 1:] == chunk[:, :-1]
    top = (magnitude >= 0.98 * peak) & (magnitude >= 0.05)
    step = (still & top[:, 1:]) | ((magnitude[:, 1:] >= FULL_SCALE) & (magnitude[:, :-1] >= FULL_SCALE))
    run = step[:, 1:] & step[:, :-1]  # three in a row
    inside = np.zeros(magnitude.shape, bool)
    for i in range(3):
        inside[:, i : i + run.shape[1]] |= run
    return int(inside.sum())


def edge(power: NDArray[np.float64], rate: int) -> tuple[float, float]:
    """(frequency up to which there is sound, dB by which the spectrum falls there) of a mean power spectrum.

    Natural spectra slope; what was resampled or encoded ends in a step to a flat and nearly empty top. The step
    is looked for where the middle level of the 3 % before it (a lone tone is no edge) lies highest above the *loudest*
    place after it. No step of 15 dB: the bandwidth is half the sample rate.
    """
    level = 10 * np.log10(np.maximum(power, _LOW))
    bins, nyquist = len(level), rate / 2
    width = max(4, bins * 3 // 100)
    smooth = np.convolve(level, np.ones(width) / width, mode="valid")  # [i, i + width)
    filled = np.median(np.lib.stride_tricks.sliding_window_view(level, width), axis=1)
    after = np.maximum.accumulate(smooth[::-1])[::-1]
    gap = max(2, width // 3)  # the filter's slope
    reach = len(smooth) - width - gap
    if reach < width:
        return nyquist, 0.0
    fall = filled[:reach] - after[width + gap : width + gap + reach]
    fall[: bins // 20] = -np.inf
    at = int(np.argmax(fall))
    if fall[at] < MIN_CLIFF:
        return nyquist, 0.0
    return (at + width) * nyquist / (bins - 1), float(fall[at])


def _db(power: float) -> float:
    return float(10 * np.log10(max(power, _LOW)))
