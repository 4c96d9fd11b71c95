"""Hooks for Schemathesis: where the description says "binary", real sounds are sent."""

from __future__ import annotations

import io

import schemathesis
import soundfile
from hypothesis import strategies as st

from serving import RATE, tone


def encoded(pitch: float, seconds: float, form: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, tone(pitch, seconds), RATE, format=form)
    return out.getvalue()


SOUNDS = [
    encoded(pitch, seconds, form) for pitch, seconds, form in ((220, 0.3, "WAV"), (660, 1, "FLAC"), (1900, 2, "OGG"))
]

schemathesis.openapi.format("binary", st.sampled_from(SOUNDS))


@schemathesis.hook
def before_call(context: object, case: schemathesis.Case, kwargs: object) -> None:
    """What the description cannot say: ``seconds`` belongs to a timeline, ``alpha`` to a set, and nothing is said twice."""
    if case.meta is None or any(part.mode.is_negative for part in case.meta.components.values()):
        return
    # Text by now, in the coverage phase; what is changed is held against the schema again.
    query = {name: {"true": True, "false": False}.get(value, value) for name, value in dict(case.query or {}).items()}
    form = case.body if isinstance(case.body, dict) else {}
    for name in set(query) & set(form):
        del form[name]
    told = {**query, **form}
    wrong = {
        name
        for name, key, least in (("seconds", "timeline", False), ("alpha", "set", True))
        if not told.get(key, least)
    }
    for name in wrong & set(form):
        del form[name]
    if wrong & set(query):
        case.query = {name: value for name, value in query.items() if name not in wrong}
