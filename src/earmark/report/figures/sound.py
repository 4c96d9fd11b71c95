"""What a sound looks like: waveform, spectrogram, mel spectrogram."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
from numpy.typing import NDArray

from ...audio.mel import Floats, MelSpec, below_peak, hz_to_mel, log_mel, spectrogram
from ..style import ACCENT, FULL, MUTED, Figure, draw

RATE = 22050  # Hz
_FFT, _HOP = 1024, 256
_MEL = MelSpec(RATE, _FFT, _HOP, 128)
_COLUMNS = 700  # pixels of a picture; more only make the page heavy
_HERTZ = (200, 500, 1000, 2000, 5000, 10000)


def sound(name: str, samples: Floats, *, title: str, caption: str) -> Figure:
    """Waveform, spectrogram and mel spectrogram of ``samples`` (n,) at 22,050 Hz, on one time axis."""
    samples = _whole(samples)
    seconds = len(samples) / RATE
    magnitudes = spectrogram(samples, _FFT, _HOP)
    decibels = below_peak(20 * np.log10(np.maximum(magnitudes, np.float32(1e-6))))

    def paint(sheet: matplotlib.figure.Figure) -> None:
        wave, spectrum, mel = sheet.subplots(3, 1, sharex=True, height_ratios=(1, 1.5, 1.5))
        at, low, high = _envelope(samples)
        wave.fill_between(at, low, high, color=ACCENT, linewidth=0.4)
        wave.set(
            ylabel="amplitude", xlim=(0, seconds), ylim=(-1.05, 1.05) if max(abs(low).max(), high.max()) > 0.4 else None
        )
        wave.axhline(0, color=MUTED, linewidth=0.5)
        picture = spectrum.imshow(
            _thinned(decibels).T,
            origin="lower",
            aspect="auto",
            interpolation="none",
            extent=(0, seconds, 0, RATE / 2000),
        )
        spectrum.set(ylabel="kHz")
        _mel_picture(mel, samples, seconds)
        mel.set(ylabel="Hz, mel scale", xlabel="seconds")
        bar = sheet.colorbar(picture, ax=(spectrum, mel), pad=0.01, fraction=0.03, aspect=34)
        bar.set_label("dB below the peak", color=MUTED)
        bar.outline.set_visible(False)

    return draw(
        name,
        paint,
        size=(FULL, 5.4),
        alt=f"Waveform, spectrogram and mel spectrogram of {title}, {seconds:.1f} seconds.",
        caption=caption,
        scroll=True,
    )


def mel_card(name: str, samples: Floats, *, title: str) -> Figure:
    """A small mel spectrogram without axes, for a gallery."""
    samples = _whole(samples)

    def paint(sheet: matplotlib.figure.Figure) -> None:
        sheet.set_layout_engine("none")
        axes = sheet.add_axes((0, 0, 1, 1))
        _mel_picture(axes, samples, len(samples) / RATE)
        axes.set_axis_off()

    seconds = len(samples) / RATE
    return draw(name, paint, size=(2.9, 1.1), alt=f"Mel spectrogram of {title}, {seconds:.1f} seconds.")


def _mel_picture(axes: Any, samples: Floats, seconds: float) -> None:
    mel = below_peak(log_mel(samples, _MEL))
    axes.imshow(
        _thinned(mel).T, origin="lower", aspect="auto", interpolation="none", extent=(0, seconds, 0, _MEL.n_mels)
    )
    top = hz_to_mel(np.array([RATE / 2.0]))[0]
    axes.set_yticks(hz_to_mel(np.array(_HERTZ, float)) / top * _MEL.n_mels, [f"{h:,}" for h in _HERTZ])


def _whole(samples: Floats) -> Floats:
    """At least two frames, so that there is something to draw."""
    return np.pad(samples, (0, max(0, _FFT + _HOP - len(samples))))


def _thinned(frames: Floats) -> Floats:
    """At most ``_COLUMNS`` columns, each the loudest of those it stands for."""
    step = -(-len(frames) // _COLUMNS)
    pieces = [frames[i : i + step].max(0) for i in range(0, len(frames), step)]
    return np.stack(pieces) if step > 1 else frames


def _envelope(samples: Floats) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Seconds, lowest and highest sample in up to ``_COLUMNS`` equal pieces."""
    pieces = np.array_split(samples, min(_COLUMNS, len(samples)))
    at = np.linspace(0, len(samples) / RATE, len(pieces))
    return at, np.array([p.min() for p in pieces]), np.array([p.max() for p in pieces])
