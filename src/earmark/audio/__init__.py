"""Sound in: any file, any length -> mono float32 samples at the rate that is wanted.

A part of a file is cut out at the file's own rate and then resampled as though nothing stood around it: no
sample of a neighbouring clip can leak in. Channels are averaged.

Everything streams: a ten-hour file needs no more memory than a short one. The resampler's state is carried
from block to block, so that the blocks joined are bit for bit the whole.

The resampler is soxr at its quality "HQ" (20 bits), librosa's default too. Measured on 30 s, 44.1 -> 16 kHz:
5 ms, "VHQ" 10 ms ("MQ" is not faster than "HQ").

Files are read to their end, whatever their headers say: see ``sizes``, ``chain`` and ``flac``. Damaged files: what
decodes is used. ``probe`` tells what the header promises; a file that gives clearly less than that was cut off or damaged
(compare ``probe(f).seconds`` with what was decoded). Ogg promises nothing in its header: there, a cut cannot be seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import soxr

from ..core import interrupts
from ..core.errors import AudioError
from .decoders import Source, frame_at, name_of, opened
from .decoding import Floats, Probe
from .silence import SILENCE, Level

__all__ = ["MIN_SECONDS", "SUFFIXES", "Probe", "Source", "blocks", "check_scale", "load", "name_of", "probe"]

SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".au", ".snd"),
        *(".aiff", ".aif", ".aifc", ".caf", ".voc", ".sph", ".mp3", ".mp2", ".m4a", ".m4b", ".mp4", ".mov"),
        *(".3gp", ".aac", ".ac3", ".eac3", ".wma", ".asf", ".webm", ".mka", ".mkv", ".ape", ".wv", ".tta"),
        *(".amr", ".dsf"),
    }
)  # what a folder is searched for; any other file can still be named

MIN_SECONDS = 0.1  # less is no sound one could classify
EDGE = 0.02  # seconds at both ends where a resampler rings
LEFT = 1e-3  # share of a sound's energy: if less is left, and that at the edges only, nothing of it is heard
WHOLE = 2.0  # times full scale: more, and all whole numbers, are integers written as floats …
FLOATS = 100.0  # … as is all that is louder than that by 40 dB
LOUDEST = 1e6  # times full scale: more is not sound, and its power would overflow


def probe(source: Source) -> Probe:
    """Read a sound's header only. Raises AudioError ("unreadable: …") if it is not a sound."""
    with opened(source) as decoder:
        return decoder.probe


def load(source: Source, sample_rate: int, *, start: float = 0.0, duration: float | None = None) -> Floats:
    """Samples (n,) float32 of a sound, mono at ``sample_rate`` Hz: all, or ``duration`` s from ``start`` on.

    ``source`` is a path, ``(samples, rate)`` (see ``memory``), the bytes of a file, or an open binary file that can seek
    (read from its beginning).
    A sound that ends before ``start + duration`` gives what there is. Raises AudioError with a reason that
    begins "unreadable", "empty", "silent" (nothing above -80 dBFS but a constant, or nothing left at ``sample_rate``) or
    "too short" (under 0.1 s).
    """
    return np.concatenate(list(_samples(source, sample_rate, start, duration)))


def blocks(
    source: Source,
    sample_rate: int,
    *,
    start: float = 0.0,
    duration: float | None = None,
    seconds: float = 30.0,
) -> Iterator[Floats]:
    """The samples of ``load`` in blocks of ``seconds`` (the last may be shorter), in bounded memory.

    Raises what ``load`` raises, when it is known: of a long silent file, at its end.
    """
    size = max(1, round(seconds * sample_rate))
    held: list[Floats] = []
    count = 0
    for piece in _samples(source, sample_rate, start, duration):
        held.append(piece)
        count += len(piece)
        if count >= size:
            joined = np.concatenate(held)
            whole = count - count % size
            yield from (joined[i : i + size] for i in range(0, whole, size))
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)


def _samples(source: Source, sample_rate: int, start: float, duration: float | None) -> Iterator[Floats]:
    """Mono samples at ``sample_rate`` in pieces of any size."""
    name = name_of(source)
    if not (math.isfinite(start) and start >= 0):
        raise AudioError(name, f"unreadable: start is {start} s (wanted 0 or more)")
    if duration is not None and not (math.isfinite(duration) and duration > 0):
        raise AudioError(name, f"empty: duration is {duration} s (wanted more than 0)")
    with opened(source) as decoder:
        rate = decoder.probe.sample_rate
        resampler = None
        if rate != sample_rate:
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        frames, loudest = 0, 0.0
        before, after = Level(), Level(edge=round(EDGE * sample_rate))
        stop = None if duration is None else frame_at(start + duration, rate)
        for chunk in decoder.chunks(frame_at(start, rate), stop):
            interrupts.check()
            high, low = float(chunk.max()), float(chunk.min())
            check_scale(name, chunk, high, low, start + frames / rate)
            mono, loudest = chunk[0], max(loudest, high, -low)
            if len(chunk) > 1:
                mono = chunk.mean(axis=0)
            before.add(mono)
            frames += len(mono)
            made = mono if resampler is None else resampler.resample_chunk(mono)
            if resampler is not None:
                after.add(made)
            yield made
        if resampler is not None:
            made = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            after.add(made)
            yield made
        if not frames:
            ends = decoder.probe.seconds
            where = f" from {start:g} s on" + (f", it ends at {ends:.2f} s" if ends else "") if start else ""
            raise AudioError(name, f"empty: no samples{where}")
        if frames / rate < MIN_SECONDS:
            raise AudioError(name, f"too short: {frames / rate:.3f} s (wanted at least {MIN_SECONDS} s)")
        if before.peak < SILENCE <= loudest and decoder.probe.channels > 1:
            channels = decoder.probe.channels
            raise AudioError(name, f"silent: its {channels} channels cancel each other out when averaged")
        if before.peak < SILENCE:
            level = f"{20 * math.log10(before.peak):.0f} dBFS" if before.peak else "zero"
            raise AudioError(name, f"silent: the peak is {level} (wanted above -80 dBFS)")
        if before.still:
            raise AudioError(name, f"silent: a constant of {before.mean:.3g} x full scale, and nothing else in it")
        if resampler is not None and after.still and after.energy / sample_rate < LEFT * before.energy / rate:
            band = f"{sample_rate / 2000:g} kHz"
            raise AudioError(name, f"silent: nothing is left of it below {band}, which is as far as it is heard here")


def check_scale(name: str, chunk: Floats, high: float, low: float, seconds: float) -> None:
    """Raise AudioError for what is no number, or not on the scale of sound, where 1 is full."""
    peak = max(high, -low)
    if not peak <= LOUDEST:  # put so that NaN fails, too
        finite = math.isfinite(high) and math.isfinite(low)
        found = f"samples of {peak:.2g} x full scale" if finite else "NaN or infinite samples"
        raise AudioError(name, f"unreadable: {found}, after {seconds:.1f} s")
    if peak > WHOLE and (peak > FLOATS or np.array_equal(chunk, np.rint(chunk))):
        found = f"samples of {peak:.5g} x full scale, after {seconds:.1f} s"
        why = "they are floats on the scale of whole numbers: divide 16-bit ones by 32768"
        raise AudioError(name, f"unreadable: {found} ({why}; wanted -1 to 1)")
