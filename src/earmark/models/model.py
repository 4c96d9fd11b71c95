"""A trained model: a folder of ONNX and JSON that predicts with the core install alone.

::

    my-model/
      earmark.json      all facts: labels, recipe, front ends, calibration, measured scores, licences, sha256 of each file
      README.md         the model card, for people
      backbone-1.onnx   the frozen net (none for hand-made features)
      head-1.onnx       the fitted head, with its scaling
      novelty.npz       what the training sounds were like (for "unknown")

Nothing in it is code or a pickle. Loading refuses a folder that is incomplete, was altered, or holds what no model
needs (``vetting``).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..core import marks, outputs, plugins
from . import timeline
from ..backbones import check_onnx
from ..backbones.base import Backbone, Floats, Net
from ..metrics.calibration import Calibration, Novelty
from ..data.clips import Excluded
from ..audio.decoders import name_of
from ..embeddings.make import rows_of
from ..core.errors import AudioError, BundleError, RecipeError
from .streaming import Heard, listener
from ..embeddings.pooling import Running, seen, seen_shape, stacked
from ..core.spec import Part
from ..core.atomic import restored, swap

FORMAT = 1
Scores = NDArray[np.float64]
Source = str | Path | BinaryIO


@dataclass(frozen=True)
class Prediction:
    """What a model says of a sound, or of the part from ``start`` to ``end`` seconds."""

    path: str
    label: str
    score: float  # calibrated probability of ``label``
    scores: Mapping[str, float]  # of every class; they sum to 1
    set: tuple[str, ...] = ()  # labels that cannot be excluded at the model's error rate; never empty if calibrated
    unknown: bool = False  # unlike the sounds the model was trained on: the label means little
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Branch:
    """Backbones, how their rows are pooled, and the head as ONNX."""

    backbones: tuple[Backbone, ...]
    pool: str
    head: Net

    def rows_scores(self, rows: Sequence[Floats]) -> Scores:
        """Rows of each backbone for one sound -> scores (n, classes) of what the head sees of it."""
        return self.judged(seen(rows, self.pool))

    def judged(self, inputs: Floats) -> Scores:
        """What the head sees (n, …) -> its scores (n, classes)."""
        batch = 2**20 // inputs[0].size  # big rows go on through a net, whose memory grows with the batch
        return np.asarray(self.head(inputs, max(1, min(1024, batch))), np.float64)


@dataclass(frozen=True)
class Model:
    """A trained model. ``card`` holds everything that ``earmark.json`` says."""

    classes: tuple[str, ...]
    branches: tuple[Branch, ...]
    card: Mapping[str, Any]
    combiner: Net | None = None
    calibration: Calibration | None = None
    novelty: Novelty | None = None
    extra: Mapping[str, bytes] = field(default_factory=dict)

    def predict(self, source: Source) -> Prediction:
        """Judge one sound: a file or a binary stream, of any length: rows are not kept. Raises AudioError."""
        return self._told(self._blocks(source), name_of(source))

    def timeline(self, source: Source, *, seconds: float | None = None) -> list[Prediction]:
        """Judge a sound piece by piece: the backbone's own windows, or pieces of ``seconds`` (an image's length or 3 s
        where clips are pooled).

        What is left at the end, less than a hop or a piece, is not looked at. Raises AudioError.
        """
        return list(self.follow(source, seconds=seconds))

    def follow(self, source: Source, *, seconds: float | None = None) -> Iterator[Prediction]:
        """``timeline`` while the sound is read; with one backbone, in memory that does not grow with its length."""
        name = name_of(source)
        if len(self.backbones) > 1:
            return timeline.pieces(self, self.rows(source), name, seconds)
        return timeline.follow(self, self._blocks(source), name, seconds)

    def pieces(self, rows: Mapping[str, Floats], name: str = "", *, seconds: float | None = None) -> list[Prediction]:
        """What ``timeline`` tells, from the ``rows`` of a sound."""
        return list(timeline.pieces(self, rows, name, seconds))

    def predict_many(
        self, sources: Iterable[str | Path], *, workers: int | None = None
    ) -> Iterator[Prediction | Excluded]:
        """Judge many files, several at once, in order. One that cannot be used is told as Excluded and ends nothing."""

        def one(source: str | Path) -> Prediction | Excluded:
            try:
                return self.predict(source)
            except AudioError as error:
                return Excluded(str(source), error.reason)

        with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
            yield from pool.map(one, sources)

    def clip_scores(self, rows: Mapping[str, Floats]) -> Scores:
        """Rows of one sound by the backbones' fingerprints -> scores (classes,) before calibration."""
        return self._scores([listener(b) for b in self.branches], rows.items())

    def _scores(self, heard: Sequence[Heard], blocks: Iterable[tuple[str, Floats]]) -> Scores:
        """Scores (classes,) of a sound that comes in blocks of (fingerprint of a backbone, rows)."""
        for key, rows in blocks:
            for one in heard:
                one.add(key, rows)
        found = [one.scores() for one in heard]
        if self.combiner is None:
            return np.asarray(np.mean(found, axis=0))
        return np.asarray(self.combiner(stacked(found)[None])[0], np.float64)

    @property
    def backbones(self) -> dict[str, Backbone]:
        """Every backbone once, by its fingerprint."""
        return {b.fingerprint: b for branch in self.branches for b in branch.backbones}

    def rows(self, source: Source, *, watch: Callable[[float], None] | None = None) -> dict[str, Floats]:
        """Rows of a sound by the fingerprint of the backbone: each backbone once. ``watch`` as in ``rows_of``."""
        found: dict[str, list[Floats]] = {key: [] for key in self.backbones}
        for key, rows in self._blocks(source, watch=watch):
            found[key].append(rows)
        return {key: parts[0] if len(parts) == 1 else np.concatenate(parts) for key, parts in found.items()}

    def _blocks(self, source: Source, *, watch: Callable[[float], None] | None = None) -> Iterator[tuple[str, Floats]]:
        for key, backbone in self.backbones.items():
            if not isinstance(source, (str, Path)):
                source.seek(0)
            for rows in rows_of(source, backbone, watch=watch):
                yield key, rows

    def judge(self, rows: Mapping[str, Floats], name: str = "") -> Prediction:
        """What ``predict`` tells, from the ``rows`` of a sound."""
        return self._told(rows.items(), name)

    def _told(self, blocks: Iterable[tuple[str, Floats]], name: str) -> Prediction:
        first, mean = self.branches[0].backbones[0].fingerprint, Running("mean")

        def known() -> Iterator[tuple[str, Floats]]:
            for key, rows in blocks:
                if key == first and self.novelty is not None:
                    mean.add(rows)
                yield key, rows

        scores = self._scores([listener(b) for b in self.branches], known())[None]
        labels: tuple[str, ...] = ()
        if self.calibration is not None:
            scores = self.calibration.apply(scores)
            labels = self.calibration.sets(scores)[0]
        unknown = self.novelty is not None and bool(self.novelty.is_unknown(mean.vector()[None])[0])
        best = int(scores[0].argmax())
        named = dict(zip(self.classes, map(float, scores[0]), strict=True))
        return Prediction(name, self.classes[best], float(scores[0, best]), named, labels, unknown)

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the bundle. What was in ``folder`` stays until the new one is whole. Returns the folder.

        A model there is replaced, and what else lies beside it is kept. Raises BundleError if something is in the way
        that is no model's, unless ``force``.
        """
        target = Path(os.path.realpath(folder))  # a link stays a link
        outputs.check(folder, outputs.MODEL, force=force)
        if target.exists() and Path.cwd().is_relative_to(target):
            raise BundleError(
                f"{target} is the folder you are in; a model needs a folder of its own. Choose another one"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            files = self._write(part)
            sums = {name: hashlib.sha256((part / name).read_bytes()).hexdigest() for name in sorted(files)}
            card = {**self.card, "format": FORMAT, "classes": list(self.classes), "files": sums}
            text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            (part / "earmark.json").write_bytes(text.encode(errors="backslashreplace"))  # as JSON would: \\udcff
            part.chmod(0o755)
            _keep(target, part)
            swap(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return Path(folder)

    def _write(self, folder: Path) -> list[str]:
        files = []
        backbones = [b for branch in self.branches for b in branch.backbones]
        nets = [(f"backbone-{i + 1}.onnx", b.net) for i, b in enumerate(backbones)]
        nets += [(f"head-{i + 1}.onnx", branch.head) for i, branch in enumerate(self.branches)]
        for name, net in [*nets, ("combiner.onnx", self.combiner)]:
            if net is not None:
                (folder / name).write_bytes(net.content)
                files.append(name)
        if self.novelty is not None:
            self.novelty.save(folder / "novelty.npz")
            files.append("novelty.npz")
        for name, content in self.extra.items():
            (folder / name).write_bytes(content)
            files.append(name)
        return files


def _keep(old: Path, new: Path) -> None:
    """Bring what lies in the old folder and is none of a model's files into the new one, which takes its place."""
    own = marks.own_files(old)
    for path in old.iterdir() if old.is_dir() else ():
        if marks.is_model_file(path.name) or path.name in own:
            continue
        if (new / path.name).exists():
            raise BundleError(f"{path} is not what a training wrote, and is in the way. Choose another folder")
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, new / path.name, symlinks=True, copy_function=_linked)
        else:
            _linked(path, new / path.name)


