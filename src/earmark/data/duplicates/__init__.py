"""Copies of one recording: found by what the sound is, so that no split cuts them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ...core.errors import need_extra
from ...core.union import united
from ..cache import Cache
from ..clips import Dataset
from ..copies import Copies
from .again import seem_sounded_again
from .facts import Facts
from .find import Pair, pairs
from .measure import measure_all

_LOOKED_AT = 200  # pairs at most that are asked whether they are sounded again
_BY_TABLE = (
    "Copies are those of the table (copies='table'): only clips of the very same samples are kept on one side of every "
    "split. What was re-encoded, cut or made louder counts as another recording unless a group says otherwise."
)


def copies_in(dataset: Dataset, facts: Sequence[Facts]) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """Pairs of clips that hold one recording, and what to say of those that only sound as if they did."""
    found = pairs(facts)
    if dataset.copies is Copies.TABLE:
        return tuple(p for p in found if p.kind != "recording"), (_BY_TABLE,)
    looked = found[:: -(-len(found) // _LOOKED_AT) or 1]  # each is decoded again, only to be told
    again = seem_sounded_again(dataset.clips, looked)
    if not again:
        return found, ()
    a, b = (dataset.clips[i].id for i in (again[0].a, again[0].b))
    count = f"{len(again)} pairs of clips" if len(again) > 1 else "A pair of clips"
    count += f" (of {len(looked)} that were looked at)" if len(looked) < len(found) else ""
    return found, (
        f"{count} that sound alike to the note may be a machine or a player sounded again and no copies (another noise floor, or "
        f"another timing), e.g. {a} and {b}. They are kept together, which is safe; --copies table (copies='table') keeps "
        "together what the groups of the table say, and the very same samples.",
    )


def with_recordings(
    dataset: Dataset, facts: Sequence[Facts] | None = None, *, cache: Cache | None = None, workers: int | None = None
) -> Dataset:
    """The data set with ``Clip.recording`` set where several clips hold one recording: the id of the first of them.

    What every split keeps together. What sounds alike but was sounded again is told in the notes. A second time costs
    little: what was heard of a file is kept in ``cache`` by content. ``facts`` of the clips, where they are measured.
    Sounds of which clearly less could be decoded than their headers promise are named in a note. Raises
    MissingExtraError without the 'train' extra.
    """
    need_extra("finding duplicates", "scipy")
    clips = dataset.clips
    facts = measure_all(clips, cache=cache, workers=workers) if facts is None else facts
    found, notes = copies_in(dataset, facts)
    first = united(range(len(clips)), ((p.a, p.b) for p in found))
    members = {i for p in found for i in (p.a, p.b)}
    named = (replace(c, recording=clips[first[i]].id if i in members else None) for i, c in enumerate(clips))
    fresh = tuple(note for note in (*notes, *_truncated(dataset, facts)) if note not in dataset.notes)
    return replace(dataset, clips=tuple(named), notes=(*dataset.notes, *fresh))


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
