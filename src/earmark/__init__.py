"""Earmark: classify sounds from little labelled data, and know how far the numbers can be trusted.

>>> import earmark
>>> earmark.compare("sounds/", ["yamnet/logreg", "mfcc/svm"])          # doctest: +SKIP
>>> earmark.train("sounds/", "yamnet/logreg", "my-model")              # doctest: +SKIP
>>> earmark.load_model("my-model").predict("new.wav").label                  # doctest: +SKIP

Public names are imported on first use, so that ``import earmark`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .core import telemetry
from .core.version import __version__ as __version__

telemetry.off()  # before anything below imports what reports

if TYPE_CHECKING:  # for type checkers and editors; at run time see _WHERE
    from .core.errors import EarmarkError  # noqa: F401
    from .data.cache import Cache  # noqa: F401
    from .data.clips import Clip, Dataset  # noqa: F401
    from .embeddings.embedded import Embedded  # noqa: F401
    from .embeddings.load import load_dataset  # noqa: F401
    from .embeddings.make import Embeddings, embed  # noqa: F401
    from .models.branch import Prediction  # noqa: F401
    from .models.embedder import Embedder  # noqa: F401
    from .models.evaluate import evaluate  # noqa: F401
    from .models.load import load_model  # noqa: F401
    from .models.model import Model  # noqa: F401
    from .models.predictions import to_frame  # noqa: F401
    from .models.results import Comparison, Run  # noqa: F401
    from .models.sound_classifier import SoundClassifier  # noqa: F401
    from .models.sound_kfold import SoundKFold  # noqa: F401
    from .models.train import train  # noqa: F401
    from .recipes.recipe import Recipe  # noqa: F401
    from .studies.compare import compare  # noqa: F401
    from .studies.rerun import Rerun, rerun  # noqa: F401

_WHERE = {
    "Cache": "data.cache",
    "Clip": "data.clips",
    "Comparison": "models.results",
    "Dataset": "data.clips",
    "EarmarkError": "core.errors",
    "Embedded": "embeddings.embedded",
    "Embedder": "models.embedder",
    "Embeddings": "embeddings.make",
    "Model": "models.model",
    "Prediction": "models.branch",
    "Recipe": "recipes.recipe",
    "Rerun": "studies.rerun",
    "Run": "models.results",
    "SoundClassifier": "models.sound_classifier",
    "SoundKFold": "models.sound_kfold",
    "compare": "studies.compare",
    "embed": "embeddings.make",
    "evaluate": "models.evaluate",
    "load_model": "models.load",
    "load_dataset": "embeddings.load",
    "rerun": "studies.rerun",
    "to_frame": "models.predictions",
    "train": "models.train",
}

__all__ = sorted([*_WHERE, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'earmark' has no attribute {name!r}")
    value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
