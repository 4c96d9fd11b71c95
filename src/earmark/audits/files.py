"""What is wrong with the files themselves, with the numbers that say so.

Each rule is one function of the facts on a clip and of the set it belongs to; its threshold stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..data.duplicates.facts import MISSING, Facts

SERIOUS, NOTE = "serious", "note"
T = TypeVar("T", bound=Hashable)

CLIPPED = 1e-4  # share of the samples in flat tops
OFFSET = 0.01  # mean, as a share of full scale
QUIET = -50.0  # dBFS RMS
MOSTLY_SILENT = 0.5  # share of the frames below -80 dBFS
CUT = (20.0, 0.85)  # dB of fall, and where: as a share of half the sample rate
FAR = 4.0  # times shorter than 5 % of the clips, or longer than 95 %
RARE = 0.2  # share of the set that an odd format may have

ABOUT = {
    "truncated": f"Less was decoded than the header promises (by {MISSING} s; 5 % where the header only estimates).",
    "dead channel": "A channel without sound beside others with sound.",
    "mostly silent": f"More than {100 * MOSTLY_SILENT:.0f} % of the frames lie below -80 dBFS.",
    "quiet": f"Mean level below {QUIET:.0f} dBFS.",
    "clipped": f"More than {100 * CLIPPED:g} % of the samples in runs of three or more at the top.",
    "DC offset": f"The mean is more than {100 * OFFSET:.0f} % of full scale.",
    "narrow": f"The spectrum falls by {CUT[0]:.0f} dB or more at less than {100 * CUT[1]:.0f} % of half the sample rate. "
    "Harmless if all clips are like that; see what gives the label away.",
    "very short": f"Less than a {FAR:.0f}th of the length that 95 % of the clips have.",
    "very long": f"More than {FAR:.0f} times the length that 95 % of the clips keep under.",
}


@dataclass(frozen=True)
class Flag:
    """Something about a clip: ``kind`` is one word, ``text`` has the numbers, ``severity`` is serious or note."""

    kind: str
    text: str
    severity: str = NOTE


@dataclass(frozen=True)
class Usual:
    """What is usual in the set: formats (None where there is no majority), and the range of lengths."""

    sample_rate: int | None
    channels: int | None
    codec: str | None
    short: float
    long: float


def usual(facts: Sequence[Facts]) -> Usual:
    """The majorities and the spread of lengths among the readable clips."""
    read = [f for f in facts if not f.error]
    seconds = np.array([f.seconds for f in read]) if read else np.array([1.0])
    return Usual(
        _majority([f.sample_rate for f in read]),
        _majority([f.channels for f in read]),
        _majority([f"{f.format} {f.codec}" for f in read]),
        float(np.quantile(seconds, 0.05)) / FAR,
        float(np.quantile(seconds, 0.95)) * FAR,
    )


def flags(facts: Facts, set_: Usual) -> tuple[Flag, ...]:
    """All that is wrong or odd with one clip."""
    if facts.error:
        return (Flag(facts.error.split(":")[0].replace("too short", "short"), facts.error, SERIOUS),)
    return tuple(flag for rule in RULES for flag in rule(facts, set_))


def _silent(f: Facts, _: Usual) -> Iterator[Flag]:
    if f.peak < -80:
        yield Flag("silent", f"the peak is {f.peak:.0f} dBFS", SERIOUS)
    elif f.silence > MOSTLY_SILENT:
        yield Flag("mostly silent", f"{100 * f.silence:.0f} % of it lies below -80 dBFS")
    elif f.loudness < QUIET:
        yield Flag("quiet", f"mean level {f.loudness:.0f} dBFS")


def _truncated(f: Facts, _: Usual) -> Iterator[Flag]:
    if f.truncated:
        yield Flag("truncated", f.truncation, SERIOUS)


def _clipped(f: Facts, _: Usual) -> Iterator[Flag]:
    if f.clipped >= CLIPPED:
        yield Flag("clipped", f"{100 * f.clipped:.2f} % of the samples in flat tops, peak {f.peak:.1f} dBFS")


def _offset(f: Facts, _: Usual) -> Iterator[Flag]:
    if f.dc > OFFSET:
        yield Flag("DC offset", f"mean {100 * f.dc:.1f} % of full scale")


def _dead(f: Facts, _: Usual) -> Iterator[Flag]:
    if f.dead:
        which = ", ".join(str(i + 1) for i in f.dead)
        yield Flag("dead channel", f"nothing on channel {which} of {f.channels}: averaging makes it quieter", SERIOUS)


def _narrow(f: Facts, _: Usual) -> Iterator[Flag]:
    fall, share = CUT
    if f.cliff >= fall and f.bandwidth < share * f.sample_rate / 2:
        text = f"nothing above {f.bandwidth / 1000:.1f} kHz (falls by {f.cliff:.0f} dB) though {f.sample_rate} Hz would"
        yield Flag("narrow", f"{text} hold {f.sample_rate / 2000:.1f} kHz: up-sampled, low-passed or encoded")


def _length(f: Facts, set_: Usual) -> Iterator[Flag]:
    if f.seconds < set_.short:
        yield Flag("very short", f"{f.seconds:.2f} s; the shortest usual here is {set_.short * FAR:.2f} s")
    elif f.seconds > set_.long:
        yield Flag("very long", f"{f.seconds:.1f} s; the longest usual here is {set_.long / FAR:.1f} s")


def _odd(f: Facts, set_: Usual) -> Iterator[Flag]:
    if set_.sample_rate and f.sample_rate != set_.sample_rate:
        yield Flag("odd rate", f"{f.sample_rate} Hz; most have {set_.sample_rate}")
    if set_.channels and f.channels != set_.channels:
        yield Flag("odd channels", f"{f.channels} channels; most have {set_.channels}")
    if set_.codec and f"{f.format} {f.codec}" != set_.codec:
        yield Flag("odd format", f"{f.format} {f.codec}; most are {set_.codec}")


RULES: tuple[Callable[[Facts, Usual], Iterator[Flag]], ...] = (
    _silent,
    _truncated,
    _dead,
    _clipped,
    _offset,
    _narrow,
    _length,
    _odd,
)


def _majority(values: Sequence[T]) -> T | None:
    """The value that nearly all have; None if there is no such."""
    if not values:
        return None
    value, count = Counter(values).most_common(1)[0]
    return value if count >= (1 - RARE) * len(values) else None
