"""A trained model evaluated on sounds that it was not trained on."""

from __future__ import annotations

import numpy as np

from ..backbones.base import facts
from ..core.errors import DataError
from ..core.provenance import versions
from ..core.spec import Part
from ..core.text import between, count, percent
from ..data import split
from ..data.cache import Cache
from ..data.clips import Excluded
from ..data.few import few_notes, kind_of
from ..data.notes import group_notes
from ..data.split import Ints, Labels
from ..embeddings.embedded import Embedded
from ..embeddings.load import Source, load_dataset
from ..embeddings.make import Embeddings, embed
from ..metrics.evaluation import Evaluation, majority_baseline
from ..metrics.evaluation import evaluate as evaluate_scores
from ..metrics.promises import known_sets, promises
from ..recipes.recipe import Recipe
from .branch import Prediction
from .fit import Scores
from .known import Known, known, leak_notes
from .model import Model
from .prepare import Data, one_label
from .results import Comparison, HeldOut, Run


def heard(model: Model, source: Source, *, cache: Cache | None = None) -> Data:
    """Embeddings of labelled clips by a model's own backbones: made of sounds, or those that are there already.

    Raises DataError if the model does not know a label, or if other backbones made the embeddings.
    """
    found = load_dataset(source)
    dataset = found.dataset if isinstance(found, Embedded) else found
    one_label(dataset)
    strangers = sorted(set(dataset.classes) - set(model.classes))
    if strangers or not dataset.classes:
        raise DataError(
            f"{dataset.name}: found the labels {', '.join(strangers[:5]) or 'none'}, which the model does not know. It knows: "
            f"{', '.join(model.classes)}"
        )
    recipe = Recipe.parse(model.card.recipe)
    parts = {
        p: b
        for branch, made in zip(recipe.branches, model.branches, strict=True)
        for p, b in zip(branch.backbones, made.backbones, strict=True)
    }
    unlabelled = [c.id for c in dataset.clips if c.label is None]
    labelled = [c for c in dataset.clips if c.label]
    embeddings: dict[Part, Embeddings]
    if isinstance(found, Embedded):
        given = _fitting(model, found).select([c.id for c in labelled])
        embeddings = dict.fromkeys(parts, given)
    else:
        embeddings = {p: embed(labelled, b, cache=cache) for p, b in parts.items()}
    bad = {i: e for r in embeddings.values() for i, e in r.excluded.items()}
    dataset = dataset.without([*(Excluded(i, "no label") for i in unlabelled), *bad.values()], [*unlabelled, *bad])
    if not dataset.clips:
        raise DataError(f"{dataset.name}: no clip can be used; {len(dataset.excluded)} were excluded")
    ids = [c.id for c in dataset.clips]
    notes, made_by = (found.notes, found.facts) if isinstance(found, Embedded) else ((), None)
    return Data(dataset, {p: r.select(ids) for p, r in embeddings.items()}, parts, {}, notes=notes, made_by=made_by)


def _fitting(model: Model, found: Embedded) -> Embeddings:
    """Embeddings that a model can evaluate: made by its one backbone. Raises DataError."""
    made, pool = found.facts.get("fingerprint"), found.facts.get("pool", "windows")
    own = {b.fingerprint: b.name for b in model.backbones.values()}
    pools = {b.pool for b in model.branches}
    if set(own) == {made} and (pool == "windows" or (pool == "mean" and pools == {"mean"})):
        return found.made
    by = f"made by {found.facts.get('backbone', 'an unknown backbone')}, pooled {pool}"
    raise DataError(
        f"{found.dataset.name}: found embeddings ({by}), which this model cannot evaluate; wanted sounds, or windows of "
        f"{' and '.join(own.values())} as the model has it"
    )


def model_scores(model: Model, data: Data) -> Scores:
    """A model's scores (clips, classes) of clips whose embeddings are there, before calibration."""
    embeddings = {data.backbones[p].fingerprint: e for p, e in data.embeddings.items()}
    return np.stack(
        [model.clip_scores({k: e.X[e.clip == i] for k, e in embeddings.items()}) for i in range(len(data.labels))]
    )


