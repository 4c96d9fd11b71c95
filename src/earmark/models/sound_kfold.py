"""Folds of sounds for scikit-learn's ``cv=``: groups stay whole, and copies of one recording stay together."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from ..data.cache import Cache
from ..data.clips import Dataset
from ..data.duplicates import with_recordings
from ..data.sounds import clips_of, sounds_in
from ..data.split import Ints, clip_splits
from ._scikit_learn import BaseEstimator, check_consistent_length, check_random_state
from .sound_classifier import groups_in, labels_of

_PROTOCOLS = ("groups", "clips")


class SoundKFold(BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Splits of sounds into ``n_splits`` folds with classes spread evenly, as ``earmark.compare`` makes them.

    Under ``protocol="groups"`` each group is whole on one side; under "clips" there are no groups. Under both, sounds of
    equal content, and what sounds as one recording (re-encoded, cut, louder), are on one side. ``random_state`` draws the
    folds: the same number gives the same ones, None others each time; without ``shuffle`` they are always those of 0.
    ``cache`` (a ``Cache`` or its folder) keeps what was heard of files; ``rate`` (Hz) is that of bare arrays.

    >>> import numpy as np
    >>> tones = [(np.sin(np.arange(16000) * f), 16000) for f in (0.05, 0.06, 0.2, 0.21)]
    >>> folds = SoundKFold(2, protocol="groups")
    >>> [test.tolist() for _, test in folds.split(tones, ["low", "low", "high", "high"], groups=[1, 2, 1, 2])]
    [[1, 3], [0, 2]]
    """

    __metadata_request__split = {"groups": True}  # noqa: RUF012 - scikit-learn's name: groups= comes here unasked

    def __init__(
        self,
        n_splits: int = 5,
        *,
        protocol: str = "groups",
        shuffle: bool = True,
        random_state: Any = 0,
        cache: Cache | str | Path | None = None,
        rate: int | None = None,
    ) -> None:
        self.n_splits = n_splits
        self.protocol = protocol
        self.shuffle = shuffle
        self.random_state = random_state
        self.cache = cache
        self.rate = rate

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:
        """Indices of the training and the test side of each fold, for sounds (n,), labels (n,) and groups (n,).

        Raises DataError if the sounds do not allow ``n_splits`` folds, with what they allow.
        """
        if self.protocol not in _PROTOCOLS:
            raise DataError(f"found protocol={self.protocol!r}; wanted one of {', '.join(_PROTOCOLS)}")
        if self.protocol == "groups" and groups is None:
            raise DataError(
                "the protocol 'groups' needs groups=, one for each sound (artist, session, speaker); or take "
                "SoundKFold(protocol='clips') and read the accuracy as an upper bound"
            )
        sounds = sounds_in(X, self.rate)
        seed = self._seed()
        _, index, names = labels_of(y)
        check_consistent_length(sounds, index)
        known = groups_in(groups if self.protocol == "groups" else None, len(sounds))
        cache = Cache(self.cache) if isinstance(self.cache, (str, Path)) else self.cache
        with clips_of(sounds, (names[i] for i in index), known) as clips:
            dataset = with_recordings(Dataset("sounds", clips), cache=cache)
            splits = clip_splits(dataset, self.protocol, folds=self.n_splits, seed=seed)
        if len(splits) != self.n_splits:
            raise DataError(f"found n_splits={self.n_splits}; these sounds allow SoundKFold({len(splits)}): take that")
        for part in splits:
            yield part.train, part.test

    def _seed(self) -> int:
        """Raises ValueError for what is no random state."""
        if not self.shuffle:
            return 0
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """``n_splits``: never fewer."""
        return self.n_splits
