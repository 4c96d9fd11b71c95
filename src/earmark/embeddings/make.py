"""Sound -> backbone -> embeddings, each clip once: the pipeline and the cache.

The cache is keyed by content: sha256 of the file, start and duration, and the backbone's fingerprint. A file that
moves or is renamed is found again; a backbone whose facts change is not. Embeddings are written to a temporary name and
renamed, so that two processes may share a cache and a killed one leaves nothing half-written.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from .. import audio
from ..audio import silence
from ..audio.memory import Held, is_held
from ..backbones.base import Backbone, Floats, load_backbone
from ..core import interrupts
from ..core.errors import AudioError, DataError
from ..core.frames import frame
from ..core.progress import bar, seconds
from ..core.renderers import Columns, Shown, counted
from ..core.storage import at_hand
from ..data.cache import Cache, content_key
from ..data.clips import Clip, Excluded, known, picked
from ..data.load import load_dataset
from ..data.sounds import clips_of, sounds_in, with_rate
from ..data.sources import Source
from ..data.targets import Targets
from ..data.windows import Windows
from .pooling import pool_vectors

if TYPE_CHECKING:
    from ..audio.transforms import Change


@dataclass(frozen=True, repr=False)
class Embeddings(Shown):
    """Embeddings of clips. ``X`` (windows, *shape) float32; ``clip`` (windows,) index into ``ids``, ascending.

    ``start`` and ``end`` (windows,) are seconds in the recording, NaN where a file does not tell; ``recordings`` has one
    id a clip. ``targets``: of each window, where the data tell. ``digest`` (one per clip) is the content key: equal digests are the same samples. ``excluded`` are the clips that
    gave no embeddings, with the reason; they are not in ``ids``. ``labels`` and ``group_names`` (one per clip) are what is
    known of the clips; ``y`` and ``groups`` are the same for each window, as long as ``X``.
    """

    X: Floats
    clip: NDArray[np.int64]
    ids: tuple[str, ...]
    start: NDArray[np.float64]
    digest: tuple[str, ...]
    fingerprint: str
    excluded: dict[str, Excluded]
    end: NDArray[np.float64]
    recordings: tuple[str, ...]
    targets: Targets | None = None
    labels: tuple[str | None, ...] = ()
    group_names: tuple[str | None, ...] = ()
    _pooled: dict[str, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    def select(self, ids: Sequence[str]) -> Embeddings:
        """Embeddings of the clips ``ids`` only, in that order. Raises DataError if one has no embeddings."""
        place = {name: i for i, name in enumerate(self.ids)}
        missing = [i for i in ids if i not in place]
        if missing:
            raise DataError(f"{len(missing)} clips have no embeddings, e.g. {missing[0]!r}")
        return self._part([place[i] for i in ids])

    def __getitem__(self, index: Any) -> Embeddings:
        """Embeddings of a part of the clips: by number, numbers, slice or mask (clips,), in that order. Raises IndexError.

        >>> import numpy as np
        >>> embed([(np.sin(np.arange(16000)), 16000), (np.sin(np.arange(8000)), 16000)], "mfcc")[[1]].ids
        ('sound 1',)
        """
        return self._part(picked(index, len(self.ids)))

    def __len__(self) -> int:
        """How many clips there are."""
        return len(self.ids)

    def __bool__(self) -> bool:
        return True

    def _part(self, order: Sequence[int]) -> Embeddings:
        if list(order) == list(range(len(self.ids))):
            return self
        cuts = np.searchsorted(self.clip, np.arange(len(self.ids) + 1))
        embeddings = np.concatenate([np.arange(0), *(np.arange(cuts[i], cuts[i + 1]) for i in order)])
        lengths = np.array([cuts[i + 1] - cuts[i] for i in order], int)
        return Embeddings(
            X=self.X[embeddings],
            clip=np.repeat(np.arange(len(order)), lengths),
            ids=tuple(self.ids[i] for i in order),
            start=self.start[embeddings],
            end=self.end[embeddings],
            recordings=tuple(self.recordings[i] for i in order),
            digest=tuple(self.digest[i] for i in order),
            fingerprint=self.fingerprint,
            excluded={},
            targets=None if self.targets is None else self.targets[embeddings],
            labels=tuple(self.labels[i] for i in order) if self.labels else (),
            group_names=tuple(self.group_names[i] for i in order) if self.group_names else (),
        )

    @property
    def windows(self) -> Windows:
        """Recording, start and end of each."""
        names = np.array(self.recordings, np.str_) if self.recordings else np.zeros(0, np.str_)
        return Windows(names[self.clip], self.start, self.end)

    @property
    def y(self) -> NDArray[np.str_]:
        """The label of each window (windows,). Raises DataError if one is not known."""
        if not self.labels or None in self.labels:
            raise DataError(f"{self!r}: not every clip has a label. Wanted: embeddings of labelled clips")
        return np.array(self.labels, dtype=np.str_)[self.clip]

    @property
    def groups(self) -> NDArray[np.str_] | None:
        """The group of each window (windows,), or None if no groups are known. A clip without one is a group of its own."""
        if not any(self.group_names):
            return None
        names = [group or f"only {name}" for group, name in zip(self.group_names, self.ids, strict=True)]
        return np.array(names, dtype=np.str_)[self.clip]

    def pooled(self, how: str) -> Embeddings:
        """One embedding per clip: the statistics ``how`` of its windows (``vectors``), with the rest as it was."""
        first = np.searchsorted(self.clip, np.arange(len(self.ids)))
        last = np.searchsorted(self.clip, np.arange(len(self.ids)), side="right") - 1
        return replace(
            self,
            X=self.vectors(how),
            clip=np.arange(len(self.ids)),
            start=self.start[first],
            end=self.end[last],
            targets=None,
        )

    def _line(self) -> str:
        shape = "x".join(map(str, self.X.shape[1:]))
        told = [f"{counted(len(self.X), 'window')} of {counted(len(self.ids), 'clip')}", f"{shape} numbers each"]
        return ", ".join([*told, *([f"{len(self.excluded)} excluded"] if self.excluded else [])])

    def _columns(self) -> Columns:
        """A line a window: id, start, label, group, and each number of its embedding."""
        facts = {"label": self.labels, "group": self.group_names}
        columns: dict[str, Any] = {"id": [self.ids[i] for i in self.clip], "start": self.start.tolist()}
        columns |= {name: [values[i] for i in self.clip] for name, values in facts.items() if any(values)}
        flat = self.X.reshape(len(self.X), int(np.prod(self.X.shape[1:])))
        return columns | {f"x{i}": column for i, column in enumerate(flat.T)}

    def to_frame(self) -> Any:
        """A pandas DataFrame, a line a window. Raises MissingExtraError if pandas is not installed."""
        return frame(self._columns())

    def vectors(self, how: str) -> Floats:
        """One vector per clip (clips, d), read-only: the statistics ``how`` of its embeddings, e.g. ``"mean+std"``.

        They are kept: nothing in them is fitted, so every fold and every head asks for the same.
        """
        if how not in self._pooled:
            made = pool_vectors(self.X, self.clip, len(self.ids), how)
            made.flags.writeable = False
            self._pooled[how] = made
        return self._pooled[how]

    def spread(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """One value per clip -> one per window."""
        return values[self.clip]


def embedding_blocks(
    source: audio.Source,
    backbone: Backbone,
    *,
    start: float = 0.0,
    duration: float | None = None,
    watch: Callable[[float], None] | None = None,
) -> Iterator[Floats]:
    """Embeddings of one sound in blocks of about half a minute, in order: memory does not grow with its length.

    ``watch`` is told after each block how many seconds were read; it may raise to end the work. Raises AudioError if
    the sound cannot be used; also, at its end, if there is nothing to hear in any window.
    """
    if isinstance(source, (str, Path)):
        source = at_hand(source)
    window, hop = backbone.window_samples, backbone.hop_samples
    seconds = max(30.0, 4 * window / backbone.sample_rate)
    held = np.zeros(backbone.pad_left, np.float32)
    given = audible = False

    def blocks() -> Iterator[Floats]:
        read = 0
        for block in audio.blocks(source, backbone.sample_rate, start=start, duration=duration, seconds=seconds):
            read += len(block)
            if watch is not None:
                watch(read / backbone.sample_rate)
            yield block

    if backbone.trim_db is None:
        sound = blocks()
    else:  # read twice: where the sound begins and ends is only known at its end
        sound = silence.trimmed(blocks(), *silence.edges(blocks(), backbone.trim_db))
    for block in sound:
        held = np.concatenate([held, block]) if len(held) else block
        if len(held) >= window:
            embeddings = 1 + (len(held) - window) // hop
            audible = audible or bool(silence.audible(held, window, hop).any())
            yield _embeddings(backbone, held[: window + (embeddings - 1) * hop])
            held, given = held[embeddings * hop :], True
    if not given:
        yield backbone.embed(held[backbone.pad_left :])
    elif not audible:
        raise AudioError(
            audio.name_of(source), f"silent: nothing above -80 dBFS in any of its windows of {backbone.window:g} s"
        )


def _embeddings(backbone: Backbone, samples: Floats) -> Floats:
    inputs = backbone.front(samples)
    return inputs if backbone.net is None else backbone.net(inputs)


def _clips(source: Sequence[Clip] | Source) -> Sequence[Clip]:
    if isinstance(source, Sequence) and not isinstance(source, (str, bytes, bytearray)):
        clips = [one for one in source if isinstance(one, Clip)]
        if len(clips) == len(source):
            return clips
    return load_dataset(cast("Source", source)).clips


def embed(
    source: Sequence[Clip] | Source | Held | Sequence[audio.Source],
    backbone: Backbone | str,
    *,
    cache: Cache | None = None,
    workers: int | None = None,
    change: Change | None = None,
    rate: int | None = None,
) -> Embeddings:
    """Embeddings of all clips, from the cache where they are known. A clip that cannot be used is told in ``excluded``.

    ``source`` are clips, what ``load_dataset`` opens, or sounds in memory: one or a list of ``(samples, rate)``, bytes of
    files, open files, paths (``ids`` are then "sound 0" and so on). ``backbone`` is built or a name with its parameters as in a
    recipe, e.g. ``"yamnet"`` or ``"logmel(seconds=4)"``. ``workers`` files are worked on at once (default: one per processor); nets run on one thread each.
    ``rate`` (Hz) is that of bare arrays. ``change`` is done to each sound first (see ``effects``); embeddings of changed sounds are cached under its key.
    """
    if isinstance(backbone, str):
        backbone = load_backbone(backbone)
    one = with_rate(source, rate)
    held = [one] if is_held(one) else one
    if isinstance(held, (list, tuple)) and any(is_held(h) or isinstance(h, np.ndarray) for h in held):
        with clips_of(sounds_in(held, rate)) as made:
            return embed(made, backbone, cache=cache, workers=workers, change=change)
    clips = _clips(cast("Source", source))
    found: list[tuple[Clip, str, Floats]] = []
    excluded: dict[str, Excluded] = {}
    for one in embedded(clips, backbone, cache=cache, workers=workers, change=change):
        if isinstance(one, Excluded):
            excluded[one.path] = one
        else:
            blocks = list(one.blocks)
            found.append((one.clip, one.digest, blocks[0] if len(blocks) == 1 else np.concatenate(blocks)))
    lengths = [len(embeddings) for _, _, embeddings in found]
    start = np.concatenate(
        [
            np.zeros(0),
            *(clip.start + backbone.hop * np.arange(n) for (clip, _, _), n in zip(found, lengths, strict=True)),
        ]
    )
    return Embeddings(
        X=np.concatenate([embeddings for _, _, embeddings in found])
        if found
        else np.zeros((0, *backbone.shape), np.float32),
        clip=np.repeat(np.arange(len(found)), lengths),
        ids=tuple(clip.id for clip, _, _ in found),
        start=start,
        end=start + backbone.window,
        recordings=tuple(clip.recording_id for clip, _, _ in found),
        digest=tuple(digest for _, digest, _ in found),
        fingerprint=backbone.fingerprint,
        excluded=excluded,
        labels=tuple(clip.label for clip, _, _ in found),
        group_names=tuple(known(clip.group) for clip, _, _ in found),
    )


def _seconds(clip: Clip) -> float | None:
    """How long a clip promises to be; None: it promises nothing."""
    if clip.duration is not None:
        return clip.duration
    try:
        promised = audio.probe(clip.path).seconds
    except (AudioError, OSError, ValueError):
        return 0.0  # nothing to show: it is told as what it is where it is read
    return None if promised is None else promised - clip.start


@dataclass(frozen=True)
class ClipEmbeddings:
    """Embeddings of one clip, in blocks (windows, *shape); many blocks are read from the cache one by one."""

    clip: Clip
    digest: str
    blocks: Iterable[Floats]


def embedded(
    clips: Sequence[Clip],
    backbone: Backbone,
    *,
    cache: Cache | None = None,
    workers: int | None = None,
    change: Change | None = None,
) -> Iterator[ClipEmbeddings | Excluded]:
    """What ``embed`` gives, clip by clip in order. With a cache, memory grows neither with clips nor their length."""

    def digest_of(content: str) -> str:
        return f"{content} {change.key}" if change else content

    def kept(clip: Clip, content: str | None) -> ClipEmbeddings | None:
        if cache is None or content is None:
            return None
        embeddings = cache.blocks(digest_of(content), backbone)
        return None if embeddings is None else ClipEmbeddings(clip, digest_of(content), embeddings)

    def one(clip: Clip) -> ClipEmbeddings | Excluded:
        try:
            content = content_key(clip, cache)
            if found := kept(clip, content):
                return found
            digest = digest_of(content)
            if change is None:
                made = embedding_blocks(clip.path, backbone, start=clip.start, duration=clip.duration, watch=watch)
            else:
                rate = backbone.sample_rate
                samples = audio.load(at_hand(clip.path), rate, start=clip.start, duration=clip.duration)
                made = iter([backbone.embed(change(samples, rate, content))])
            return ClipEmbeddings(clip, digest, cache.keep_blocks(digest, backbone, made) if cache else list(made))
        except AudioError as error:
            return Excluded(clip.id, error.reason)

    workers = workers or os.cpu_count() or 1
    label, alone = f"embed {backbone.name}", len(clips) == 1
    with (
        interrupts.pool(workers) as pool,
        bar(label, len(clips)) as step,
        seconds(label, _seconds(clips[0])) if alone else nullcontext() as watch,
    ):
        # A few clips ahead of whoever takes them, so that results do not pile up.
        waiting: deque[Future[ClipEmbeddings | Excluded]] = deque()
        for clip in clips:
            # What is known is read here: to hand that over takes longer than to do it.
            if cache and not waiting and (found := kept(clip, cache.known_key(clip))):
                yield found
                step()
                continue
            waiting.append(pool.submit(one, clip))
            if len(waiting) > 4 * workers:
                yield waiting.popleft().result()
                step()
        while waiting:
            yield waiting.popleft().result()
            step()
