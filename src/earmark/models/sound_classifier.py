"""A recipe as an estimator of scikit-learn: sounds and labels in, a model that can be kept out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DataError
from ..data.cache import Cache
from ..data.clips import Dataset
from ..data.sounds import clips_of, sounds_in
from ..recipes.recipe import Recipe
from ._scikit_learn import (
    BaseEstimator,
    ClassifierMixin,
    check_classification_targets,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)
from .branch import Prediction
from .embedder import _takes_sounds
from .model import Model
from .train import train


class SoundClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """``earmark.train`` as a classifier: ``fit(sounds, y, groups=…)``, then ``predict``, ``predict_proba``, ``save``.

    Sounds are paths, ``(samples, rate)``, bytes of files, or open binary files. ``recipe`` is what ``train`` takes;
    ``protocol``, ``folds`` and ``seed`` say how the model is evaluated out of fold while it is fitted, which
    calibrates its probabilities; ``cache`` is a ``Cache`` or its folder, or None: nothing is kept. ``rate`` (Hz) is
    that of bare arrays.

    ``model_`` is the trained Model, ``classes_`` (k,) the labels in the kind they came in, ``excluded_`` the sounds
    that could not be learnt from, with the reason. In a search ask for groups by
    ``SoundClassifier().set_fit_request(groups=True)``.

    >>> import numpy as np
    >>> tones = [(np.sin(np.arange(16000) * f), 16000) for f in (0.05, 0.052, 0.054, 0.2, 0.202, 0.204)]
    >>> made = SoundClassifier("mfcc/lda", folds=2).fit(tones, [3, 3, 3, 10, 10, 10])
    >>> made.predict(tones[:1])
    array([3])
    """

    def __init__(
        self,
        recipe: str | Recipe = "yamnet/logreg",
        *,
        protocol: str | None = None,
        folds: int = 5,
        seed: int = 0,
        cache: Cache | str | Path | None = None,
        rate: int | None = None,
    ) -> None:
        self.recipe = recipe
        self.protocol = protocol
        self.folds = folds
        self.seed = seed
        self.cache = cache
        self.rate = rate

    def fit(self, X: Any, y: Any, groups: Any = None) -> SoundClassifier:
        """Train on sounds (n,) with labels (n,); ``groups`` (n,) is what must not be cut apart when evaluating.

        Warns of sounds that cannot be used; they are told in ``excluded_``. Raises DataError, RecipeError, WeightsError.
        """
        sounds = sounds_in(X, self.rate)
        classes, index, names = labels_of(y)
        check_consistent_length(sounds, index)
        with clips_of(sounds, (names[i] for i in index), groups_in(groups, len(sounds))) as clips:
            found = _train(self, Dataset("sounds", clips))
        self.model_: Model = found
        self.classes_ = classes
        self._order = np.array([found.classes.index(name) for name in names if name in found.classes])
        if len(self._order) < len(names):
            gone = sorted(set(names) - set(found.classes))
            raise DataError(f"no sound of the class {gone[0]!r} can be used; leave it out, or mend its sounds")
        self.excluded_ = tuple(found.card.data.excluded)
        if self.excluded_:
            first = self.excluded_[0]
            warnings.warn(
                f"{len(self.excluded_)} of {len(sounds)} sounds could not be learnt from, e.g. {first.path}: {first.reason}",
                stacklevel=2,
            )
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Calibrated probabilities (n, k), columns as ``classes_``. Raises AudioError if a sound cannot be used."""
        check_is_fitted(self, "model_")
        found: list[Prediction] = [self.model_.predict(sound) for sound in sounds_in(X, self.rate)]
        scores = np.array([list(one.scores.values()) for one in found]).reshape(-1, len(self.classes_))
        return scores[:, self._order]

    def predict(self, X: Any) -> NDArray[Any]:
        """The best class (n,) of each sound, in the kind that labels came in. Raises AudioError."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Keep the trained model as ``Model.save`` does: ``earmark.load_model`` and ``earmark predict`` take the folder."""
        check_is_fitted(self, "model_")
        return self.model_.save(folder, force=force)

    def __sklearn_tags__(self) -> Any:
        return _takes_sounds(super().__sklearn_tags__(), fitted=True)


def _train(given: SoundClassifier, dataset: Dataset) -> Model:
    cache = Cache(given.cache) if isinstance(given.cache, (str, Path)) else given.cache
    return train(dataset, given.recipe, protocol=given.protocol, folds=given.folds, seed=given.seed, cache=cache)


def labels_of(y: Any) -> tuple[NDArray[Any], NDArray[np.int64], list[str]]:
    """Classes (k,) as they came, index of each label (n,) into them, and the classes' names. Raises DataError, ValueError.

    >>> labels_of([2, 10, 2])
    (array([ 2, 10]), array([0, 1, 0]), ['2', '10'])
    """
    if y is None:
        raise DataError("found no labels: y is None; wanted one label for each sound")
    labels = column_or_1d(y)
    check_classification_targets(labels)
    try:
        classes, index = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise DataError(f"found labels of kinds that cannot be sorted ({error}); wanted one kind, e.g. text") from error
    names = [str(label) for label in classes]
    if not all(names) or len(set(names)) < len(names):
        raise DataError("found labels that are empty or read the same, such as 1 and '1'; wanted one kind, e.g. text")
    return classes, index, names


def groups_in(groups: Any, count: int) -> list[str | None]:
    """Names of groups (n,); None where nothing is known. Raises ValueError if there are not ``count``."""
    if groups is None:
        return [None] * count
    found = list(groups)
    check_consistent_length(found, np.zeros(count))
    return [None if one is None else str(one) for one in found]
