"""A model from embeddings that are there already: evaluated, fitted and bundled as ``training`` does, with no sound at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core import outputs
from ..embeddings.store import MEMORY, Folder, open_store
from ..recipes.recipe import Recipe, find
from .cross_validate import run
from .fit import fit
from .model import Model
from .plan import planned
from .prepare import from_store
from .train import bundle, savable


def train(
    source: str | Path | Folder,
    recipe: str | Recipe,
    out: str | Path | None = None,
    *,
    protocol: str | None = None,
    folds: int = 5,
    seed: int = 0,
    memory: int = MEMORY,
    command: str = "",
    force: bool = False,
) -> Model:
    """Evaluate ``recipe`` (``embeddings/HEAD``) out of fold, refit it on all clips that were drawn, and return the model.

    The backbone that made the embeddings has to be installed: the model hears with it. Raises DataError, RecipeError,
    WeightsError, BundleError (see ``training.train``).
    """
    folder = source if isinstance(source, Folder) else open_store(source)
    if out is not None:  # before the work
        outputs.check(out, outputs.MODEL, inputs=[folder.where.name], force=force)
    recipe = find(recipe)
    savable(recipe, 2)
    part, pool, backbone = folder.backbone()
    data = from_store(folder, [recipe], memory=memory, seed=seed)
    plan = planned(data, protocol, folds, seed, recipes=[recipe])
    evaluated = run(recipe, data, protocol=plan.protocol, folds=len(plan.splits), seed=seed)
    fitted = fit(recipe, data, np.arange(len(data.labels)), plan.groups, seed=seed)
    # From here on by its own name, and with the pooling that was done before the embeddings were written.
    pooled = pool.by_vector
    branches = tuple(replace(b, backbones=(part,), pool=pool if pooled else b.pool) for b in recipe.branches)
    real = replace(recipe, branches=branches)
    embeddings = data.embeddings[recipe.branches[0].backbones[0]]
    data = replace(data, embeddings={part: embeddings}, backbones={part: backbone})
    fitted, evaluated = replace(fitted, recipe=real), replace(evaluated, recipe=real)
    model = bundle(fitted, data, evaluated, plan, seed=seed, command=command)
    if pooled and pool != "mean":  # "unknown" is told by the mean of embeddings, which these vectors are not
        model = replace(model, novelty=None)
    if out is not None:
        model.save(out, force=force)
    return model
