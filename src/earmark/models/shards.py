"""Answers of a model for a corpus in shards."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..core import parquet
from ..core.errors import AudioError
from ..core.paths import spelled
from ..core.storage import place
from ..data.clips import Clip, Excluded
from ..embeddings import origin
from ..embeddings.files import FORMAT
from ..embeddings.shards import FACTS, Write, _text, near, unusable
from ..embeddings.tables import ANSWERS, read_columns
from .branch import Prediction
from .card import ModelCard
from .load import load_model
from .model import Model


@dataclass(frozen=True)
class Answering:
    """Answers of a model: its bundle's files by name. ``alpha``: share of sounds that sets may miss, if not its own;
    ``timeline``: of pieces, of ``seconds`` or the model's own.
    """

    files: tuple[tuple[str, bytes], ...]
    alpha: float | None = None
    timeline: bool = False
    seconds: float | None = None
    tells_unknown: bool = True

    @classmethod
    def of(
        cls, folder: Path, alpha: float | None = None, *, timeline: bool = False, seconds: float | None = None
    ) -> Answering:
        """Raises BundleError if it is no model, DataError as ``Model.with_alpha`` does."""
        model = load_model(folder).with_alpha(alpha)
        files = tuple((p.name, p.read_bytes()) for p in sorted(folder.iterdir()) if p.is_file())
        return cls(files, alpha, timeline, seconds, model.novelty is not None)

    @property
    def card(self) -> ModelCard:
        """What the model's ``earmark.json`` says."""
        return ModelCard.from_json(json.loads(dict(self.files)[FACTS]))

    @property
    def facts(self) -> dict[str, Any]:
        card = self.card
        every = hashlib.sha256(b"".join(name.encode() + content for name, content in self.files)).hexdigest()
        return {
            "format": FORMAT,
            "holds": ANSWERS,
            "task": str(card.task),
            "model": card.recipe,
            "classes": list(card.classes),
            "fingerprint": every,
            "alpha": self.alpha,
            "timeline": self.timeline or None,
            "seconds": self.seconds,
        }

    def open(self) -> Write:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.files:
                (Path(folder) / name).write_bytes(content)
            model = load_model(folder).with_alpha(self.alpha)
            for net in [b.net for b in model.backbones.values()] + [b.head for b in model.branches] + [model.combiner]:
                if net is not None:
                    net.engine  # noqa: B018  loaded now: the folder goes away
        return partial(_write_answers, model, self.timeline, self.seconds)


def unknowns(out: str) -> Iterator[bool | None]:
    """Of each answer with a label in a store, whether it is "unknown"; None: the model could not tell."""
    for file in (place(out) / ANSWERS).below():
        for line in read_columns(file, ["label", "unknown"]).to_pylist():
            yield bool(line["unknown"]) and bool(line["label"])


def _write_answers(
    model: Model, timeline: bool, seconds: float | None, clips: Sequence[Clip], folder: Path
) -> tuple[int, list[Excluded]]:
    import pyarrow as pa

    gone: list[Excluded] = []
    lines: list[dict[str, Any]] = []
    for group, here in near(clips, folder):
        for clip in group:
            try:
                if isinstance(here, AudioError):
                    raise here
                sound = replace(clip, path=here)
                answers = [*model.follow_clip(sound, seconds=seconds)] if timeline else [model.predict_clip(sound)]
            except AudioError as error:
                gone.append(unusable(clip, error))
                continue
            own = origin.of(clip.path)
            lines += [
                {"id": _text(clip.id), "path": _text(spelled(clip.path)), **_line(model, a), **own} for a in answers
            ]
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("path", pa.string()),
            ("start", pa.float64()),
            ("end", pa.float64()),
            ("label", pa.string()),
            ("unknown", pa.bool_()),
            ("score", pa.float64()),
            ("set", pa.list_(pa.string())),
            ("reason", pa.string()),
            ("scores", pa.struct([(name, pa.float64()) for name in model.classes])),
            *origin.schema(),
        ]
    )
    parquet.write(pa.Table.from_pylist(lines, schema=schema), folder / f"{ANSWERS}.parquet")
    return len(lines), gone


def _line(model: Model, answer: Prediction) -> dict[str, Any]:
    """What is told of an answer; null where the model cannot tell."""
    return {
        "start": answer.start,
        "end": answer.end,
        "label": answer.label,
        "unknown": answer.unknown if model.novelty else None,
        "score": answer.score,
        "set": list(answer.set) if model.calibration else None,
        "reason": answer.reason or None,
        "scores": dict(answer.scores),
    }
