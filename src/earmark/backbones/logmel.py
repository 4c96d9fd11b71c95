"""Log-mel patches: what a CNN from scratch learns on. No weights.

By default 22.05 kHz, FFT 2048, hop 512, 128 mel bands (librosa's), patches of 3 s with half of it shared. With
``log="db"`` a window holds decibels below its own loudest point, from 80 dB below (0) to the peak (1): a net sees
a fixed range, however loud the recording. With ``log="none"`` it holds the mel power itself.

``logmel(seconds=4, overlap=0.5, log="none", resize=(150, 150))`` gives the patches of the widespread tutorial
"CNN on 150 x 150 mel spectrograms", time first. (It centres the frames of each chunk, which puts zeros around the
outer two frames of 173; here all frames lie inside.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from earmark.audio import mel
from earmark.audio.products import product
from earmark.backbones.base import About, Backbone, Floats
from earmark.core.errors import RecipeError

ABOUT = About(
    summary="log-mel patches, for nets that learn from scratch",
    trained_on="nothing",
    licence="none needed",
    citation="McFee et al., librosa, 2015",
)
TOP_DB = 80.0


def build(
    *,
    sample_rate: int = 22050,
    mels: int = 128,
    fft: int = 2048,
    fft_hop: int = 512,
    seconds: float = 3.0,
    overlap: float = 0.5,
    log: str = "db",
    resize: int | Sequence[int] | None = None,
) -> Backbone:
    """Patches (frames, mels) of ``seconds`` (rounded to whole frames), sharing the part ``overlap`` of 0 … < 1.

    ``log``: "db" (0 … 1) or "none" (power). ``resize``: (height, width), or one number for both, to which patches
    are stretched. Raises RecipeError.
    """
    if log not in ("db", "none"):
        raise RecipeError(f"logmel: log={log!r} is unknown; wanted 'db' or 'none'")
    spec = mel.MelSpec(
        sample_rate=sample_rate, n_fft=fft, hop_length=fft_hop, n_mels=mels, log="db" if log == "db" else "none"
    )
    frames, hop = window(spec, seconds, overlap, "logmel")
    shape = _shape(resize, (frames, mels))

    def front(samples: Floats) -> Floats:
        found = mel.patches(mel.log_mel(samples, spec), frames, hop)
        if log == "db":
            found = mel.below_peak(found, TOP_DB)
            found *= np.float32(1 / TOP_DB)
            found += np.float32(1)
        return np.ascontiguousarray(resized(found, shape))

    return Backbone(
        name="logmel",
        sample_rate=sample_rate,
        window_samples=spec.samples_of(frames),
        hop_samples=hop * fft_hop,
        shape=shape,
        front=front,
        params={
            "sample_rate": sample_rate,
            "mels": mels,
            "fft": fft,
            "fft_hop": fft_hop,
            "seconds": seconds,
            "overlap": overlap,
            "log": log,
            "resize": resize,
        },
        facts={"front": asdict(spec), "frames": frames, "log": log, "top_db": TOP_DB},
        about=ABOUT,
    )


def window(spec: mel.MelSpec, seconds: float, overlap: float, name: str) -> tuple[int, int]:
    """Frames of a window of ``seconds``, and frames from one window to the next. Raises RecipeError."""
    if not 0 <= overlap < 1:
        raise RecipeError(f"{name}: overlap={overlap!r}; wanted a part of the window, from 0 to below 1")
    frames = spec.frames_in(round(seconds * spec.sample_rate)) if 0 < seconds < 3600 else 0
    if not frames:
        least = spec.frame_length / spec.sample_rate
        raise RecipeError(f"{name}: seconds={seconds!r}; wanted {least:.3g} (one frame) to 3600")
    hop = round(seconds * (1 - overlap) * spec.sample_rate / spec.hop_length)
    return frames, max(1, hop)


def resized(patches: Floats, shape: Sequence[int]) -> Floats:
    """Stretch patches (n, height, width) to (n, *shape): bilinear, pixels' centres at halves, no antialias.

    What ``tf.image.resize``, Keras' Resizing and torch's ``interpolate(align_corners=False)`` do.
    """
    height, width = patches.shape[1:]
    if (height, width) == tuple(shape):
        return patches
    down, across = _stretch(height, shape[0]), _stretch(width, shape[1]).T
    stretched = [product(product(down, patch), across) for patch in patches]
    return np.stack(stretched) if stretched else np.zeros((0, *shape), np.float32)


def _stretch(size: int, wanted: int) -> Floats:
    """The matrix (wanted, size) of linear interpolation along one side."""
    at = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    near: NDArray[np.float64] = 1 - np.abs(at[:, None] - np.arange(size))
    return np.maximum(near, 0).astype(np.float32)


def _shape(resize: int | Sequence[int] | None, patch: tuple[int, int]) -> tuple[int, int]:
    if resize is None:
        return patch
    sides = (resize, resize) if isinstance(resize, int) else tuple(resize)
    if len(sides) != 2 or not all(isinstance(side, int) and 0 < side <= 4096 for side in sides):
        raise RecipeError(f"logmel: resize={resize!r}; wanted two whole numbers such as (150, 150)")
    return sides[0], sides[1]
