"""What is played: notes of six styles, told apart by metre, rhythm and harmony.

A style is a function ``(artist, random) -> notes`` of ``BARS`` bars. Times are in beats, pitches in MIDI numbers.
Drums are notes whose voice is "kick", "snare" or "hat".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Random = np.random.Generator
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
BLUE = (0, 3, 5, 6, 7, 10)
BARS = 8  # more than any clip holds


@dataclass(frozen=True, slots=True)
class Note:
    beat: float
    length: float  # beats
    pitch: float  # MIDI; of no meaning for drums
    voice: str  # lead, chord, bass, kick, snare, hat
    level: float = 1.0


@dataclass(frozen=True)
class Style:
    """A style's notes, the tempos (beats a minute) and the timbres that its artists choose from."""

    play: Callable[[int, Random], Iterator[Note]]  # (key, random) -> notes
    metre: int  # beats in a bar
    tempo: tuple[float, float]
    leads: tuple[str, ...]
    chords: tuple[str, ...]


def _triad(key: int, degree: int, scale: tuple[int, ...]) -> list[int]:
    """Pitches of the chord on a degree (0 … 6) of a scale, around middle C."""
    return [48 + key + scale[(degree + i) % 7] + 12 * ((degree + i) // 7) for i in (0, 2, 4)]


def _tune(
    random: Random, rhythm: Sequence[float], chord: list[int], beat: float, *, rest: float = 0.1, leap: int = 2
) -> Iterator[Note]:
    """A melody on the notes of a chord: lengths as given, pitches by a random walk."""
    ladder = sorted(p + octave for p in chord for octave in (12, 24))
    at = int(random.integers(len(ladder)))
    for length in rhythm:
        at = int(np.clip(at + random.integers(-leap, leap + 1), 0, len(ladder) - 1))
        if random.random() > rest:
            yield Note(beat, length * 0.95, ladder[at], "lead", random.uniform(0.7, 1.0))
        beat += length


def waltz(key: int, random: Random) -> Iterator[Note]:
    """Three beats a bar: bass on the first, chords on the second and third, a flowing tune."""
    degrees = random.permutation([0, 3, 4, 0, 5, 1, 4, 0])
    rhythms: tuple[Sequence[float], ...] = ([1, 1, 1], [2, 1], [1.5, 0.5, 1], [3], [0.5] * 6)
    for bar in range(BARS):
        chord, beat = _triad(key, degrees[bar], MAJOR), 3.0 * bar
        yield Note(beat, 0.9, chord[bar % 2 * 2] - 12, "bass")
        for second in (1, 2):
            yield from (Note(beat + second, 0.5, p, "chord", 0.6) for p in chord)
        yield from _tune(random, rhythms[random.integers(len(rhythms))], chord, beat)


def techno(key: int, random: Random) -> Iterator[Note]:
    """Four on the floor, open hats between, a bass of sixteenths on one chord."""
    pattern = random.random(16) < 0.55
    stabs = random.choice(16, 3, replace=False)
    for bar in range(BARS):
        chord, beat = _triad(key, 0 if bar % 4 < 3 else 5, MINOR), 4.0 * bar
        for i in range(4):
            yield Note(beat + i, 0.5, 0, "kick")
            yield Note(beat + i + 0.5, 0.25, 0, "hat", 0.8)
            if i % 2:
                yield Note(beat + i, 0.25, 0, "snare", 0.5)
        for i in range(16):
            if pattern[i] and i % 4:
                yield Note(beat + i / 4, 0.22, chord[0] - 12 + 12 * int(i % 8 == 6), "bass", 0.8)
            if i in stabs:
                yield from (Note(beat + i / 4, 0.2, p, "chord", 0.7) for p in chord)
        if bar % 2:
            yield from _tune(random, [0.75, 0.75, 0.5, 2], chord, beat, rest=0.3)


def blues(key: int, random: Random) -> Iterator[Note]:
    """Swung eighths, seventh chords on I, IV and V, a walking bass, licks with rests between."""
    bars = np.roll([0, 0, 0, 0, 5, 5, 0, 0, 7, 5, 0, 7], -int(random.integers(12)))
    for bar in range(BARS):
        root, beat = 48 + key + int(bars[bar]), 4.0 * bar
        chord = [root, root + 4, root + 7, root + 10]
        for i, step in enumerate(random.permutation([0, 4, 7, 9])):
            yield Note(beat + i, 0.9, root - 12 + int(step), "bass")
            yield Note(beat + i, 0.3, 0, "hat", 0.6)
            yield Note(beat + i + 2 / 3, 0.2, 0, "hat", 0.4)
            if i % 2:
                yield Note(beat + i, 0.3, 0, "snare", 0.7)
                yield from (Note(beat + i, 0.4, p, "chord", 0.5) for p in chord)
        ladder = [60 + key + step + octave for octave in (0, 12) for step in BLUE]
        at = int(random.integers(len(ladder)))
        for i in range(int(random.integers(4, 9))):
            at = int(np.clip(at + random.integers(-2, 3), 0, len(ladder) - 1))
            swung = i // 2 + (2 / 3 if i % 2 else 0)
            bend = -random.random() if random.random() < 0.2 else 0.0
            yield Note(beat + swung, 0.6, ladder[at] + bend, "lead", random.uniform(0.6, 1.0))


def ambient(key: int, random: Random) -> Iterator[Note]:
    """Long chords that run into each other, now and then a high note; no beat."""
    for bar in range(BARS):
        chord, beat = _triad(key, int(random.choice([0, 2, 3, 5])), MAJOR), 4.0 * bar
        for p in [*chord, chord[1] + 12]:
            yield Note(beat + random.uniform(0, 0.5), 6, p + 12 * int(random.random() < 0.3), "chord", 0.7)
        yield Note(beat, 5, chord[0] - 12, "bass", 0.6)
        for _ in range(int(random.integers(0, 3))):
            yield Note(beat + random.uniform(0, 4), 3, random.choice(chord) + 24, "lead", 0.4)


def chiptune(key: int, random: Random) -> Iterator[Note]:
    """Chords broken into fast notes, a bass that jumps octaves, drums of noise."""
    degrees = random.permutation([0, 5, 3, 4, 0, 2, 3, 4])
    for bar in range(BARS):
        chord, beat = _triad(key, degrees[bar], MINOR if key % 2 else MAJOR), 4.0 * bar
        order = random.permutation(3)
        for i in range(16):
            yield Note(beat + i / 4, 0.22, chord[order[i % 3]] + 12 * (1 + i % 2), "chord", 0.7)
        for i in range(8):
            yield Note(beat + i / 2, 0.4, chord[0] - 12 + 12 * (i % 2), "bass")
            yield Note(beat + i / 2, 0.1, 0, "hat" if i % 4 != 2 else "snare", 0.6)
        yield from _tune(random, [0.5, 0.5, 0.25, 0.25, 0.5, 1, 0.5, 0.5], chord, beat, leap=3)


def march(key: int, random: Random) -> Iterator[Note]:
    """Two beats a bar: oom-pah, rolls of the snare drum, a dotted tune."""
    degrees = random.permutation([0, 0, 4, 4, 3, 0, 4, 0])
    rhythms: tuple[Sequence[float], ...] = ([0.75, 0.25, 0.75, 0.25], [1, 0.5, 0.5], [0.75, 0.25, 1], [0.5] * 4)
    for bar in range(BARS * 2):
        chord, beat = _triad(key, degrees[bar // 2], MAJOR), 2.0 * bar
        for i in (0, 1):
            yield Note(beat + i, 0.45, chord[2 * i] - 12 - 12 * i, "bass")
            yield Note(beat + i, 0.3, 0, "kick", 0.6)
            yield from (Note(beat + i + 0.5, 0.3, p, "chord", 0.6) for p in chord)
        strokes = [0, 0.25, 0.5, 1, 1.5] if bar % 4 < 3 else list(np.arange(0, 2, 0.125))
        yield from (Note(beat + s, 0.1, 0, "snare", random.uniform(0.4, 0.9)) for s in strokes)
        yield from _tune(random, rhythms[random.integers(len(rhythms))], chord, beat, rest=0.05)


STYLES = {
    "ambient": Style(ambient, 4, (50, 90), ("bell", "reed", "organ", "pluck"), ("pad", "organ", "brass", "reed")),
    "blues": Style(blues, 4, (70, 125), ("pluck", "reed", "organ", "brass"), ("organ", "pluck", "reed")),
    "chiptune": Style(chiptune, 4, (105, 165), ("square", "saw", "bell", "reed"), ("square", "pluck", "saw")),
    "march": Style(march, 2, (95, 135), ("brass", "reed", "square", "organ"), ("brass", "organ", "reed", "pluck")),
    "techno": Style(techno, 4, (112, 145), ("saw", "square", "bell", "organ"), ("saw", "organ", "pad", "square")),
    "waltz": Style(waltz, 3, (85, 170), ("reed", "pluck", "bell", "brass"), ("reed", "organ", "pluck", "pad")),
}
