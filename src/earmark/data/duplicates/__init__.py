"""Copies of one recording: found by what the sound is, so that no split cuts them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ...core.errors import need_extra
from ...core.union import united
from ..cache import Cache
from ..clips import Dataset
from .facts import Facts
from .find import pairs
from .measure import measure_all


def with_recordings(
    dataset: Dataset, facts: Sequence[Facts] | None = None, *, cache: Cache | None = None, workers: int | None = None
) -> Dataset:
    """The data set with ``Clip.recording`` set where several clips hold one recording: the id of the first of them.

    What every split keeps together. A second time costs little: what was heard of a file is kept in ``cache`` by
    content. ``facts`` of the clips, where they are measured. Sounds of which clearly less could be decoded than their
    headers promise are named in a note. Raises MissingExtraError without the 'train' extra.
    """
    need_extra("finding duplicates", "scipy")
    clips = dataset.clips
    facts = measure_all(clips, cache=cache, workers=workers) if facts is None else facts
    found = pairs(facts)
    first = united(range(len(clips)), ((p.a, p.b) for p in found))
    members = {i for p in found for i in (p.a, p.b)}
    named = (replace(c, recording=clips[first[i]].id if i in members else None) for i, c in enumerate(clips))
    return replace(dataset, clips=tuple(named), notes=(*dataset.notes, *_truncated(dataset, facts)))


def with_twins(dataset: Dataset, digests: Sequence[str]) -> Dataset:
    """The same where only embeddings are known: clips of equal ``digests`` (one per clip) hold one recording."""
    first: dict[str, str] = {}
    for clip, digest in zip(dataset.clips, digests, strict=True):
        first.setdefault(digest, clip.id)
    twice = Counter(digests)
    named = (replace(c, recording=first[d]) if twice[d] > 1 else c for c, d in zip(dataset.clips, digests, strict=True))
    return replace(dataset, clips=tuple(named))


def _truncated(dataset: Dataset, facts: Sequence[Facts]) -> tuple[str, ...]:
    """A note on the sounds that were cut off, if there are any."""
    cut = [f"{c.id}: {f.truncation}" for c, f in zip(dataset.clips, facts, strict=True) if f.truncated]
    if not cut:
        return ()
    named = "; ".join(cut[:3]) + ("; …" if len(cut) > 3 else "")
    return (
        f"{len(cut)} of {len(facts)} sounds {'is' if len(cut) == 1 else 'are'} truncated: less could be decoded than the header promises, and what there is "
        f"was used ({named}). Copy them again, or take them out; `earmark audit` lists them all.",
    )
