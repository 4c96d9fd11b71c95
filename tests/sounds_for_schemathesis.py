"""Hooks for Schemathesis: where the description says "binary", real sounds are sent."""

from __future__ import annotations

import io

import schemathesis
import soundfile
from hypothesis import strategies as st

from serving import RATE, tone


def encoded(pitch: float, seconds: float, form: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, tone(pitch, seconds), RATE, format=form)
    return out.getvalue()


SOUNDS = [
    encoded(pitch, seconds, form) for pitch, seconds, form in ((220, 0.3, "WAV"), (660, 1, "FLAC"), (1900, 2, "OGG"))
]

schemathesis.openapi.format("binary", st.sampled_from(SOUNDS))
