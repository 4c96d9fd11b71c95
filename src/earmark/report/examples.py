"""What the sounds of a data set look like: one clip in full, a small picture for each class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..audio import load
from ..audio.mel import Floats
from ..core.errors import AudioError
from ..core.storage import at_hand
from ..data.clips import Clip
from . import words
from .figures.sound import RATE, mel_card, sound
from .sounds import player
from .style import Figure

if TYPE_CHECKING:
    from ..models.results import Comparison, Run

_SECONDS = 10.0  # of each clip that are drawn
_CLASSES = 12  # more pictures are no longer looked at


@dataclass(frozen=True)
class Card:
    """A class's clip: its picture and its player."""

    label: str
    clip: str
    picture: Figure
    player: Markup


def examples(comparison: Comparison, folder: Path) -> tuple[Figure | None, list[Card]]:
    """The clip that the best recipe is surest of, drawn in full, and such a clip of each class (12 at most).

    Clips whose sound cannot be read any more are passed over: a report needs no sounds.
    """
    best = words.ranked(comparison)[0]
    clips = {clip.id: clip for clip in comparison.dataset.clips}
    chosen = [(label, clips[best.ids[i]], score) for label, i, score in _surest(best)[:_CLASSES]]
    cards, whole = [], None
    top = max((score for *_, score in chosen), default=0.0)
    for number, (label, clip, score) in enumerate(chosen, start=1):
        samples = _samples(clip)
        if samples is None:
            continue
        picture = mel_card(f"example-{number}", samples, title=f"a clip of {label}")
        cards.append(Card(label, clip.id, picture, player(clip, folder)))
        if score == top and whole is None:
            whole = sound(
                "example",
                samples,
                title=f"a clip of {label}",
                caption=(
                    f"A clip of {label} ({clip.id}): waveform, spectrogram, and mel spectrogram, which is what most nets "
                    f"are given. Of all clips named rightly, {best.recipe.name} is surest of this one."
                ),
            )
    return whole, cards


def _surest(run: Run) -> list[tuple[str, int, float]]:
    """(class, clip's index, its score) of each class's clip with the highest score for its class."""
    mean = run.proba.mean(0)
    out = []
    for k, label in enumerate(run.classes):
        of_class = [i for i in range(len(run.y)) if run.y[i] == k]
        if of_class:
            i = max(of_class, key=lambda i: mean[i, k])
            out.append((label, i, float(mean[i, k])))
    return out


def _samples(clip: Clip) -> Floats | None:
    length = _SECONDS if clip.duration is None else min(_SECONDS, clip.duration)
    try:
        return load(at_hand(clip.path), RATE, start=clip.start, duration=length)
    except (AudioError, OSError):
        return None
