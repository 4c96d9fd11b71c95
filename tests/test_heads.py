"""What every head has to keep, for every file in heads/: a new head is covered without a line here.

A head may refuse embeddings of a shape that it cannot learn from (DataError), but not all of them. Heads that cannot be
built without parameters (they go on training a given net) are held to this by their own tests.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import pytest

from earmark.core import plugins
from earmark.core.errors import DataError
from earmark.testing import _heads as contract

HEADS = plugins.names("heads")


@cache
def case_of(name: str) -> contract.Case:
    return contract.Case(plugins.module("heads", name).build)


def case(name: str) -> contract.Case:
    """The head under check, kept with what it has learnt; skips those that cannot be built without parameters."""
    takes = plugins.parameters("heads", name)
    needed = [p for p, default in takes.items() if default is inspect.Parameter.empty]
    if needed:
        pytest.skip(f"{name} cannot be built without {', '.join(needed)}")
    return case_of(name)


def taking(name: str, kind: str) -> contract.Case:
    """The head, once it has learnt; skips a test for embeddings that the head says it cannot take."""
    one = case(name)
    try:
        one.learnt(kind)
    except DataError as error:
        pytest.skip(f"{name} takes no {kind}: {error}")
    return one


each_head = pytest.mark.parametrize("name", HEADS)
each_kind = pytest.mark.parametrize("kind", contract.SHAPES)


@each_head
def test_says_in_one_line_what_it_is(name: str) -> None:
    contract.says_what_it_is(plugins.module("heads", name))


@each_head
def test_takes_vectors_or_images(name: str) -> None:
    contract.takes_vectors_or_images(case(name))


@each_head
@each_kind
@pytest.mark.parametrize("classes", [2, 10])
def test_gives_probabilities_of_the_sorted_classes(name: str, kind: str, classes: int) -> None:
    contract.gives_probabilities(taking(name, kind), kind, classes)


@each_head
@each_kind
@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(name: str, kind: str, check: Any) -> None:
    check(taking(name, kind), kind)


@each_head
@pytest.mark.parametrize(("kind", "classes"), [("vectors", 2), ("images", 10)])
def test_saved_as_onnx_it_gives_the_same_numbers(name: str, kind: str, classes: int) -> None:
    contract.saved_as_onnx(taking(name, kind), kind, classes)


@each_head
@each_kind
@pytest.mark.parametrize("clips", [1, 2, 3])
@pytest.mark.parametrize("embeddings", [1, 4])
def test_a_few_clips_a_class_are_enough(name: str, kind: str, clips: int, embeddings: int) -> None:
    tuned = [{"C": "auto"}] if name == "logreg" else [{"k": 40}] if name == "knn" else []
    for params in ({}, *tuned):
        contract.few_clips_are_enough(taking(name, kind), kind, clips, embeddings, **params)