def evaluate(
    model: Model, source: Source, *, cache: Cache | None = None, seed: int = 0, command: str = ""
) -> Comparison:
    """Evaluate a trained model on labelled sounds it was not trained on; the scores are calibrated ones.

    Clips that it was trained on, or whose group it learnt from, are told, and figures given without them, too. Raises DataError if a label is not one the model knows, or if no clip can be used.
    """
    import time

    began = time.perf_counter()
    data = heard(model, source, cache=cache)
    embedded = time.perf_counter()
    proba = model_scores(model, data)
    if model.calibration is not None:
        proba = model.calibration.apply(proba)
    y = np.searchsorted(model.classes, data.labels)
    protocol = split.Protocol.wholest(data.dataset)
    units = split.groups_of(data.dataset, protocol, data.digests)
    done = time.perf_counter()
    met = known(model, data, cache=cache)
    held = held_out(model, data, met, y, proba, units, seed)
    evaluated = Run(
        recipe=Recipe.parse(model.card.recipe),
        classes=model.classes,
        ids=tuple(c.id for c in data.dataset.clips),
        y=y,
        groups=units,
        fold=np.zeros(len(y), int),
        proba=proba[None],
        evaluation=evaluate_scores(y, proba, model.classes, units, seed=seed),
        window_accuracy=float("nan"),
        history=(),
        seconds={"embed": embedded - began, "fit": 0.0, "predict": done - embedded},
        backbones=tuple(facts(b) for b in data.backbones.values()),
    )
    return Comparison(
        dataset=data.dataset,
        protocol="held out",
        folds=1,
        seeds=1,
        seed=seed,
        runs=(evaluated,),
        pairs=(),
        baseline=majority_baseline(y, len(model.classes)),
        fingerprint=data.fingerprint,
        versions=versions(),
        seconds=time.perf_counter() - began,
        command=command,
        notes=(
            *data.notes,
            *group_notes(data.dataset),
            *few_notes(data.labels, units, kind_of(data.dataset, protocol)),
            *leak_notes(data, met),
            *_without(met, held.without),
        ),
        held_out=held,
    )


def held_out(model: Model, data: Data, met: Known, y: Ints, proba: Scores, units: Labels, seed: int) -> HeldOut:
    """The figures without clips that the model knows, and whether it keeps its promises on those others."""
    ids, new = np.array([c.id for c in data.dataset.clips]), ~met.any
    without = kept = None
    if new.any() and not new.all():
        without = evaluate_scores(y[new], proba[new], model.classes, units[new], seed=seed)
    if new.any():
        said = _said(model, data, np.flatnonzero(new))
        sets = None if model.calibration is None else known_sets([one.set for one in said], model.classes)
        kept = promises(
            y[new],
            proba[new],
            model.classes,
            units[new],
            inside=sets,
            alpha=model.calibration.alpha if model.calibration else 0.1,
            unknown=None if model.novelty is None else [one.unknown for one in said],
            rate=model.novelty.rate if model.novelty else 0.05,
        )
    return HeldOut(tuple(ids[met.copies].tolist()), tuple(ids[met.groups].tolist()), without, kept)


def _said(model: Model, data: Data, clips: Ints) -> list[Prediction]:
    """What the model says of clips whose embeddings are there."""
    embeddings = {data.backbones[p].fingerprint: e for p, e in data.embeddings.items()}
    return [model.predict_embeddings({k: e.X[e.clip == i] for k, e in embeddings.items()}) for i in clips.tolist()]


def _without(met: Known, found: Evaluation | None) -> tuple[str, ...]:
    """The figures without clips that the model knows, in words."""
    if not met.any.any():
        return ()
    if found is None:
        return ("No clip is left that tells how good the model is: it knows them all.",)
    score = found.scores["accuracy"]
    return (
        f"Without these, on {count(found.n_clips, 'clip')}: accuracy {percent(score.value)} "
        f"({between(score.low, score.high)}).",
    )
