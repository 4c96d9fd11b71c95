"""Sounds as programs hold them, paths and samples side by side, as clips."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from ..audio.decoders import Source
from ..audio.memory import as_bytes, is_held
from ..core.errors import DataError
from .clips import Clip, writable

_WANTED = "wanted a list of sounds: paths, (samples, rate), the bytes of files, or open binary files"


def with_rate(sound: Any, rate: int | None) -> Any:
    """A bare array of numbers as ``(samples, rate)``, anything else as it is. Raises DataError if the rate is not known.

    >>> import numpy as np
    >>> with_rate(np.zeros(2), 16000)
    (array([0., 0.]), 16000)
    """
    if not (isinstance(sound, np.ndarray) and sound.ndim and sound.dtype.kind in "iuf"):
        return sound
    if rate is None:
        raise DataError(
            "found samples without their rate; wanted (samples, rate), or rate= beside them, e.g. rate=16000"
        )
    return sound, rate


def sounds_in(given: Any, rate: int | None = None) -> list[Source]:
    """The sounds of a list, an array or a column, (n,) or (n, 1), in order. Raises DataError for what is none.

    ``rate`` (Hz) is that of bare arrays; with it a table of numbers (n, samples) is n sounds.
    """
    if rate is not None and isinstance(given, np.ndarray) and given.ndim == 2 and given.dtype.kind in "iuf":
        given = list(given)
    if isinstance(given, (str, os.PathLike)) or is_held(given):
        raise DataError(f"found one sound; {_WANTED}. Put it into a list: [sound]")
    if getattr(given, "ndim", 1) == 2:  # a table of one column, as scikit-learn hands them round
        shape = tuple(given.shape)
        if shape[1] != 1:
            raise DataError(f"found a table of shape {shape}; {_WANTED}, so one column")
        given = getattr(given, "to_numpy", lambda: given)()[:, 0]
    try:
        found = list(given)
    except TypeError as error:
        raise DataError(f"found a value of the kind {type(given).__qualname__}; {_WANTED}") from error
    if rate is not None:
        found = [with_rate(one, rate) for one in found]
    for number, one in enumerate(found):
        if not (is_held(one) or (isinstance(one, (str, os.PathLike)) and os.fspath(one))):
            bare = " Or say the rate of bare arrays: rate=16000" if isinstance(one, np.ndarray) else ""
            raise DataError(f"found a {type(one).__qualname__} at place {number}; {_WANTED}.{bare}".removesuffix("."))
    return [one if is_held(one) else Path(one) for one in found]


@contextmanager
def clips_of(
    sounds: Sequence[Source],
    labels: Iterable[str | None] = repeat(None),
    groups: Iterable[str | None] = repeat(None),
) -> Iterator[tuple[Clip, ...]]:
    """Clips of sounds, with labels and groups (n,). Those in memory lie in a temporary folder as long as this is open.

    A file there is called by its content, so that equal sounds are one file. Raises AudioError for what is no sound.
    """
    with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
        clips = []
        for number, (sound, label, group) in enumerate(zip(sounds, labels, groups)):  # noqa: B905 - the rest repeats
            name = f"sound {number}"
            if is_held(sound):
                content = as_bytes(sound)
                path = Path(folder) / hashlib.sha256(content).hexdigest()
                if not path.exists():
                    path.write_bytes(content)
            else:
                path = Path(str(sound))
                name = f"{name} ({writable(str(path))})"
            clips.append(Clip(name, path, label, group))
        yield tuple(clips)
