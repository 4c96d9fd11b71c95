"""What makes a model, read from its folder and vetted: it may come from anybody."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..backbones import check_onnx
from ..backbones.base import Net
from ..core import plugins, seal
from ..core.atomic import restored
from ..core.errors import BundleError, RecipeError
from ..core.spec import Part
from ..embeddings.pooling import Pooling, seen_shape
from ..metrics.out_of_distribution import Novelty
from .branch import Branch
from .card import ModelCard, format_of
from .novelty import compared


def read(folder: str | Path, *, held: bool = False) -> dict[str, Any]:
    """The parts of a Model by the names of its fields. Raises BundleError if the folder holds none that may be used.

    ``held``: nets are kept in memory, and the folder may go. See ``check_onnx`` for what is looked at before anything
    in a bundle is used.
    """
    folder = Path(folder)
    restored(Path(os.path.realpath(folder)))  # what a kill amid saving left beside
    found = check_onnx.card(folder)
    try:
        format_of(found)
        check_onnx.files(folder, found.get("files"))
        made = _assembled(folder, ModelCard.from_json(found), held)
        if seal.broken(found):  # last: whatever is more precise is told before
            raise BundleError(
                f"{folder}: earmark.json is not what was saved (its checksum differs). Get a fresh copy, or train again"
            )
        return made
    except BundleError as error:
        named = str(folder) in str(error)
        raise (error if named else BundleError(f"{folder}: {error}")) from error.__cause__
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
        raise BundleError(
            f"{folder}: earmark.json is damaged ({_short(repr(error))}). Train the model again or get a fresh copy"
        ) from error
    except RecipeError as error:
        raise BundleError(f"{folder}: found a backbone that cannot be built: {_short(str(error))}") from error


def _short(text: str) -> str:
    return text if len(text) < 300 else text[:300] + "…"


def _assembled(folder: Path, card: ModelCard, held: bool) -> dict[str, Any]:
    sums, classes = card.files, card.classes

    def source(name: str) -> Path | bytes:
        return (folder / name).read_bytes() if held else folder / name

    def net(name: str) -> Net:
        return Net(source(name), sha256=sums[name], output="proba")

    branches, number = [], 0
    for i, branch in enumerate(card.branches):
        backbones = []
        for facts in branch.backbones:
            number += 1
            part, file = Part.of(facts.name, check_onnx.params(folder, facts.params)), f"backbone-{number}.onnx"
            given = {"weights": source(file)} if file in sums else {}
            backbone = plugins.build("backbones", part.name, **{**part.kwargs, **given})
            if backbone.fingerprint != facts.fingerprint:
                raise BundleError(
                    f"{folder}: the front end of {part} in this Earmark is not the one the model was trained with. "
                    f"Use Earmark {card.versions.get('earmark', '?')} or train the model again"
                )
            if backbone.window_samples > _WINDOW or prod(backbone.shape) > _WINDOW:
                raise BundleError(f"{folder}: {part} makes embeddings of absurd size; get a fresh copy")
            backbones.append(backbone)
        head = net(f"head-{i + 1}.onnx")
        pool = Pooling(branch.pool)
        _tried(head, seen_shape([b.shape for b in backbones], pool), len(classes))
        branches.append(Branch(tuple(backbones), pool, head))
    combiner = net("combiner.onnx") if "combiner.onnx" in sums else None
    if combiner is not None:
        _tried(combiner, (len(branches) * len(classes),), len(classes))
    calibration = card.calibration
    if calibration is not None and calibration.classes != classes:
        raise BundleError(f"{folder}: its calibration is about other classes; get a fresh copy")
    novelty = Novelty.load(folder / "novelty.npz") if "novelty.npz" in sums else None
    heard = {b.fingerprint: b for branch in branches for b in branch.backbones}
    if novelty is not None and not compared(heard, novelty.means.shape[1]):
        found, width = novelty.means.shape[1], sum(prod(b.shape) for b in heard.values())
        raise BundleError(f"{folder}: novelty.npz is about vectors of {found} numbers, the model's have {width}")
    return {
        "classes": classes,
        "branches": tuple(branches),
        "card": card,
        "combiner": combiner,
        "calibration": calibration,
        "novelty": novelty,
        "extra": {n: (folder / n).read_bytes() for n in sums if n.endswith((".md", ".txt"))},
    }


_WINDOW = 2**26  # samples of a window, numbers in a window: more is absurd


def _tried(head: Net, shape: tuple[int, ...], classes: int) -> None:
    """Raise BundleError unless a head makes probabilities of so many classes from embeddings of a shape."""
    if prod(shape) > _WINDOW:
        raise BundleError(f"{head}: is for embeddings of the absurd shape {shape}; get a fresh copy")
    found = head(np.zeros((1, *shape), np.float32))
    if found.shape != (1, classes) or not np.isfinite(found).all() or abs(float(found.sum()) - 1) > 1e-3:
        raise BundleError(f"{head}: makes no probabilities of {classes} classes from embeddings of {shape}")
