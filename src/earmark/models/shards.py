"""Answers of a model for a corpus in shards."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..core import parquet
from ..core.errors import AudioError
from ..core.paths import spelled
from ..data.clips import Clip, Excluded
from ..embeddings import origin
from ..embeddings.files import FORMAT
from ..embeddings.make import embedding_blocks
from ..embeddings.shards import FACTS, Write, _text, near, unusable
from ..embeddings.tables import ANSWERS
from .card import ModelCard
from .load import load_model
from .model import Model
from .prior import Prior


@dataclass(frozen=True)
class Answering:
    """Answers of a model: its bundle's files by name. ``alpha``: share of sounds that sets may miss, ``prior``: shares of the
    classes by label, if not its own."""

    files: tuple[tuple[str, bytes], ...]
    alpha: float | None = None
    prior: tuple[tuple[str, float], ...] | None = None

    @classmethod
    def of(cls, folder: Path, alpha: float | None = None, prior: Prior | None = None) -> Answering:
        """Raises BundleError if it is no model, DataError as ``Model.with_alpha`` and ``with_prior`` do."""
        made = load_model(folder).with_alpha(alpha).with_prior(prior)
        told = None
        if prior is not None and made.calibration is not None:
            told = tuple(zip(made.classes, made.calibration.prior or made.calibration.shares, strict=True))
        return cls(tuple((p.name, p.read_bytes()) for p in sorted(folder.iterdir()) if p.is_file()), alpha, told)

    @property
    def facts(self) -> dict[str, Any]:
        card = ModelCard.from_json(json.loads(dict(self.files)[FACTS]))
        every = hashlib.sha256(b"".join(name.encode() + content for name, content in self.files)).hexdigest()
        return {
            "format": FORMAT,
            "holds": ANSWERS,
            "task": str(card.task),
            "model": card.recipe,
            "classes": list(card.classes),
            "fingerprint": every,
            **({} if self.alpha is None else {"alpha": self.alpha}),
            **({} if self.prior is None else {"prior": dict(self.prior)}),
        }

    def open(self) -> Write:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.files:
                (Path(folder) / name).write_bytes(content)
            model = (
                load_model(folder).with_alpha(self.alpha).with_prior(None if self.prior is None else dict(self.prior))
            )
            for net in [b.net for b in model.backbones.values()] + [b.head for b in model.branches] + [model.combiner]:
                if net is not None:
                    net.engine  # noqa: B018  loaded now: the folder goes away
        return partial(_write_answers, model)


def _write_answers(model: Model, clips: Sequence[Clip], folder: Path) -> tuple[int, list[Excluded]]:
    import pyarrow as pa

    gone: list[Excluded] = []
    lines: list[dict[str, Any]] = []
    for group, here in near(clips, folder):
        for clip in group:
            try:
                if isinstance(here, AudioError):
                    raise here
                if clip.start == 0 and clip.duration is None:
                    found = model.predict(here)
                else:  # a cut: evaluated by its embeddings
                    embeddings = {
                        key: np.concatenate(list(embedding_blocks(here, b, start=clip.start, duration=clip.duration)))
                        for key, b in model.backbones.items()
                    }
                    found = model.predict_embeddings(embeddings)
            except AudioError as error:
                gone.append(unusable(clip, error))
                continue
            lines.append(
                {
                    "id": _text(clip.id),
                    "path": _text(spelled(clip.path)),
                    "label": found.label,
                    "score": found.score,
                    "set": list(found.set),
                    "unknown": found.unknown,
                    "scores": dict(found.scores),
                    **origin.of(clip.path),
                }
            )
    scores = pa.struct([(name, pa.float64()) for name in model.classes])
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("path", pa.string()),
            ("label", pa.string()),
            ("score", pa.float64()),
            ("set", pa.list_(pa.string())),
            ("unknown", pa.bool_()),
            ("scores", scores),
            *origin.schema(),
        ]
    )
    parquet.write(pa.Table.from_pylist(lines, schema=schema), folder / f"{ANSWERS}.parquet")
    return len(lines), gone
