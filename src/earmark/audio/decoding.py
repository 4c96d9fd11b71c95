"""What a decoder is, and what is said of its failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CHUNK = 2**15  # values decoded at a time by FFmpeg, and near damage


@dataclass(frozen=True, slots=True)
class Probe:
    """What the header of a sound file says. ``seconds`` is what it promises; None: it promises nothing."""

    format: str
    subtype: str
    sample_rate: int
    channels: int
    seconds: float | None


class Decoder(Protocol):
    """An open sound."""

    probe: Probe

    def chunks(self, start: int, stop: int | None) -> Iterator[Floats]:
        """Frames [start, stop) as float32 (channels, n), about 2**15 values at a time."""

    def close(self) -> None: ...


def said(error: Exception) -> str:
    """An error's own words, short and in one line."""
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).strip(" .") or "damaged"
    words = " ".join(str(getattr(error, "strerror", None) or error).split()).strip(" .")
    if not words:
        words = (
            "not enough memory" if isinstance(error, MemoryError) else f"its decoder failed ({type(error).__name__})"
        )
    return words[:1].lower() + words[1:]
