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
    from .audits import Audit, audit  # noqa: F401
    from .core.errors import EarmarkError  # noqa: F401
    from .data.annotation_formats import load_annotations  # noqa: F401
    from .data.annotations import Annotation  # noqa: F401
    from .data.cache import Cache  # noqa: F401
    from .data.clips import Clip, Dataset, Excluded  # noqa: F401
    from .data.recorders import RecordingInfo, recording_info  # noqa: F401
    from .embeddings.embedded import Embedded  # noqa: F401
    from .embeddings.load import load_dataset  # noqa: F401
    from .embeddings.make import Embeddings, embed  # noqa: F401
    from .metrics.evaluation import Evaluation  # noqa: F401
    from .models.branch import Prediction  # noqa: F401
    from .models.embedder import Embedder  # noqa: F401
    from .models.evaluate import evaluate  # noqa: F401
    from .models.load import load_model  # noqa: F401
    from .models.model import Model  # noqa: F401
    from .models.predictions import Predictions, to_frame  # noqa: F401
    from .models.results import Comparison, Run  # noqa: F401
    from .models.sound_classifier import SoundClassifier  # noqa: F401
    from .models.sound_kfold import SoundKFold  # noqa: F401
    from .models.train import train  # noqa: F401
    from .recipes.recipe import Recipe  # noqa: F401
    from .studies.compare import compare  # noqa: F401
    from .studies.curve import Curve, curve  # noqa: F401
    from .studies.ladder import Ladder, ladder  # noqa: F401
    from .studies.rerun import Rerun, rerun  # noqa: F401
    from .studies.stress import Stress, stress  # noqa: F401
    from .studies.tune import Tuned, tune  # noqa: F401

_WHERE = {
    "Annotation": "data.annotations",
    "Audit": "audits",
    "Cache": "data.cache",
    "Clip": "data.clips",
    "Comparison": "models.results",
    "Curve": "studies.curve",
    "Dataset": "data.clips",
    "EarmarkError": "core.errors",
    "Embedded": "embeddings.embedded",
    "Embedder": "models.embedder",
    "Embeddings": "embeddings.make",
    "Evaluation": "metrics.evaluation",
    "Excluded": "data.clips",
    "Ladder": "studies.ladder",
    "Model": "models.model",
    "Prediction": "models.branch",
    "Predictions": "models.predictions",
    "Recipe": "recipes.recipe",
    "RecordingInfo": "data.recorders",
    "Rerun": "studies.rerun",
    "Run": "models.results",
    "SoundClassifier": "models.sound_classifier",
    "SoundKFold": "models.sound_kfold",
    "Stress": "studies.stress",
    "Tuned": "studies.tune",
    "audit": "audits",
    "compare": "studies.compare",
    "curve": "studies.curve",
    "embed": "embeddings.make",
    "evaluate": "models.evaluate",
    "ladder": "studies.ladder",
    "load_annotations": "data.annotation_formats",
    "load_model": "models.load",
    "load_dataset": "embeddings.load",
    "recording_info": "data.recorders",
    "rerun": "studies.rerun",
    "stress": "studies.stress",
    "to_frame": "models.predictions",
    "train": "models.train",
    "tune": "studies.tune",
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