def _linked(source: str | Path, target: str | Path, *, follow_symlinks: bool = False) -> None:
    """The same file under a second name, or a copy of it where the system knows no second names."""
    try:
        os.link(source, target, follow_symlinks=follow_symlinks)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def load(folder: str | Path) -> Model:
    """Load a bundle. Raises BundleError if it is not one, is incomplete, was altered, or is of another version.

    A bundle may come from anybody: see ``vetting`` for what is looked at before anything in it is used.
    """
    folder = Path(folder)
    restored(Path(os.path.realpath(folder)))  # what a kill amid saving left beside
    card = check_onnx.card(folder)
    if card.get("format") != FORMAT:
        found = card.get("format")
        raise BundleError(
            f"{folder}: found bundle format {found!r}, this Earmark reads {FORMAT}. Train the model again"
        )
    try:
        return _assembled(folder, card)
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
        raise BundleError(
            f"{folder}: earmark.json is damaged ({_short(repr(error))}). Train the model again or get a fresh copy"
        ) from error
    except RecipeError as error:
        raise BundleError(f"{folder}: found a backbone that cannot be built: {_short(str(error))}") from error


def _short(text: str) -> str:
    return text if len(text) < 300 else text[:300] + "…"


def _assembled(folder: Path, card: dict[str, Any]) -> Model:
    sums = check_onnx.files(folder, card["files"])
    classes = card["classes"]
    if not (isinstance(classes, list) and classes and all(isinstance(c, str) and c for c in classes)):
        raise BundleError(f"{folder}: found no list of classes in earmark.json; get a fresh copy")
    if len(set(classes)) < len(classes):
        raise BundleError(f"{folder}: a class is listed twice in earmark.json; get a fresh copy")

    def net(name: str) -> Net:
        return Net(folder / name, sha256=sums[name], output="proba")

    branches, number = [], 0
    for i, branch in enumerate(card["branches"]):
        backbones = []
        for facts in branch["backbones"]:
            number += 1
            part, file = Part.of(facts["name"], check_onnx.params(folder, facts["params"])), f"backbone-{number}.onnx"
            given = {"weights": folder / file} if file in sums else {}
            backbone = plugins.build("backbones", part.name, **{**part.kwargs, **given})
            if backbone.fingerprint != facts["fingerprint"]:
                raise BundleError(
                    f"{folder}: the front end of {part} in this Earmark is not the one the model was trained with. "
                    f"Use Earmark {card.get('versions', {}).get('earmark', '?')} or train the model again"
                )
            if backbone.window_samples > _WINDOW or prod(backbone.shape) > _WINDOW:
                raise BundleError(f"{folder}: {part} makes rows of absurd size; get a fresh copy")
            backbones.append(backbone)
        head = net(f"head-{i + 1}.onnx")
        _tried(head, seen_shape([b.shape for b in backbones], branch["pool"]), len(classes))
        branches.append(Branch(tuple(backbones), branch["pool"], head))
    if not branches:
        raise BundleError(f"{folder}: found no branch in earmark.json; get a fresh copy")
    combiner = net("combiner.onnx") if "combiner.onnx" in sums else None
    if combiner is not None:
        _tried(combiner, (len(branches) * len(classes),), len(classes))
    calibration = Calibration.from_dict(card["calibration"]) if card.get("calibration") else None
    if calibration is not None and calibration.classes != tuple(classes):
        raise BundleError(f"{folder}: its calibration is about other classes; get a fresh copy")
    novelty = Novelty.load(folder / "novelty.npz") if "novelty.npz" in sums else None
    width = prod(branches[0].backbones[0].shape)
    if novelty is not None and novelty.means.shape[1] != width:
        found = novelty.means.shape[1]
        raise BundleError(f"{folder}: novelty.npz is about vectors of {found} numbers, the model's have {width}")
    return Model(
        classes=tuple(classes),
        branches=tuple(branches),
        card=card,
        combiner=combiner,
        calibration=calibration,
        novelty=novelty,
        extra={n: (folder / n).read_bytes() for n in sums if n.endswith((".md", ".txt"))},
    )


_WINDOW = 2**26  # samples of a window, numbers in a row: more is absurd


def _tried(head: Net, shape: tuple[int, ...], classes: int) -> None:
    """Raise BundleError unless a head makes probabilities of so many classes from rows of a shape."""
    if prod(shape) > _WINDOW:
        raise BundleError(f"{head}: is for rows of the absurd shape {shape}; get a fresh copy")
    found = head(np.zeros((1, *shape), np.float32))
    if found.shape != (1, classes) or not np.isfinite(found).all() or abs(float(found.sum()) - 1) > 1e-3:
        raise BundleError(f"{head}: makes no probabilities of {classes} classes from rows of {shape}")
