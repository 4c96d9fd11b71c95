"""What every backbone promises."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from ..backbones.base import About, Backbone
from ..backbones.weights import WeightSet
from ..core import plugins
from ..core.errors import RecipeError
from ._wanted import parameters, part_of, refused, same, sweep, wanted


@dataclass(frozen=True)
class Case:
    """A backbone under check: its module, the name it goes by, and parameters to build it with."""

    module: ModuleType
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def build(self, **params: Any) -> Backbone:
        """Build it with the case's parameters and others."""
        built: Backbone = self.module.build(**{**self.params, **params})
        return built

    @cached_property
    def built(self) -> Backbone:
        return self.build()


def check_backbone(backbone: str | ModuleType, **params: Any) -> None:
    """Check a backbone by name, or its module; ``params`` are what it is built with.

    Raises AssertionError for the first promise that it does not keep, WeightsError where its weights are missing.
    """
    module = part_of("backbones", backbone)
    name = backbone if isinstance(backbone, str) else module.__name__.rpartition(".")[2].replace("_", "-")
    case = Case(module, name, params)
    for check in CHECKS:
        check(case)


def about(case: Case) -> None:
    """ABOUT tells what it is, and for one with weights what it makes, before they are there."""
    told = getattr(case.module, "ABOUT", None)
    wanted(isinstance(told, About), "ABOUT = About(…) in the module")
    assert isinstance(told, About)
    wanted(told.summary, "ABOUT.summary")
    wanted(told.trained_on, 'ABOUT.trained_on ("nothing" for hand-made features)')
    wanted(told.licence, "ABOUT.licence")
    if told.weights:  # then the rest must be told before anything can be built
        sets = getattr(case.module, "WEIGHTS", ())
        names = [one.name for one in sets if isinstance(one, WeightSet)]
        wanted(told.weights in names, f"a WeightSet called {told.weights!r} in WEIGHTS; found {names}")
        for fact in ("shape", "sample_rate", "window", "hop"):
            wanted(getattr(told, fact), f"ABOUT.{fact}, since it has weights")


def keyword_parameters(case: Case) -> None:
    """Parameters of build() are keywords with defaults; others are refused."""
    for parameter in inspect.signature(case.module.build).parameters.values():
        wanted(parameter.kind is parameter.KEYWORD_ONLY, f"the parameter {parameter.name!r} is keyword-only (after *)")
        wanted(parameter.default is not parameter.empty, f"the parameter {parameter.name!r} has a default")
    if case.name in plugins.names("backbones"):
        with refused(RecipeError, "a parameter that it does not have", "has no parameter"):
            plugins.build("backbones", case.name, nonsense=1)


def told_is_true(case: Case) -> None:
    """What ABOUT says is what is built."""
    told, built = case.module.ABOUT, case.built
    wanted(built.name == case.name, f"Backbone.name is {case.name!r}; found {built.name!r}")
    if told.weights is None:
        return  # it can be built at any time, so nothing needs to be told
    facts = (built.shape, built.sample_rate)
    wanted((told.shape, told.sample_rate) == facts, f"ABOUT's shape and sample_rate are those built, {facts}")
    for fact in ("window", "hop"):
        close = abs(getattr(told, fact) - getattr(built, fact)) <= 0.01 * getattr(built, fact)
        wanted(close, f"ABOUT.{fact} is that built, {getattr(built, fact)} s")


def embeddings(case: Case) -> None:
    """Sounds shorter than a window, of one, of just less than two and of two: float32, finite, always the same."""
    built = case.built
    window, hop, left = built.window_samples, built.hop_samples, built.pad_left
    sound = sweep(2 * built.sample_rate + window + 2 * hop, built.sample_rate)
    lengths = (max(1, window // 3), window - left, window - left + hop - 1, window - left + hop + hop // 3)
    for length, count in zip(lengths, (1, 1, 1, 2), strict=True):
        found = built.embed(sound[:length])
        shape = (built.embeddings_in(length), *built.shape)
        wanted(found.shape == shape, f"embeddings of shape {shape} of {length} samples; found {found.shape}")
        wanted(len(found) == count, f"{count} embeddings of {length} samples; found {len(found)}")
        wanted(found.dtype == np.float32, f"float32; found {found.dtype}")
        wanted(found.flags.c_contiguous, "embeddings that are contiguous in memory (.copy() in front)")
        wanted(np.isfinite(found).all(), "finite embeddings")
    same(found, built.embed(sound[:length].copy()), "the same sound gives the same embeddings")


def windows_alone(case: Case) -> None:
    """An embedding looks at its window and nothing else: what makes reading in blocks right."""
    built = case.built
    samples = built.window_samples + 2 * built.hop_samples
    sound = sweep(samples + built.sample_rate // 10, built.sample_rate)[: samples - built.pad_left]
    whole = built.embed(sound)
    wanted(len(whole) == 3, f"3 embeddings of {samples} samples; found {len(whole)}")
    padded = np.concatenate([np.zeros(built.pad_left, np.float32), sound])
    alone = replace(built, pad_left=0)
    for i in (0, 2):
        window = padded[i * built.hop_samples :][: built.window_samples]
        what = f"embedding {i} is a function of its own window alone"
        same(alone.embed(window)[0], whole[i], what, rtol=1e-4, atol=1e-4 * float(np.abs(whole).max()))


def silence(case: Case) -> None:
    """Quiet and silent sounds give finite embeddings."""
    built = case.built
    for level in (0.0, 1e-6):
        sound = level * sweep(built.sample_rate // 20 + built.window_samples, built.sample_rate)
        wanted(np.isfinite(built.embed(sound.astype(np.float32))).all(), f"finite embeddings of a sound {level} loud")


def rebuilt(case: Case) -> None:
    """Backbone.params rebuild it, also with a copy of the net, as a model does."""
    built = case.built
    again = case.build(**built.params)
    wanted(again.fingerprint == built.fingerprint, "build(**backbone.params) has the same fingerprint")
    if built.net is not None:
        given = case.module.build(**{**built.params, "weights": built.net.content})
        wanted(given.fingerprint == built.fingerprint, "build(weights=…) with the net's bytes has the same fingerprint")
        wanted(given.shape == built.shape, "build(weights=…) with the net's bytes has the same shape")


def fingerprints(case: Case) -> None:
    """The fingerprint keys the cache: it must tell apart whatever changes embeddings."""
    built, takes = case.built, parameters(case.module.build)
    if "hop" in takes:
        other = case.build(hop=2 * built.hop)
        wanted(other.fingerprint != built.fingerprint, "another hop has another fingerprint")
    if "pad" in takes:
        other = case.build(pad="zero")
        wanted(other.fingerprint != built.fingerprint, "another pad has another fingerprint")
        with refused(RecipeError, "pad='nonsense'", "pad"):
            case.build(pad="nonsense")


CHECKS: tuple[Callable[[Case], None], ...] = (
    about,
    keyword_parameters,
    told_is_true,
    embeddings,
    windows_alone,
    silence,
    rebuilt,
    fingerprints,
)
