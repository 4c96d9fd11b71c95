"""A classifier of scikit-learn that a program gives as a head: what it has to be, how it is called, and how it is fitted."""

from __future__ import annotations

import hashlib
import re
import sys
import warnings
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.pipeline import Pipeline

from ..core.errors import BundleError, EarmarkError, RecipeError
from ._flat import Flat, place_of_splits
from ._tempered import Tempered

_LONG = 90  # letters that a name has at most
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_WANTED = "wanted a classifier of scikit-learn that is not fitted yet, e.g. LogisticRegression(C=0.1)"


def shown(estimator: Any) -> str:
    """A short name in one line; of one that would be long the kind, and a sum that tells it from others of its kind.

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> shown(make_pipeline(StandardScaler(), SVC(C=3)))
    'Pipeline(StandardScaler(), SVC(C=3))'
    """
    with config_context(print_changed_only=True), np.printoptions(threshold=sys.maxsize):
        full = _text(estimator)
    if len(full) <= _LONG and re.fullmatch(r"[A-Z]\w*\([^/~\"…]*\)", full) and not _ADDRESS.search(full):
        return full
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else []
    kinds = "".join(f"{_kind(step)}, " for step in steps[:3]) + ("…, " if len(steps) > 3 else "")
    return f"{_kind(estimator)}({kinds}{hashlib.sha256(full.encode(errors='replace')).hexdigest()[:8]})"


def check(estimator: Any) -> None:
    """Raise RecipeError for what cannot be a head."""
    if isinstance(estimator, type):
        raise RecipeError(f"found the class {estimator.__name__}; {_WANTED}: call it, {estimator.__name__}()")
    if not (hasattr(estimator, "get_params") and hasattr(estimator, "fit") and is_classifier(estimator)):
        raise RecipeError(f"found a {type(estimator).__name__} as a head; {_WANTED}")
    try:
        clone(estimator)
    except (TypeError, RuntimeError, ValueError) as error:
        raise RecipeError(f"{shown(estimator)} cannot be cloned for each fold ({error}); {_WANTED}") from error
    scored, sure = hasattr(estimator, "decision_function"), hasattr(estimator, "predict_proba")
    if not (scored or sure):
        raise RecipeError(
            f"{shown(estimator)} has neither predict_proba nor decision_function, so it does not say how sure it is. "
            "Put it into scikit-learn's CalibratedClassifierCV"
        )
    if not sure and place_of_splits(estimator):
        raise RecipeError(
            f"{shown(estimator)} searches by inner folds and has no predict_proba. Let it search among classifiers that "
            "have, or put what it searches into CalibratedClassifierCV"
        )


def head(estimator: Any, *, seed: int = 0) -> Flat:
    """A head of a copy of the classifier: random states that are not set become ``seed``, each window counts as it says.

    One without ``predict_proba`` is calibrated by one temperature from grouped inner folds; one that searches by inner
    folds (``cv``) gets folds that cut no group apart.
    """
    own = clone(estimator)
    params = own.get_params(deep=True)
    drawn = [k for k, v in params.items() if (k == "random_state" or k.endswith("__random_state")) and v is None]
    own.set_params(**dict.fromkeys(drawn, seed))
    if hasattr(own, "predict_proba"):
        return Flat(own, balanced=False, seed=seed)
    return Flat(Tempered(own), balanced=False, inner=3, seed=seed)


def check_saved(estimator: Any, classes: int) -> None:
    """Raise BundleError if a model cannot hold such a classifier: it is tried on a few numbers, before long work."""
    draw = np.random.default_rng(0)
    codes = np.arange(40 * classes) % classes
    X = (draw.normal(size=(classes, 64))[codes] + draw.normal(size=(len(codes), 64))).astype(np.float32)
    tried = head(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tried.fit(X, codes)
        except EarmarkError:  # what does not suit these numbers may suit others
            return
        saved(tried, X)


def saved(fitted: Any, X: Any) -> bytes:
    """A fitted head as ONNX, which gives the same as it does in memory for embeddings X, to 1e-5. Raises BundleError."""
    from ..core.telemetry import import_onnxruntime
    from ._export import to_onnx

    content = to_onnx(fitted, X.shape[1:])
    name = shown(getattr(fitted.estimator, "estimator", fitted.estimator) if isinstance(fitted, Flat) else fitted)
    try:
        session = import_onnxruntime().InferenceSession(content, providers=["CPUExecutionProvider"])
        (found,) = session.run(["proba"], {session.get_inputs()[0].name: X})
    except Exception as error:  # onnxruntime's errors have no common base
        raise BundleError(f"{name} cannot be saved: onnxruntime says {' '.join(str(error).split())[:200]!r}") from error
    wanted = fitted.predict_proba(X)
    off = float(np.abs(found - wanted).max(initial=0.0)) if found.shape == wanted.shape else np.inf
    if not off <= 1e-5:
        raise BundleError(
            f"{name} cannot be saved: as ONNX (by skl2onnx) its probabilities are off by up to {off:.2g}. Take another head, "
            "or give its class a method onnx(graph, x) that draws it"
        )
    return content


def _kind(estimator: Any) -> str:
    name = type(estimator).__name__.lstrip("_")
    return name[:1].upper() + name[1:]


def _text(estimator: Any) -> str:
    if isinstance(estimator, Pipeline):
        return f"{_kind(estimator)}({', '.join(_text(step) for _, step in estimator.steps)})"
    text = estimator.__repr__(N_CHAR_MAX=sys.maxsize) if isinstance(estimator, BaseEstimator) else repr(estimator)
    return " ".join(text.split())
