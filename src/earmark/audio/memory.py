"""Sounds that lie in memory: samples become a file in memory, so that they are heard as a file's are.

>>> import numpy as np
>>> tone = np.sin(np.arange(16000) * 0.1)
>>> len(as_bytes((tone, 16000))) > 64000
True
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO, TypeGuard

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from ..core.errors import AudioError

Samples = tuple[ArrayLike, int]  # (n,) or (n, channels), and their rate in Hz
Held = Samples | bytes | bytearray | memoryview | BinaryIO

NAME = "the sound given"
_WANTED = "wanted (samples, rate): an array (n,) or (n, channels) of numbers and whole Hz"
# Whole numbers are scaled as the same file would be; W64 knows no size that is too large, and holds no time stamps.
_SUBTYPES = {"i2": "PCM_16", "i4": "PCM_32", "f4": "FLOAT"}
_MOST = 1024  # channels of a file


def is_held(value: object) -> TypeGuard[Held]:
    """True for what ``as_bytes`` takes, whether or not there is a sound in it: a pair, bytes, an open binary file."""
    if isinstance(value, tuple):
        return len(value) == 2 and any(isinstance(v, (int, float, np.number)) for v in value)
    return isinstance(value, (bytes, bytearray, memoryview)) or (hasattr(value, "read") and hasattr(value, "seek"))


def as_bytes(sound: Held) -> bytes:
    """The bytes of a sound file: those given, what a stream holds from its beginning, or samples as a W64 file.

    Floats are full scale at 1 and kept as float32; int16, int32 and uint8 are scaled as they are in files. Raises
    AudioError ("unreadable: …") for what is no sound.
    """
    if isinstance(sound, tuple):
        return _written(*_checked(sound))
    if isinstance(sound, (bytes, bytearray, memoryview)):
        return bytes(sound)
    try:
        sound.seek(0)
        content = sound.read()
    except (OSError, ValueError) as error:
        raise AudioError(NAME, f"unreadable: {' '.join(str(error).split())}") from error
    if not isinstance(content, bytes):
        raise AudioError(NAME, "unreadable: the file was opened as text; open it with mode 'rb'")
    return content


def _checked(sound: tuple[Any, ...]) -> tuple[NDArray[Any], int]:
    """Samples (n, channels) in a kind that files know, and the rate. Raises AudioError."""
    if len(sound) != 2:
        raise AudioError(NAME, f"unreadable: found {len(sound)} values; {_WANTED}")
    try:
        samples = np.asarray(sound[0])
        rate = np.asarray(sound[1])
    except (TypeError, ValueError, RuntimeError) as error:
        raise AudioError(NAME, f"unreadable: found no array ({' '.join(str(error).split())}); {_WANTED}") from error
    if samples.ndim == 0 and rate.ndim:
        raise AudioError(NAME, "unreadable: found (rate, samples); wanted (samples, rate): swap them")
    if rate.ndim or rate.dtype.kind not in "iuf" or not np.isfinite(rate) or rate != np.floor(rate) or rate < 1:
        raise AudioError(NAME, f"unreadable: found the rate {sound[1]!r:.60}; {_WANTED}")
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and (samples.shape[1] > max(1, len(samples)))):
        turned = "; turn it: samples.T" if samples.ndim == 2 else ""
        raise AudioError(NAME, f"unreadable: found an array of shape {samples.shape}; {_WANTED}{turned}")
    if samples.ndim == 2 and not 1 <= samples.shape[1] <= _MOST:
        raise AudioError(NAME, f"unreadable: found {samples.shape[1]} channels; wanted 1 to {_MOST}")
    kind = samples.dtype.kind + str(samples.dtype.itemsize)
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and told as such when it is heard
            samples = samples.astype(np.float32)
    elif kind in ("i1", "u1"):  # a byte is the upper one of two
        samples = ((samples.astype(np.int16) - (128 if kind == "u1" else 0)) * 256).astype(np.int16)
    elif kind not in _SUBTYPES:
        raise AudioError(
            NAME,
            f"unreadable: found samples of the kind {samples.dtype}; wanted floats (full scale is 1), int16, int32, int8 "
            "or uint8: convert them",
        )
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("=")), int(rate)


def _written(samples: NDArray[Any], rate: int) -> bytes:
    subtype = _SUBTYPES[samples.dtype.kind + str(samples.dtype.itemsize)]
    out = io.BytesIO()
    try:
        soundfile.write(out, samples, rate, format="W64", subtype=subtype)
    except (soundfile.LibsndfileError, TypeError, ValueError, OverflowError) as error:
        raise AudioError(NAME, f"unreadable: {' '.join(str(error).split())} ({rate} Hz)") from error
    return out.getvalue()
