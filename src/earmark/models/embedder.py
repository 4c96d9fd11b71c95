"""Sounds to vectors, as a transformer of scikit-learn."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import Backbone, Floats, load_backbone
from ..core.errors import DataError, RecipeError
from ..data.cache import Cache
from ..data.sounds import clips_of, sounds_in
from ..embeddings.make import embed
from ..embeddings.pooling import Pooling
from ._scikit_learn import BaseEstimator, TransformerMixin


class Embedder(TransformerMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Sounds (n,) -> vectors (n, d) float32: statistics of the embeddings that a backbone makes of each.

    Sounds are paths, ``(samples, rate)``, bytes of files, or open binary files. ``backbone`` is a name with its
    parameters as in a recipe; ``pool`` is "mean", "mean+std", … (see ``earmark.embeddings.pooling``); ``cache`` a
    ``Cache`` or its folder, or None: nothing is kept; ``rate`` (Hz) is that of bare arrays. Nothing is learnt: it transforms without having been fitted.

    >>> import numpy as np
    >>> tones = [(np.sin(np.arange(16000) * f), 16000) for f in (0.05, 0.1)]
    >>> Embedder("mfcc", pool="mean+std").transform(tones).shape
    (2, 120)
    """

    def __init__(
        self,
        backbone: str = "yamnet",
        pool: str = "mean",
        cache: Cache | str | Path | None = None,
        *,
        rate: int | None = None,
    ) -> None:
        self.backbone = backbone
        self.pool = pool
        self.cache = cache
        self.rate = rate

    def fit(self, X: Any, y: Any = None) -> Embedder:  # noqa: ARG002 - as scikit-learn calls it
        """Look at the parameters; ``X`` and ``y`` change nothing. Raises RecipeError, WeightsError, DataError."""
        sounds_in(X, self.rate)
        self._built()
        return self

    def transform(self, X: Any) -> Floats:
        """Vectors (n, d) float32 of sounds (n,). Raises DataError if one of them cannot be used, RecipeError, WeightsError."""
        backbone = self._built()
        cache = Cache(self.cache) if isinstance(self.cache, (str, Path)) else self.cache
        with clips_of(sounds_in(X, self.rate)) as clips:
            found = embed(clips, backbone, cache=cache)
        if found.excluded:
            first = next(iter(found.excluded.values()))
            raise DataError(
                f"{len(found.excluded)} of {len(clips)} sounds cannot be used, e.g. {first.path}: {first.reason}. Leave them out"
            )
        return found.vectors(self.pool).copy()

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Names (d,) of the columns: backbone, statistic and number, e.g. ``"yamnet_mean_0"``."""
        backbone = self._built()
        width = int(np.prod(backbone.shape))
        names = [f"{backbone.name}_{how}_{i}" for how in Pooling(self.pool).statistics for i in range(width)]
        return np.array(names, dtype=object)

    def _built(self) -> Backbone:
        if not Pooling(self.pool).by_vector:
            raise RecipeError(
                f"found pool={self.pool!r}, which makes no vector of a sound; wanted e.g. 'mean', 'mean+std'"
            )
        return _backbone(self.backbone)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        return _takes_sounds(super().__sklearn_tags__(), fitted=False)


@lru_cache(maxsize=4)
def _backbone(text: str) -> Backbone:
    """A backbone, built once for all folds and copies of a search."""
    return load_backbone(text)


def _takes_sounds(tags: Any, *, fitted: bool) -> Any:
    """What scikit-learn should know of an estimator whose input are sounds, not a table of numbers."""
    tags.input_tags.two_d_array = False
    tags.input_tags.string = True
    tags.no_validation = True
    tags.requires_fit = fitted
    return tags
