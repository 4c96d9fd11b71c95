"""Train a model to keep: evaluated out of fold first, then fitted on everything, and saved with what was measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from ..backbones.base import Backbone, Net, facts
from ..core import outputs, records
from ..core.provenance import versions
from ..core.spec import Part
from ..data.cache import Cache
from ..data.sources import settled
from ..embeddings.embedded import Embedded, made_by
from ..embeddings.load import Source, load_dataset, sounds_of
from ..embeddings.pooling import Pooling, seen_shape
from ..embeddings.store import MEMORY, Folder
from ..metrics.calibration import Calibration
from ..metrics.evaluation import majority_baseline
from ..recipes.given import Given
from ..recipes.recipe import Recipe, find
from .branch import Branch
from .card import BackboneFacts, BranchFacts, DataFacts, Measured, ModelCard, Range
from .cross_validate import run
from .fit import Fitted, branch_inputs, fit
from .known import TRAINED_ON, kept
from .model import Model
from .novelty import fitted as novelty_of
from .plan import Plan, planned, refuse_windows
from .prepare import Data, open_data
from .results import Run

_LOOKED_AT = 200  # clips by which the nets of heads that were given are held against the heads themselves


def train(
    source: Source,
    recipe: str | Recipe,
    out: str | Path | None = None,
    *,
    protocol: str | None = None,
    folds: int = 5,
    seed: int = 0,
    memory: int = MEMORY,
    cache: Cache | None = None,
    command: str = "",
    force: bool = False,
) -> Model:
    """Evaluate ``recipe`` out of fold, refit it on all clips, and return the model; ``out``: also save it there.

    ``source`` is what ``load_dataset`` opens. Of embeddings (``embeddings/HEAD``; a store as far as it fits into ``memory``
    bytes) the backbone that made them has to be installed: the model hears with it.

    The scores out of fold also fit the calibration and the threshold for "unknown", so that what the model says of
    itself was measured on sounds it had not met. Raises DataError, RecipeError, WeightsError, BundleError (also, before the
    work, if something lies at ``out`` that is no model and not Earmark's, unless ``force``).
    """
    refuse_windows(protocol, "leaks, and calibration, sets and 'unknown' are fitted on what is measured")
    source = settled(source)
    if out is not None:  # before the work
        outputs.check(
            out,
            outputs.MODEL,
            inputs=[source.where.name if isinstance(source, Folder) else source],
            sounds=partial(sounds_of, source),
            force=force,
        )
    recipe = find(recipe)
    held = load_dataset(source, memory=memory, seed=seed)
    savable(recipe, len((held.dataset if isinstance(held, Embedded) else held).classes))
    data = open_data(held, [recipe], cache=cache, seed=seed, memory=memory)
    made = None if data.made_by is None else made_by(data.made_by, data.dataset.name)
    plan = planned(data, protocol, folds, seed, recipes=[recipe])
    evaluated = run(recipe, data, protocol=plan.protocol, folds=len(plan.splits), seed=seed)
    fitted = fit(recipe, data, np.arange(len(data.labels)), plan.groups, seed=seed)
    if made is not None:
        fitted, data, evaluated = _hearing(fitted, data, evaluated, made)
    model = bundle(fitted, data, evaluated, plan, seed=seed, command=command)
    if made is not None and made[1].by_vector and made[1] != "mean":
        model = replace(model, novelty=None)  # "unknown" is told by the mean of embeddings, which these vectors are not
    if out is not None:
        model.save(out, force=force)
    return model


def _hearing(
    fitted: Fitted, data: Data, evaluated: Run, made: tuple[Part, Pooling, Backbone]
) -> tuple[Fitted, Data, Run]:
    """What was fitted on embeddings from a file, with the backbone that made them by its own name, and its pooling."""
    part, pool, backbone = made
    first = fitted.recipe.branches[0].backbones[0]
    branches = tuple(
        replace(b, backbones=(part,), pool=pool if pool.by_vector else b.pool) for b in fitted.recipe.branches
    )
    recipe = replace(fitted.recipe, branches=branches)
    data = replace(data, embeddings={part: data.embeddings[first]}, backbones={part: backbone})
    return replace(fitted, recipe=recipe), data, replace(evaluated, recipe=recipe)


def savable(recipe: Recipe, classes: int) -> None:
    """Raise BundleError, before long work, if a head that was given cannot be saved; RecipeError as ``check`` does."""
    for branch in recipe.branches:
        if isinstance(branch.head, Given):
            from ..heads._given import check_saved

            branch.head.check()
            check_saved(branch.head.estimator, min(max(classes, 2), 5))


def bundle(fitted: Fitted, data: Data, evaluated: Run, plan: Plan, *, seed: int, command: str = "") -> Model:
    """The fitted recipe as a Model: heads as ONNX, calibration, novelty and the facts about all of it."""
    from ..heads._export import to_onnx
    from ..heads._given import saved

    branches = []
    for branch, head in zip(fitted.recipe.branches, fitted.heads, strict=True):
        backbones = tuple(data.backbones[b] for b in branch.backbones)
        shape = seen_shape([b.shape for b in backbones], branch.pool)
        if isinstance(branch.head, Given):
            content = saved(head, branch_inputs(branch, data, np.arange(len(data.labels))[:_LOOKED_AT])[0])
        else:
            content = to_onnx(head, shape)
        branches.append(Branch(backbones, branch.pool, Net(content, output="proba")))
    combiner = None
    if fitted.combiner is not None:
        combiner = Net(to_onnx(fitted.combiner, (len(branches) * len(fitted.classes),)), output="proba")
    calibration = Calibration.fit(evaluated.proba.mean(axis=0), evaluated.y, evaluated.classes, evaluated.groups)
    novelty = novelty_of(fitted.recipe, data, plan.groups)
    card = _card(fitted.recipe, data, evaluated, plan, calibration, seed, command)
    model = Model(fitted.classes, tuple(branches), card, combiner, calibration, novelty)
    extra = {
        "README.md": _readme(card).encode(errors="backslashreplace"),
        TRAINED_ON: kept(data),
    }
    return replace(model, extra=extra)


def _card(
    recipe: Recipe, data: Data, evaluated: Run, plan: Plan, calibration: Calibration, seed: int, command: str
) -> ModelCard:
    dataset = data.dataset
    branches = tuple(
        BranchFacts(
            pool=branch.pool,
            head=str(branch.head),
            backbones=tuple(records.from_json(BackboneFacts, facts(data.backbones[b])) for b in branch.backbones),
        )
        for branch in recipe.branches
    )
    measured = Measured(
        protocol=plan.protocol,
        out_of_fold=True,
        clips=len(evaluated.ids),
        groups=len(set(evaluated.groups.tolist())),
        # A metric from outside may have an open end, which JSON cannot hold: it stays in the report.
        majority={
            name: value
            for name, value in majority_baseline(evaluated.y, len(evaluated.classes)).items()
            if np.isfinite(value)
        },
        scores={
            name: Range(i.value, i.low, i.high)
            for name, i in evaluated.evaluation.scores.items()
            if np.isfinite([i.value, i.low, i.high]).all()
        },
        new_groups=plan.new_groups,
    )
    return ModelCard(
        recipe=recipe.short,
        title=recipe.title,
        classes=evaluated.classes,
        branches=branches,
        combine=recipe.combine,
        measured=measured,
        data=DataFacts(
            name=dataset.name,
            clips=len(dataset.clips),
            licence=dataset.licence,
            citation=dataset.citation,
            fingerprint=data.fingerprint,
            excluded=dataset.excluded,
            notes=tuple(dict.fromkeys((*plan.notes, *evaluated.evaluation.notes, *calibration.notes))),
        ),
        seed=seed,
        command=command,
        versions=versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        calibration=calibration,
        task=dataset.task,
    )


def _readme(card: ModelCard) -> str:
    """The model card (Mitchell et al., Model cards for model reporting, 2019), short."""
    measured, data = card.measured, card.data
    accuracy = measured.scores["accuracy"]
    licences = {b.name: (b.licence, b.trained_on) for b in card.backbones}
    lines = [
        f"# {card.title or card.recipe}",
        "",
        f"A sound classifier made with Earmark from {data.clips} clips of {data.name}: `{card.recipe}`.",
        f"Task: {card.task}.",
        "",
        "## How good it is",
        f"Accuracy {accuracy.value:.1%} (95 % interval {accuracy.low:.1%} to {accuracy.high:.1%}), measured out of "
        f"fold on {measured.clips} clips in {measured.groups} groups under the protocol `{measured.protocol}`. "
        f"Always saying the most frequent class would give {measured.majority['accuracy']:.1%}.",
        *([card.scope] if card.scope else []),
        "The model itself was then fitted on all clips, more than the heads of any fold: on sounds like these expect at least "
        "as much on average. Expect less on sounds recorded otherwise than these.",
        *[f"- {note}" for note in data.notes],
        "",
        "## Licences",
        f"Training sounds: {data.licence}.",
        *[
            f"Backbone {name}: trained on {on}; licence of the weights: {licence}."
            for name, (licence, on) in licences.items()
        ],
        "Whether a licence of training data binds a model is not settled; the facts above are what you need to decide.",
        "",
        "## Use",
        "```\nearmark predict THIS_FOLDER sound.wav\n```",
        "",
    ]
    return "\n".join(lines)
