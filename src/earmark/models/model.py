"""A trained model: a folder of ONNX and JSON that predicts with the core install alone.

::

    my-model/
      earmark.json      all facts: labels, recipe, front ends, calibration, measured scores, licences, sha256 of each file
      README.md         the model card, for people
      backbone-1.onnx   the frozen net (none for hand-made features)
      head-1.onnx       the fitted head, with its scaling
      novelty.npz       what the training sounds were like (for "unknown")

Nothing in it is code or a pickle. Loading refuses a folder that is incomplete, was altered, or holds what no model
needs (``check_onnx``).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..audio.decoders import Source, name_of
from ..backbones.base import Backbone, Floats, Net
from ..core import interrupts, marks, outputs
from ..core.atomic import folder_beside, swap
from ..core.errors import AudioError, BundleError, DataError
from ..core.hashing import sha256_of
from ..core.renderers import Columns, Shown, counted, shortened
from ..core.seal import sealed
from ..data.clips import Clip, Dataset, Excluded, by_path
from ..data.layouts.table import labels_are
from ..data.load import load_dataset
from ..data.sounds import sounds_in, with_rate
from ..data.sources import Source as Data
from ..data.sources import is_frame
from ..embeddings.make import embedding_blocks
from ..embeddings.pooling import stacked
from ..metrics.calibration import Calibration
from ..metrics.out_of_distribution import Novelty
from . import folder as folders
from . import timeline
from .branch import Branch, Prediction, Scores
from .card import FORMAT, ModelCard
from .novelty import Watch
from .predictions import Predictions
from .streaming import Heard, listener


@dataclass(frozen=True, repr=False)
class Model(Shown):
    """A trained model. ``card`` holds everything that ``earmark.json`` says."""

    classes: tuple[str, ...]
    branches: tuple[Branch, ...]
    card: ModelCard
    combiner: Net | None = None
    calibration: Calibration | None = None
    novelty: Novelty | None = None
    extra: Mapping[str, bytes] = field(default_factory=dict)

    @overload
    def predict(self, source: list[Any], *, rate: int | None = None) -> Predictions: ...

    @overload
    def predict(
        self, source: Any, *, rate: int | None = None, watch: Callable[[float], None] | None = None
    ) -> Prediction: ...

    def predict(
        self, source: Any, *, rate: int | None = None, watch: Callable[[float], None] | None = None
    ) -> Prediction | Predictions:
        """Evaluate one sound, or each of a list: a file, ``(samples, rate)``, bytes or a binary stream, of any length:
        embeddings are not kept. ``rate`` (Hz) is that of bare arrays, ``watch`` as in ``embedding_blocks``. Raises
        AudioError, DataError; ``predict_many`` tells what cannot be used, and goes on.
        """
        if isinstance(source, list):
            return Predictions(self.predict(one) for one in sounds_in(source, rate))
        source = with_rate(source, rate)
        return self._told(self._blocks(source, watch=watch), name_of(source))

    def with_alpha(self, alpha: float | None) -> Model:
        """The same model, whose sets may miss the true label in a share ``alpha`` of sounds; None: as it is.

        Raises DataError for a model without prediction sets, or a share that is none.
        """
        if alpha is None:
            return self
        if self.calibration is None:
            raise DataError("the model has no prediction sets: it was trained without calibration. Leave out alpha")
        if not 0 < alpha < 1:
            raise DataError(f"found alpha={alpha}; wanted a number between 0 and 1, such as 0.1")
        return replace(self, calibration=replace(self.calibration, alpha=alpha))

    def timeline(
        self,
        source: Source,
        *,
        seconds: float | None = None,
        watch: Callable[[float], None] | None = None,
        known: Mapping[str, Floats] | None = None,
    ) -> list[Prediction]:
        """Evaluate a sound piece by piece: the backbone's own windows, or pieces of ``seconds`` (an image's length or about
        3 s where clips are pooled).

        What is said of a piece was heard between its start and end; the last one ends with the sound. Where there is nothing to
        hear, ``label`` is empty. ``known`` are the sound's ``embeddings``, where they were made before: it saves time, and
        changes nothing. ``watch`` as in ``embedding_blocks``. Raises AudioError.
        """
        return list(self.follow(source, seconds=seconds, watch=watch, known=known))

    def follow(
        self,
        source: Source,
        *,
        seconds: float | None = None,
        start: float = 0.0,
        duration: float | None = None,
        watch: Callable[[float], None] | None = None,
        known: Mapping[str, Floats] | None = None,
    ) -> Iterator[Prediction]:
        """``timeline`` while the sound is read, in memory that does not grow with its length.

        Of ``duration`` seconds from ``start`` on, or all; times are those of the sound.
        """
        part = (start, duration)
        return timeline.follow(self, source, name_of(source), seconds, part=part, watch=watch, known=known)

    def predict_many(
        self, sources: Iterable[str | Path] | Data, *, workers: int | None = None
    ) -> Iterator[Prediction | Excluded]:
        """Evaluate many files, several at once, in order. One that cannot be used is told as Excluded and ends nothing.

        ``sources`` are paths and URIs of sounds, or what ``load_dataset`` opens: a folder, a table, a DataFrame, a data set;
        of a part of a file, the part is evaluated.
        """
        if isinstance(sources, (str, Path, Dataset)) or hasattr(sources, "dataset") or is_frame(sources):
            with labels_are("unread"):
                clips: Iterable[Clip] = map(by_path, load_dataset(sources).clips)
        else:
            clips = (Clip(str(s), Path(s)) for s in sources)
        return self.predict_clips(clips, workers=workers)

    def predict_clips(self, clips: Iterable[Clip], *, workers: int | None = None) -> Iterator[Prediction | Excluded]:
        """``predict_many`` of clips, which may be parts of files: their answers have ``start`` and ``end``."""

        def one(clip: Clip) -> Prediction | Excluded:
            try:
                return self.predict_clip(clip)
            except AudioError as error:
                return Excluded(clip.id, error.reason)

        with interrupts.pool(workers) as pool:
            yield from pool.map(one, clips)

    def predict_clip(self, clip: Clip, *, watch: Callable[[float], None] | None = None) -> Prediction:
        """``predict`` of a clip, which may be a part of a file: then the answer has ``start`` and ``end``."""
        heard = self._blocks(clip.path, start=clip.start, duration=clip.duration, watch=watch)
        said = self._told(heard, clip.recording_id)
        if clip.duration is None:
            return replace(said, start=clip.start) if clip.start else said
        return replace(said, start=clip.start, end=round(clip.start + clip.duration, 6))

    def follow_clip(self, clip: Clip, *, seconds: float | None = None) -> Iterator[Prediction]:
        """``follow`` of a clip: of a part of a file, its pieces have their times in the file."""
        for piece in self.follow(clip.path, seconds=seconds, start=clip.start, duration=clip.duration):
            yield replace(piece, path=clip.recording_id)

    def clip_scores(self, embeddings: Mapping[str, Floats]) -> Scores:
        """Embeddings of one sound by the backbones' fingerprints -> scores (classes,) before calibration."""
        return self._scores([listener(b) for b in self.branches], embeddings.items())

    def _scores(self, heard: Sequence[Heard], blocks: Iterable[tuple[str, Floats]]) -> Scores:
        """Scores (classes,) of a sound that comes in blocks of (fingerprint of a backbone, embeddings)."""
        for key, embeddings in blocks:
            for one in heard:
                one.add(key, embeddings)
        found = [one.scores() for one in heard]
        if self.combiner is None:
            return np.asarray(np.mean(found, axis=0))
        return np.asarray(self.combiner(stacked(found)[None])[0], np.float64)

    def _line(self) -> str:
        recipe = shortened(str(self.card.title or self.card.recipe))
        shown = shortened(", ".join(self.classes))
        return f"{recipe!r}, {counted(len(self.classes), 'class', 'classes')}: {shown}"

    def _columns(self) -> Columns:
        scores = self.card.measured.scores
        return {
            "score": list(scores),
            **{k: [getattr(s, k) for s in scores.values()] for k in ("value", "low", "high")},
        }

    @property
    def backbones(self) -> dict[str, Backbone]:
        """Every backbone once, by its fingerprint."""
        return {b.fingerprint: b for branch in self.branches for b in branch.backbones}

    def embeddings(self, source: Source, *, watch: Callable[[float], None] | None = None) -> dict[str, Floats]:
        """Embeddings of a sound by the fingerprint of the backbone: each backbone once. ``watch`` as in ``embedding_blocks``."""
        return self._joined(self._blocks(source, watch=watch))

    def _joined(self, blocks: Iterable[tuple[str, Floats]]) -> dict[str, Floats]:
        found: dict[str, list[Floats]] = {key: [] for key in self.backbones}
        for key, embeddings in blocks:
            found[key].append(embeddings)
        return {key: parts[0] if len(parts) == 1 else np.concatenate(parts) for key, parts in found.items()}

    def _blocks(
        self,
        source: Source,
        *,
        start: float = 0.0,
        duration: float | None = None,
        watch: Callable[[float], None] | None = None,
    ) -> Iterator[tuple[str, Floats]]:
        for key, backbone in self.backbones.items():
            for embeddings in embedding_blocks(source, backbone, start=start, duration=duration, watch=watch):
                yield key, embeddings

    def predict_embeddings(self, embeddings: Mapping[str, Floats], name: str = "") -> Prediction:
        """What ``predict`` tells, from the ``windows`` of a sound."""
        return self._told(embeddings.items(), name)

    def _told(self, blocks: Iterable[tuple[str, Floats]], name: str) -> Prediction:
        watch = Watch(self.novelty, self.backbones)
        scores = self._scores([listener(b) for b in self.branches], watch.through(blocks))[None]
        labels: tuple[str, ...] = ()
        if self.calibration is not None:
            scores = self.calibration.apply(scores)
            labels = self.calibration.sets(scores)[0]
        best = int(scores[0].argmax())
        named = dict(zip(self.classes, map(float, scores[0]), strict=True))
        return Prediction(name, self.classes[best], float(scores[0, best]), named, labels, watch.unknown)

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
        with folder_beside(target) as part:
            self._write(part)
            part.chmod(0o755)
            _keep(target, part)
            swap(part, target)
        return Path(folder)

    def _write(self, folder: Path) -> None:
        """Write all files of the bundle into an empty folder."""
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
        sums = {name: sha256_of(folder / name) for name in sorted(files)}
        card = replace(self.card, format=FORMAT, classes=self.classes, files=sums, calibration=self.calibration)
        text = json.dumps(sealed(card.to_json()), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / "earmark.json").write_bytes(text.encode(errors="backslashreplace"))  # as JSON would: \\udcff

    def __reduce__(self) -> tuple[Callable[[Mapping[str, bytes]], Model], tuple[dict[str, bytes]]]:
        """To another process a model goes as the files of its folder, and is vetted there as ``load_model`` does."""
        with tempfile.TemporaryDirectory(prefix="earmark-") as name:
            self._write(Path(name))
            return _arrived, ({file.name: file.read_bytes() for file in sorted(Path(name).iterdir())},)


def _arrived(files: Mapping[str, bytes]) -> Model:
    """The model of a bundle's files; it needs no folder. Raises BundleError as ``load_model`` does."""
    with tempfile.TemporaryDirectory(prefix="earmark-") as name:
        for file, content in files.items():
            if not file.strip(".") or Path(file).name != file:
                raise BundleError(
                    f"found a file called {file[:80]!r}, which no model has; load the model from its folder"
                )
            (Path(name) / file).write_bytes(content)
        return Model(**folders.read(name, held=True))


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
