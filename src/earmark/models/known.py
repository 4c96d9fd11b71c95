"""What a model keeps of the sounds that it was trained on, so that ``evaluate`` can tell copies, and known groups.

A file of the bundle, a fact a line: the content key of each clip, hashed names of groups, of whole files and of the
embeddings of each clip, and of each sound a ``Trace``. Nobody can hear or read the sounds from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BundleError, MissingExtraError, need_extra
from ..core.text import count
from ..data.cache import Cache
from ..data.clips import Clip
from ..data.duplicates.measure import measure_all
from ..data.duplicates.traces import Trace, copies, thinned
from .model import Model
from .prepare import Data

TRAINED_ON = "trained-on.txt"
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Known:
    """Of evaluated clips (clips,): which hold a sound that the model was trained on, and which others are of a group that
    it learnt from. ``notes``: what could not be looked at.
    """

    copies: Mask
    groups: Mask
    notes: tuple[str, ...] = ()

    @property
    def any(self) -> Mask:
        """Clips that are no test of the model."""
        return np.asarray(self.copies | self.groups)


@dataclass
class _Kept:
    """The lines of the file by what they say."""

    contents: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    embeddings: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    traces: list[Trace] = field(default_factory=list)


def kept(data: Data) -> bytes:
    """The file about the clips that a model is trained on."""
    groups = {g for g in data.dataset.groups if g is not None}
    lines = {
        *map(_content, data.digests),
        *(f"file {_file(d)}" for d in data.digests if "+" in d),
        *(f"embeddings {one}" for one in _embeddings(data)),
        *(f"group {_short(g)}" for g in groups),
        *(f"sound {trace}" for trace in thinned(data.traces)),
    }
    return "\n".join(sorted(lines)).encode()


def known(model: Model, data: Data, *, cache: Cache | None = None) -> Known:
    """Which of these clips the model knows. Raises BundleError if what it keeps of its training is damaged."""
    have, notes = _read(model), []
    same = np.array([_content(d) in have.contents or ("+" in d and _file(d) in have.contents) for d in data.digests])
    same |= np.array(["+" not in d and _file(d) in have.files for d in data.digests])
    if data.made_by is not None or not have.traces:  # else the sounds themselves say it
        same |= np.array([one in have.embeddings for one in _embeddings(data)])
    elif not same.all():
        rest = np.flatnonzero(~same)
        try:
            same[rest] = copies(have.traces, _traces([data.dataset.clips[i] for i in rest], cache))
        except MissingExtraError as error:
            notes.append(f"Only equal bytes were looked for, no other copies of what the model was trained on: {error}")
    group = np.array([g is not None and _short(g) in have.groups for g in data.dataset.groups])
    group |= np.array(["+" in d and _file(d) in have.files for d in data.digests])  # another part of one file
    if not have.traces and data.made_by is None:
        notes.append(
            "This model does not know what its training sounds sounded like (it learnt from embeddings, or an older Earmark made "
            "it): copies in other formats were not looked for."
        )
    if have.groups and not data.dataset.has_groups:
        notes.append(
            "These clips have no groups, so whether the model learnt from their artists, sessions or speakers is not known. Add a "
            "column 'group' if you can."
        )
    return Known(same, group & ~same, tuple(notes))


def leak_notes(data: Data, found: Known) -> tuple[str, ...]:
    """What to say of clips that the model knows."""
    clips, told = data.dataset.clips, []
    if found.copies.any():
        first = clips[int(found.copies.argmax())].id
        told.append(
            f"{found.copies.sum()} of these {count(len(clips), 'clip')} are sounds that the model was trained on (the same bytes, or "
            f"copies: in another format, cut, louder), e.g. {first}: its scores on them say nothing. Evaluate it on others, or read "
            "the scores out of fold in its model card"
        )
    if found.groups.any():
        clip = clips[int(found.groups.argmax())]
        named = f" ({clip.group})" if clip.group else ""
        told.append(
            f"{found.groups.sum()} of these {count(len(clips), 'clip')} are of groups that the model learnt from, by the groups' names "
            f"or as parts of one file, e.g. {clip.id}{named}: its scores on them flatter. Where the names mean other groups here, "
            "name them otherwise"
        )
    return (*told, *found.notes)


def _traces(clips: Sequence[Clip], cache: Cache | None) -> list[Trace | None]:
    need_extra("finding duplicates", "scipy")
    return [Trace.of(facts, None) for facts in measure_all(clips, cache=cache)]


def _read(model: Model) -> _Kept:
    found = _Kept()
    try:
        for line in model.extra.get(TRAINED_ON, b"").decode().splitlines():
            what, _, rest = line.partition(" ")
            if what == "sound":
                found.traces.append(Trace.parsed(rest))
            else:
                kind = {"file": found.files, "embeddings": found.embeddings, "group": found.groups}
                kind.get(what, found.contents).add(rest or what)
    except ValueError as error:
        raise BundleError(
            f"{TRAINED_ON} of this model is damaged ({error}); train it again or get a fresh copy"
        ) from error
    return found


def _embeddings(data: Data) -> list[str]:
    """A hash of the embeddings of each clip, as files and stores of embeddings have it."""
    first = next(iter(data.embeddings.values()))
    cuts = np.searchsorted(first.clip, np.arange(len(first.ids) + 1))
    return [hashlib.sha256(first.X[a:b].tobytes()).hexdigest()[:32] for a, b in pairwise(cuts.tolist())]


def _content(digest: str) -> str:
    """Half a hash is enough to tell sounds apart, and says nothing of them; of a part of a file another one."""
    return _short(digest) if "+" in digest else digest[:32]


def _file(digest: str) -> str:
    return digest.partition("+")[0][:32]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:32]
