"""The paper this project grew from, run again: its two methods under its own splits, then under honest ones.

Four parts, each on the same road as everything else (recipes, ``experiment.run``, ``ladder``, ``compare``):

1. the CNN from scratch under the paper's split (chunks at random), and the same recipe on whole clips and artists;
2. the head on frozen embeddings under the paper's split (clips at random), and the same recipes on whole artists;
3. the ladder of protocols of the CNN of the text and of a frozen recipe;
4. both on the same clips with whole artists kept apart, beside what is usually done with frozen nets.

What the data do not allow is told in ``missing``, never excluded in silence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...audio import probe
from ...core.errors import AudioError, DataError
from ...core.paths import located
from ...core.provenance import versions
from ...core.storage import at_hand
from ...data.cache import Cache
from ...data.clips import Clip, Dataset
from ...data.load import load_dataset
from ...models.results import Comparison
from ..ladder import Ladder
from . import paper, parts
from .trials import Plan, Trial

__all__ = ["LONG", "Reproduction", "Trial", "opened_with_artists", "reproduce"]

LONG = 10.0  # s; shorter clips have too few chunks to be cut apart


@dataclass(frozen=True)
class Reproduction:
    """Everything measured. ``clips``, ``lengths``: what there is of the data; ``dataset``: less what cannot be used."""

    dataset: Dataset
    lengths: Mapping[str, float]  # clip's id -> seconds; unreadable clips are not in it
    long: int  # clips of 10 s and more
    cnn: tuple[Trial, ...]
    frozen: tuple[Trial, ...]
    ladders: tuple[Ladder, ...]
    equal: Comparison
    missing: tuple[str, ...]
    epochs: int
    quick: bool
    bfloat16: bool
    seconds: float
    versions: Mapping[str, str]
    command: str = ""


def reproduce(
    source: str | Path | Dataset,
    *,
    epochs: int = paper.EPOCHS,
    folds: int = 5,
    quick: bool = False,
    bfloat16: bool | None = None,
    cache: Cache | None = None,
    say: Callable[[str], None] = lambda _: None,
    command: str = "",
) -> Reproduction:
    """Run the paper again on GTZAN or a part of it.

    ``epochs`` of the nets that run all of them (paper: 30). ``quick``: two epochs, two folds, small parts; to see that it runs.
    ``bfloat16`` None: where the processor has units for it. ``say`` is told each number as it comes. Raises DataError.
    """
    began = time.perf_counter()
    epochs, folds = (2, 2) if quick else (epochs, folds)
    fast = _has_bfloat16() if bfloat16 is None else bfloat16
    missing: list[str] = []
    opened = opened_with_artists(source, missing)
    lengths = _lengths(opened)
    if quick:
        opened = _few(opened, lengths)
    kept = [c.id for c in opened.clips if lengths.get(c.id, LONG) < LONG]
    whole = opened.without([], kept)
    if len({c.label for c in whole.clips}) < 3:
        raise DataError(
            f"{opened.name}: {len(whole.clips)} of {len(opened.clips)} clips have {LONG:.0f} s or more, in fewer than three "
            "genres. Wanted: GTZAN or a part of it, with long clips: the paper cuts each into chunks of 4 s"
        )
    plan = Plan(epochs, folds, quick, fast, cache, say, missing)
    # What says most for its time first: whoever watches sees it early.
    ladders = parts.ladders(whole, plan)
    equal = parts.equal(opened, plan)
    cnn = parts.cnn(whole, plan)
    frozen = parts.frozen(opened, plan)
    return Reproduction(
        dataset=equal.dataset,
        lengths=lengths,
        long=len(whole.clips),
        cnn=cnn,
        frozen=frozen,
        ladders=ladders,
        equal=equal,
        missing=tuple(missing),
        epochs=epochs,
        quick=quick,
        bfloat16=fast,
        seconds=time.perf_counter() - began,
        versions=versions(),
        command=command,
    )


def opened_with_artists(source: str | Path | Dataset, missing: list[str]) -> Dataset:
    """GTZAN with artists as groups: by the table ``clips.csv`` in the folder if there is one, else by what is known of it.

    A clip whose artist is not known while others are is a group of its own; that is told in ``missing``.
    """
    table = None if isinstance(source, Dataset) else Path(located(source)).expanduser() / "clips.csv"
    dataset = load_dataset(table if table is not None and table.is_file() else source)
    unknown = sum(not c.group for c in dataset.clips)
    if not 0 < unknown < len(dataset.clips):
        return dataset
    missing.append(f"the artist of {unknown} clips: each of them counts as an artist of its own")
    clips = tuple(c if c.group else replace(c, group=f"unknown artist of {c.id}") for c in dataset.clips)
    return replace(dataset, clips=clips)


def _few(dataset: Dataset, lengths: Mapping[str, float], each: int = 6) -> Dataset:
    """The longest clips of every genre, ``each`` at most."""
    kept: set[str] = set()
    for label in dataset.classes:
        of = [c.id for c in dataset.clips if c.label == label]
        kept.update(sorted(of, key=lambda i: (-lengths.get(i, 0.0), i))[:each])
    return dataset.without([], [c.id for c in dataset.clips if c.id not in kept])


def _lengths(dataset: Dataset) -> dict[str, float]:
    found = {}
    for clip in dataset.clips:
        seconds = _seconds(clip)
        if seconds is not None:
            found[clip.id] = seconds
    return found


def _seconds(clip: Clip) -> float | None:
    if clip.duration is not None:
        return clip.duration
    try:
        seconds = probe(at_hand(clip.path)).seconds
    except (AudioError, OSError):
        return None
    return None if seconds is None else seconds - clip.start


def _has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 faster than in float32."""
    import torch

    return bool(torch.cpu.get_capabilities().get("amx_bf16"))
