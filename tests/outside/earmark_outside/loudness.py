"""How loud a sound is over time: levels of the parts of a window."""

from __future__ import annotations

import numpy as np

from earmark.backbones.base import About, Backbone, Floats

EARMARK_INTERFACE = 1
ABOUT = About(
    summary="levels of the parts of a window, in decibels",
    trained_on="nothing",
    licence="none needed",
    citation="none",
)
RATE = 16000


def build(*, seconds: float = 0.5, parts: int = 8) -> Backbone:
    """Embeddings of ``parts`` levels for windows of ``seconds``, one after the other."""
    length = round(seconds * RATE / parts)

    def front(samples: Floats) -> Floats:
        power = np.square(samples.reshape(-1, parts, length)).mean(axis=2)
        return (10 * np.log10(power + 1e-10)).astype(np.float32)

    return Backbone(
        name="loudness",
        sample_rate=RATE,
        window_samples=parts * length,
        hop_samples=parts * length,
        shape=(parts,),
        front=front,
        params={"seconds": seconds, "parts": parts},
        facts={"parts": parts},
        about=ABOUT,
    )
