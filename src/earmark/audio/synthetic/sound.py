"""How it sounds: an artist's instruments, drums, room and tone, and notes made into samples with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tunes import Note, Random, Style

Floats = NDArray[np.float32]
RATE = 22050
DRUMS = ("kick", "snare", "hat")


@dataclass(frozen=True)
class Timbre:
    """Partials of a tone: their ratios to the pitch and levels; how they fade, begin and tremble."""

    ratios: tuple[float, ...]
    levels: tuple[float, ...]
    decay: float  # per second, of the first partial
    damping: float  # how much faster each higher partial fades
    attack: float  # seconds
    vibrato: float = 0.0  # depth as a part of the frequency


def _harmonics(count: int, slope: float, *, odd: bool = False) -> tuple[tuple[float, ...], tuple[float, ...]]:
    ratios = tuple(float(k) for k in range(1, count + 1) if not odd or k % 2)
    return ratios, tuple(k**-slope for k in ratios)


TIMBRES = {
    "square": Timbre(*_harmonics(15, 1.0, odd=True), decay=0.5, damping=0.0, attack=0.002),
    "saw": Timbre(*_harmonics(14, 1.0), decay=1.5, damping=0.3, attack=0.003),
    "pluck": Timbre(*_harmonics(10, 0.9), decay=3.0, damping=0.6, attack=0.002),
    "organ": Timbre((1, 2, 3, 4, 6, 8), (1, 0.7, 0.5, 0.4, 0.3, 0.2), decay=0.0, damping=0.0, attack=0.01),
    "brass": Timbre(*_harmonics(12, 0.7), decay=0.3, damping=0.1, attack=0.06, vibrato=0.003),
    "reed": Timbre(*_harmonics(9, 1.2, odd=True), decay=0.1, damping=0.0, attack=0.04, vibrato=0.006),
    "bell": Timbre((1, 2.76, 5.4, 8.93), (1, 0.6, 0.35, 0.2), decay=2.0, damping=0.5, attack=0.001),
    "pad": Timbre((1, 1.006, 2, 2.01, 3, 4.02), (1, 1, 0.5, 0.5, 0.3, 0.2), decay=0.0, damping=0.0, attack=0.5),
}


@dataclass(frozen=True)
class Artist:
    """One artist's sound: what all of the artist's clips share."""

    name: str
    style: Style
    key: int  # semitones above C
    tempo: float  # beats a minute
    timbres: dict[str, str]  # of lead, chord and bass
    levels: dict[str, float]  # of all voices
    drum: float  # pitch of the drums, times the usual
    curve: Floats  # the mix's tone: decibels at 9 frequencies from 60 Hz to 11 kHz
    room: float  # seconds that the reverberation lasts
    wet: float  # its level
    hiss: float  # level of the noise
    loudness: float  # peak of a clip

    @classmethod
    def draw(cls, name: str, style: Style, random: Random) -> Artist:
        """An artist of a style, at random."""
        tilt = random.uniform(-8, 4) * np.linspace(-1, 2, 9)
        return cls(
            name=name,
            style=style,
            key=int(random.integers(12)),
            tempo=random.uniform(*style.tempo),
            timbres={
                "lead": str(random.choice(style.leads)),
                "chord": str(random.choice(style.chords)),
                "bass": str(random.choice(["saw", "pluck", "organ", "square"])),
            },
            levels={voice: random.uniform(0.4, 1.3) for voice in ("lead", "chord", "bass")}
            | {voice: 1.3 * random.random() ** 2 for voice in DRUMS},  # some artists hardly drum at all
            drum=random.uniform(0.6, 1.7),
            curve=(tilt + random.normal(0, 4, 9)).astype(np.float32),
            room=random.uniform(0.1, 1.2),
            wet=random.uniform(0.05, 0.6),
            hiss=10 ** random.uniform(-3.5, -2.0),
            loudness=random.uniform(0.3, 0.95),
        )


def play(artist: Artist, seconds: float, random: Random) -> Floats:
    """A clip (n,) of ``seconds`` at ``RATE``: a new piece by the artist, heard from somewhere in it."""
    beat = 60 / (artist.tempo * random.uniform(0.96, 1.04))
    skipped = random.uniform(0, artist.style.metre) * beat
    length = round(seconds * RATE)
    mix = np.zeros(length + RATE, np.float32)
    tones: dict[tuple[str, float, float], Floats] = {}  # notes come again and again
    for note in artist.style.play(artist.key, random):
        at = round((note.beat * beat - skipped) * RATE)
        if not -RATE // 2 < at < length:
            continue
        key = (note.voice, note.pitch, note.length)
        if key not in tones:
            tones[key] = _drum(note.voice, artist, random) if note.voice in DRUMS else _tone(note, artist, beat)
        tone = tones[key][max(0, -at) :][: len(mix) - max(0, at)]
        mix[max(0, at) :][: len(tone)] += tone * np.float32(note.level * artist.levels[note.voice])
    return _produced(mix, artist, random)[:length]


def _tone(note: Note, artist: Artist, beat: float) -> Floats:
    timbre = TIMBRES[artist.timbres[note.voice]]
    seconds = note.length * beat
    t = np.arange(round((seconds + 0.05) * RATE), dtype=np.float32) / RATE
    pitch = 440 * 2 ** ((note.pitch - 69) / 12)
    phase = 2 * np.pi * pitch * (t + timbre.vibrato / 31 * np.sin(31 * t))  # 5 Hz
    sound: Floats = np.zeros(len(t), np.float32)
    for i, (ratio, level) in enumerate(zip(timbre.ratios, timbre.levels, strict=True)):
        if ratio * pitch < 0.45 * RATE:
            fade = np.exp(-timbre.decay * (1 + timbre.damping * i) * t)
            sound += np.float32(level) * fade * np.sin(np.float32(ratio) * phase)
    sound *= np.minimum(1, t / timbre.attack) * np.clip((seconds + 0.05 - t) / 0.05, 0, 1)
    sound *= 0.2 if note.voice == "lead" else 0.12
    return sound


def _drum(voice: str, artist: Artist, random: Random) -> Floats:
    t = np.arange(RATE // 4, dtype=np.float32) / RATE
    noise = random.standard_normal(len(t), dtype=np.float32)
    if voice == "kick":
        sound = 0.7 * np.exp(-14 * t) * np.sin(2 * np.pi * artist.drum * (50 * t + 3 * (1 - np.exp(-40 * t))))
    elif voice == "snare":
        sound = np.exp(-22 / artist.drum * t) * (0.2 * noise + 0.2 * np.sin(2 * np.pi * 190 * artist.drum * t))
    else:
        sound = 0.3 * np.exp(-45 / artist.drum * t) * np.diff(noise, prepend=np.float32(0))
    return np.asarray(sound, np.float32)


def _produced(mix: Floats, artist: Artist, random: Random) -> Floats:
    """Room, tone, noise and level."""
    size = -(-(len(mix) + RATE) // 2048) * 2048  # room for the reverberation; quick to transform
    t = np.arange(RATE, dtype=np.float32) / RATE
    room = np.random.default_rng(artist.key).standard_normal(RATE, dtype=np.float32) * np.exp(-7 / artist.room * t)
    room *= artist.wet / np.linalg.norm(room)
    room[0] += 1
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 1)
    decibels = np.interp(np.log(frequencies), np.log(np.geomspace(60, 11000, 9)), artist.curve)
    shape = np.fft.rfft(room, size) * (10 ** (decibels / 20)).astype(np.float32)
    sound = np.fft.irfft(np.fft.rfft(mix, size) * shape, size)[: len(mix)].astype(np.float32)
    sound /= max(1e-6, float(np.abs(sound).max()))
    sound += np.float32(artist.hiss) * random.standard_normal(len(sound), dtype=np.float32)
    return sound * np.float32(artist.loudness / np.abs(sound).max())
