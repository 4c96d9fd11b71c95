"""The work behind one request, done by a worker: embeddings once, and from them all that was asked for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, BinaryIO

from .. import audio
from ..core.errors import AudioError
from ..core.jsonable import plain
from ..models.branch import Prediction
from ..models.model import Model
from ..report.words import PROTOCOLS
from ..web.view import view
from .limits import Limits, too_long, unusable
from .line import Job
from .wishes import Wish

PIECES = 2000  # of a timeline, at most: more are made longer


def answer(name: str, model: Model, sound: BinaryIO, file: str, wish: Wish, limits: Limits, job: Job) -> dict[str, Any]:
    """What ``schema.Answer`` says, as plain values. Raises RefusedError."""
    heard = 0.0

    def watch(seconds: float) -> None:
        nonlocal heard
        if seconds > limits.seconds:
            raise too_long(f"more than {limits.seconds:g} s of sound", limits.seconds)
        heard = max(heard, seconds)
        job.at(seconds)

    try:
        promised = audio.probe(sound)
        if promised.seconds is not None and promised.seconds > limits.seconds:
            raise too_long(f"a sound whose header promises {promised.seconds:.0f} s", limits.seconds)
        job.expect(promised.seconds, len(model.backbones) + wish.timeline * len(model.backbones) + wish.view)
        embeddings = model.embeddings(sound, watch=watch)
        told: dict[str, Any] = {
            "model": name,
            "file": file,
            "seconds": round(heard, 3),
            "format": promised.format,
            **_told(model, model.predict_embeddings(embeddings), wish),
            "alpha": model.calibration.alpha if model.calibration and wish.set else None,
            "timeline": None,
            "view": None,
        }
        if wish.timeline:
            length = _length(model, heard, wish.seconds)
            pieces = model.timeline(sound, seconds=length, watch=watch, known=embeddings)
            told["timeline"] = [
                {"start": p.start, "end": p.end, "reason": p.reason or None, **_told(model, p, wish)} for p in pieces
            ]
        if wish.view:
            told["view"] = view(sound, watch=watch).to_dict()
    except AudioError as error:
        raise unusable(error) from error
    return told


def _told(model: Model, p: Prediction, wish: Wish) -> dict[str, Any]:
    return {
        "label": p.label,
        "unknown": p.unknown if model.novelty else None,
        "score": p.score,
        "scores": dict(p.scores),
        "set": list(p.set) if model.calibration and wish.set else None,
    }


def _length(model: Model, heard: float, seconds: float | None) -> float | None:
    """Seconds of a piece, so that there are not more than ``PIECES``."""
    least = heard / PIECES
    if seconds is not None:
        return max(seconds, least)
    return least if least > model.branches[0].backbones[0].hop else None


def facts(name: str, model: Model) -> dict[str, Any]:
    """What ``schema.Facts`` says."""
    card, measured = model.card, model.card.measured
    notes = (
        card.scope,
        *card.data.notes,
        *(model.calibration.notes if model.calibration else ()),
        model.novelty.note if model.novelty else "",
    )
    about = ("name", "sample_rate", "window", "hop", "licence", "trained_on", "citation")
    told: dict[str, Any] = plain(
        {
            "name": name,
            "title": card.title or name,
            "recipe": card.recipe,
            "task": card.task,
            "labels": model.classes,
            "measured": {
                "protocol": measured.protocol,
                "meaning": PROTOCOLS.get(measured.protocol, ("", ""))[1],
                "clips": measured.clips,
                "groups": measured.groups,
                "baseline": measured.majority.get("accuracy"),
                "scores": {name: asdict(score) for name, score in measured.scores.items()},
            },
            "calibration": _calibrated(model),
            "unknown_rate": model.novelty.rate if model.novelty else None,
            "notes": list(dict.fromkeys(note for note in notes if note)),
            "parts": [{key: getattr(b, key) for key in about} for b in card.backbones],
            "data": {key: getattr(card.data, key) for key in ("name", "clips", "licence", "citation", "fingerprint")},
            "created": card.created,
            "versions": card.versions,
        }
    )
    return told


def _calibrated(model: Model) -> dict[str, Any] | None:
    if model.calibration is None:
        return None
    measured = model.calibration.measured or {}
    return {
        "temperature": model.calibration.temperature,
        "alpha": model.calibration.alpha,
        "error_before": measured.get("calibration_error_before"),
        "error_after": measured.get("calibration_error_after"),
        "error_perfect": measured.get("calibration_error_floor"),
    }
