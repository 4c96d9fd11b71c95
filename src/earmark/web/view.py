"""The picture of a sound: its outline and its log-mel spectrogram, small whatever the sound's length.

One pass in bounded memory. Columns are made until there are ``2 * COLUMNS``; then each two become one and the step
doubles. A long sound's picture looks at some frames only; the outline looks at every sample.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .. import audio
from ..audio.mel import Floats, MelSpec, log_mel

COLUMNS = 800  # a picture has between one and two times as many, unless the sound is too short for that
BANDS = 96
RATE = 44_100  # Hz; slower sounds keep their own rate
RANGE = 80.0  # decibels from black to white


@dataclass(frozen=True)
class View:
    """``mel`` (columns, bands) uint8: 0 is ``RANGE`` dB or more below the loudest, 255 the loudest, low bands first.

    ``outline`` (columns, 2) int8: lowest and highest sample, 127 is full scale. ``step``: seconds a column stands for.
    """

    mel: NDArray[np.uint8]
    outline: NDArray[np.int8]
    step: float
    seconds: float
    top: float  # Hz, upper edge of the highest band

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON; the arrays as base64, embedding by window."""
        return {
            "columns": len(self.mel), "bands": BANDS, "step": self.step, "seconds": self.seconds, "top": self.top,
            "range": RANGE, "mel": base64.b64encode(self.mel.tobytes()).decode(),
            "outline": base64.b64encode(self.outline.tobytes()).decode(),
        }  # fmt: skip


def view(
    source: str | BinaryIO,
    *,
    start: float = 0.0,
    duration: float | None = None,
    watch: Callable[[float], None] | None = None,
) -> View:
    """The picture of a sound, or of a part of it. ``watch`` as in ``embeddings.embedding_blocks``. Raises AudioError."""
    rate = min(RATE, audio.probe(source).sample_rate)
    n_fft = 2 ** max(6, round(np.log2(0.046 * rate)))
    step = n_fft // 4
    spec = MelSpec(rate, n_fft, step, BANDS)
    mel: Floats = np.zeros((0, BANDS), np.float32)
    outline: Floats = np.zeros((0, 2), np.float32)
    held: Floats = np.zeros(0, np.float32)
    read = 0
    for block in audio.blocks(source, rate, start=start, duration=duration, seconds=10.0):
        read += len(block)
        if watch is not None:
            watch(read / rate)
        held = np.concatenate([held, block])
        whole = max(0, (len(held) - n_fft) // step)
        whole -= (len(mel) + whole) % 2 if whole else 0  # an even number: two become one
        mel, outline = _grown(mel, outline, held, whole, step, spec)
        held = held[whole * step :]
        while len(mel) >= 2 * COLUMNS and len(mel) % 2 == 0:
            mel = np.maximum(mel[::2], mel[1::2])
            pairs = outline.reshape(-1, 4)
            outline = np.stack([np.minimum(pairs[:, 0], pairs[:, 2]), np.maximum(pairs[:, 1], pairs[:, 3])], axis=1)
            step *= 2
    rest = -(-len(held) // step)
    padded = np.concatenate([held, np.zeros(rest * step + n_fft - len(held), np.float32)])
    mel, outline = _grown(mel, outline, padded, rest, step, spec)
    loudest = float(mel.max())
    levels = np.clip((mel - loudest) / RANGE + 1, 0, 1) * 255
    return View(
        np.asarray(levels.round(), np.uint8), np.asarray(np.clip(outline * 127, -127, 127).round(), np.int8),
        step / rate, read / rate, rate / 2,
    )  # fmt: skip


def _grown(
    mel: Floats, outline: Floats, samples: Floats, columns: int, step: int, spec: MelSpec
) -> tuple[Floats, Floats]:
    """Both with ``columns`` more, of ``step`` samples each from the first of ``samples``."""
    if not columns:
        return mel, outline
    frames = np.lib.stride_tricks.sliding_window_view(samples, spec.n_fft)[: columns * step : step]
    # Each frame by itself: the step is not the spec's once it has doubled.
    made = log_mel(np.ascontiguousarray(frames).reshape(-1), _apart(spec))
    blocks = samples[: columns * step].reshape(columns, step)
    edges = np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1)
    return np.concatenate([mel, made]), np.concatenate([outline, edges])


def _apart(spec: MelSpec) -> MelSpec:
    """The same with frames one after the other."""
    return MelSpec(spec.sample_rate, spec.n_fft, spec.n_fft, spec.n_mels)
