"""What every head promises.

A head may refuse embeddings of a shape that it cannot learn from (DataError), but not all of them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import plugins
from ..core.errors import DataError
from ._wanted import parameters, refused, same, wanted

SHAPES = {"vectors": (24,), "images": (13, 10)}
QUICK = {"epochs": 15, "batch": 16, "trees": 30}  # for those heads that take them
Sounds = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


@cache
def sounds(shape: tuple[int, ...], classes: int, seed: int = 0) -> Sounds:
    """Embeddings that can be told apart, labels that look like numbers, groups of three."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(10, *shape))[:classes]
    y = np.repeat(np.arange(classes), 24)
    groups = np.arange(len(y)) // 3
    moves = rng.normal(size=(len(y), *shape))[groups]
    X = (1.5 * centres[y] + 0.5 * moves + 0.6 * rng.normal(size=(len(y), *shape))).astype(np.float32) * 3 + 5
    X.setflags(write=False)
    order = rng.permutation(len(y))
    return X[order], np.array([f"{c:02d}" for c in y])[order], np.array([f"g{g}" for g in groups])[order]


@dataclass
class Case:
    """A head under check: how it is built, and what it has learnt so far (once for each shape and number of classes)."""

    make: Callable[..., Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    fitted: dict[tuple[str, int], Any] = field(default_factory=dict)

    def build(self, **params: Any) -> Any:
        """Build it with quick parameters, the case's and others."""
        takes = parameters(self.make)
        quick: dict[str, Any] = {k: v for k, v in QUICK.items() if k in takes}
        if "lr" in takes:  # few embeddings need longer steps, but deep nets do not bear just any
            quick["lr"] = min(3e-3, 5 * takes["lr"])
        return self.make(**{**quick, **self.params, **params})

    def learnt(self, kind: str, classes: int = 2) -> Any:
        """The head, fitted. Raises DataError if it takes no embeddings of that kind."""
        if (kind, classes) not in self.fitted:
            X, y, groups = sounds(SHAPES[kind], classes)
            self.fitted[kind, classes] = self.build().fit(X, y, groups=groups)
        return self.fitted[kind, classes]

    def refusals(self) -> dict[str, str]:
        """Kinds of embeddings that it refuses, and why."""
        found = {}
        for kind in SHAPES:
            try:
                self.learnt(kind)
            except DataError as error:
                found[kind] = str(error)
        return found


def check_head(head: str | ModuleType | Callable[..., Any], **params: Any) -> None:
    """Check a head by name, its module, or its ``build``; ``params`` are what it is built with.

    Raises AssertionError for the first promise that it does not keep.
    """
    module = plugins.module("heads", head) if isinstance(head, str) else head
    make: Callable[..., Any] = module.build if isinstance(module, ModuleType) else module
    takes = parameters(make)
    missing = [p for p, default in takes.items() if default is inspect.Parameter.empty and p not in params]
    wanted(not missing, f"values for {', '.join(missing)}: this head cannot be built without them")
    if isinstance(module, ModuleType):
        says_what_it_is(module)
    case = Case(make, params)
    takes_vectors_or_images(case)
    for kind in [k for k in SHAPES if k not in case.refusals()]:
        for classes in (2, 10):
            gives_probabilities(case, kind, classes)
        for check in CHECKS:
            check(case, kind)
        saved_as_onnx(case, kind, 2 if kind == "vectors" else 10)
        for clips in (1, 2, 3):
            for embeddings in (1, 4):
                few_clips_are_enough(case, kind, clips, embeddings)


def says_what_it_is(module: ModuleType) -> None:
    """ABOUT says in one line what it is."""
    about = getattr(module, "ABOUT", None)
    wanted(isinstance(about, str), "ABOUT = a line of text")
    wanted(10 < len(str(about)) < 140, "ABOUT of 10 to 140 characters")
    wanted("\n" not in str(about), "ABOUT of one line")


def takes_vectors_or_images(case: Case) -> None:
    """It learns from embeddings (n, d) or (n, frames, bands), or both."""
    wanted(len(case.refusals()) < len(SHAPES), f"it takes vectors or images; it said: {case.refusals()}")


def gives_probabilities(case: Case, kind: str, classes: int) -> None:
    """Probabilities of the sorted classes, float32, and a sound guess."""
    head = case.learnt(kind, classes)
    X, y, _ = sounds(SHAPES[kind], classes, seed=1)
    proba = head.predict_proba(X)
    wanted(head.classes_.tolist() == sorted(set(y.tolist())), f"classes_ are sorted labels; found {head.classes_}")
    wanted(proba.dtype == np.float32, f"probabilities in float32; found {proba.dtype}")
    wanted(proba.shape == (len(X), classes), f"probabilities {(len(X), classes)}; found {proba.shape}")
    wanted(np.isfinite(proba).all() and proba.min() >= 0, "probabilities that are finite and not below 0")
    same(proba.sum(axis=1), 1, "probabilities that add up to 1", rtol=1e-7, atol=1e-5)
    share = (head.classes_[proba.argmax(axis=1)] == y).mean()
    wanted(share > 0.7, f"more than 70 % right on easy sounds; found {share:.0%}")
    wanted((head.predict(X) == head.classes_[proba.argmax(axis=1)]).all(), "predict() is the most probable class")


def same_seed_same_numbers(case: Case, kind: str) -> None:
    """The same seed gives the same numbers, and nobody else's random numbers change."""
    from sklearn.base import clone

    first = case.learnt(kind)
    X, y, groups = sounds(SHAPES[kind], 2)
    torch = sys.modules.get("torch")
    np.random.seed(5)  # noqa: NPY002  the state others may rely on
    if torch:
        torch.manual_seed(5)
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    drawn = torch.random.get_rng_state() if torch else None
    again = clone(first).fit(X, y, groups=groups)
    after = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    wanted(before == after, "fit() leaves NumPy's random state alone")
    if torch:
        wanted(torch.equal(drawn, torch.random.get_rng_state()), "fit() leaves torch's random state alone")
    same(first.predict_proba(X), again.predict_proba(X), "the same seed, the same numbers")
    wanted(repr(first.get_params()) == repr(again.get_params()), "fit() leaves the parameters alone")


def order_does_not_matter(case: Case, kind: str) -> None:
    """Embeddings in another order, and lists for arrays, are learnt as well."""
    case.learnt(kind)
    X, y, groups = sounds(SHAPES[kind], 2)
    order = np.argsort(y, kind="stable")[::-1]
    head = case.build().fit(X[order], y[order].tolist(), groups=groups[order].tolist())
    wanted(head.classes_.tolist() == ["00", "01"], "classes_ do not depend on the order of labels")
    wanted((head.predict(X) == y).mean() > 0.9, "more than 90 % right on what it learnt from, in another order")


def inner_splits_cut_no_group(case: Case, kind: str) -> None:
    """What it holds out, it tells (``splits_``), and cuts no group apart."""
    head = case.learnt(kind)
    _, y, groups = sounds(SHAPES[kind], 2)
    wanted(hasattr(head, "splits_"), "splits_: the inner splits, [] where nothing is held out")
    for learn, look in head.splits_:
        wanted(len(look), "inner splits that hold something out")
        wanted(not set(groups[learn]) & set(groups[look]), "inner splits that cut no group apart")
        wanted(set(y[learn]) == set(y), "inner splits that learn from every class")


def saved_as_onnx(case: Case, kind: str, classes: int) -> None:
    """onnx() gives the same numbers, from standard operators."""
    import onnx

    from ..core.telemetry import import_onnxruntime
    from ..heads._export import OPSETS, to_onnx

    head = case.learnt(kind, classes)
    model = to_onnx(head, SHAPES[kind])
    domains = {node.domain for node in onnx.load_from_string(model).graph.node}
    wanted(domains <= set(OPSETS), f"ONNX operators of {sorted(OPSETS)}; found {sorted(domains)}")
    session = import_onnxruntime().InferenceSession(model, providers=["CPUExecutionProvider"])
    for seed in (0, 1):  # embeddings it has learnt from, and others
        X = sounds(SHAPES[kind], classes, seed=seed)[0]
        name = session.get_inputs()[0].name
        proba = session.run(["proba"], {name: X})[0]
        wanted(proba.dtype == np.float32, f"'proba' in float32; found {proba.dtype}")
        same(proba, head.predict_proba(X), "ONNX gives what predict_proba gives", rtol=1e-7, atol=1e-5)
        one = session.run(["proba"], {name: X[:1]})[0]
        same(one, proba[:1], "ONNX gives the same for one embedding as for many", rtol=1e-7, atol=1e-5)


def little_data(case: Case, kind: str) -> None:
    """Little data is no reason to fail: rare classes, one group, values that are the same everywhere."""
    case.learnt(kind)
    X, y, groups = (a.copy() for a in sounds(SHAPES[kind], 10))
    X[:, 0] = 1  # values that are the same in all embeddings
    first = np.flatnonzero(y == "00")[:1]
    some = np.concatenate([first, np.flatnonzero((y == "01") | (y == "02"))[:6]])
    pair = np.concatenate([first, np.flatnonzero(y == "01")[:1]])
    for take, units in [
        (some, groups[some]),
        (some, None),
        (some, y[some]),  # one group in each class: none can be spared
        (pair, groups[pair]),  # one embedding in each class
        (pair, np.array(["a", "a"])),  # one group
    ]:
        head = case.build().fit(X[take], y[take], groups=units)
        wanted(np.isfinite(head.predict_proba(X)).all(), f"finite probabilities after {len(take)} embeddings")
        wanted(head.classes_.tolist() == sorted(set(y[take])), "classes_ are those of the labels given")


def few_clips_are_enough(case: Case, kind: str, clips: int, embeddings: int, **params: Any) -> None:
    """One clip a class is what the training side holds where there are two of each."""
    case.learnt(kind)
    X, y, _ = sounds(SHAPES[kind], 2)
    take = np.concatenate([np.flatnonzero(y == label)[: clips * embeddings] for label in ("00", "01")])
    clip = np.arange(len(take)) // embeddings
    head = case.build(**params).fit(X[take], y[take], groups=np.char.mod("clip %d", clip))
    for learn, look in getattr(head, "splits_", ()):
        wanted(set(y[take][learn]) == {"00", "01"}, "inner splits that learn from every class")
        wanted(not set(clip[learn]) & set(clip[look]), "inner splits that cut no clip apart")
    proba = head.predict_proba(X)
    wanted(np.isfinite(proba).all(), f"finite probabilities after {clips} clips a class")
    same(proba.sum(axis=1), 1, "probabilities that add up to 1", rtol=1e-7, atol=1e-5)


def what_cannot_be_learnt_is_told(case: Case, kind: str) -> None:
    """One class, numbers that are not finite, lengths and shapes that do not fit: DataError that says so."""
    head = case.learnt(kind)
    X, y, groups = sounds(SHAPES[kind], 2)
    broken = X.copy()
    broken[3] = np.nan
    for embeddings, labels, units, said in [
        (X, np.full(len(y), "x"), groups, "at least two classes"),
        (broken, y, groups, "not finite"),
        (X, y[:-1], groups, "one label for each window"),
        (X, y, groups[:-1], "one group for each window"),
        (X[:0], y[:0], groups[:0], "n > 0"),
    ]:
        with refused(DataError, "what cannot be learnt from", said):
            case.build().fit(embeddings, labels, groups=units)
    with refused(DataError, "embeddings of another shape", "learnt from embeddings of shape"):
        head.predict_proba(np.zeros((2, *SHAPES[kind], 2), np.float32))
    wanted(head.predict_proba(X[:0]).shape == (0, 2), "no embeddings give probabilities of shape (0, classes)")


CHECKS: tuple[Callable[[Case, str], None], ...] = (
    same_seed_same_numbers,
    order_does_not_matter,
    inner_splits_cut_no_group,
    little_data,
    what_cannot_be_learnt_is_told,
)
