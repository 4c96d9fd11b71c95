"""The server of a review: for one person's browser on this machine.

Every address begins with a token that only who started the server knows, and the host must be this machine: a page of
another site can neither read nor decide anything. Sounds are asked for by number, never by path.
"""

from __future__ import annotations

import asyncio
import functools
import io
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import soundfile
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from .. import audio
from ..core.errors import AudioError, DataError
from ..data.clips import Clip, Dataset
from ..web.headers import HEADERS
from ..web.pages import pages
from ..web.view import view
from .items import Item
from .journal import Change, Journal, State
from .neighbours import Neighbours

PLAYABLE = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".mp4", ".webm"}
LISTEN = 600.0  # seconds at most of a sound that has to be decoded for the browser
_HOSTS = {"127.0.0.1", "localhost", "[::1]"}


class Wanted(BaseModel):
    """A change to a clip, by its number."""

    clip: int = Field(ge=0)
    label: str | None = None
    group: str | None = None
    exclude: str | None = None


class Said(BaseModel):
    """A decision."""

    item: str
    what: str = Field(max_length=50)
    changes: list[Wanted] = Field(max_length=10_000)


def create_app(
    dataset: Dataset,
    found: Sequence[Item],
    journal: Journal,
    near: Neighbours | None = None,
    *,
    token: str | None = None,
) -> FastAPI:
    """The application; ``app.state.token`` is the first part of every address."""
    token = token or secrets.token_urlsafe(16)
    by_key = {item.key: item for item in found}
    clips = dataset.clips
    files = pages("earmark.web", __package__)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.token = token

    @app.middleware("http")
    async def own(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        host = request.headers.get("host", "")
        origin = request.headers.get("origin")
        given = request.url.path.split("/")[1]
        answer: Response
        if host.rsplit(":", 1)[0] not in _HOSTS or not secrets.compare_digest(given.encode(), token.encode()):
            answer = JSONResponse({"error": "nothing here: open the address that earmark review printed"}, 404)
        elif request.method == "POST" and origin is not None and origin != f"http://{host}":
            answer = JSONResponse({"error": f"found a request from {origin}; wanted one from this page"}, 403)
        else:
            answer = await go_on(request)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    def clip_at(number: int) -> Clip:
        if not 0 <= number < len(clips):
            raise HTTPException(404)
        return clips[number]

    def told(number: int, states: dict[str, State]) -> dict[str, Any]:
        clip = clips[number]
        now = states[clip.id]
        return {
            "number": number, "id": clip.id, "label": now.label, "group": now.group, "fold": clip.fold, "given": clip.label,
            "exclude": now.exclude,
        }  # fmt: skip

    @app.exception_handler(DataError)
    async def wrong(_: Request, error: DataError) -> Response:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(AudioError)
    async def deaf(_: Request, error: AudioError) -> Response:
        return JSONResponse({"error": error.reason}, 415)

    def state() -> dict[str, Any]:
        journal.sync()
        states = journal.states()
        done = {d.item: {"what": d.what, "by": d.by} for d in journal.decisions}
        used = sorted({i for item in found for i in item.clips})
        return {
            "name": dataset.name,
            "classes": sorted({s.label for s in states.values() if s.label}),
            "items": [
                {"key": i.key, "kind": i.kind, "clips": i.clips, "text": i.text, "proposed": i.proposed, "done": done.get(i.key)}
                for i in found
            ],
            "clips": {i: told(i, states) for i in used},
            "decisions": len(journal.decisions),
            "table": journal.table.name,
            "folder": str(journal.folder),
            "by": journal.by,
            "near": near is not None,
        }  # fmt: skip

    @app.get(f"/{token}/")
    async def index(request: Request) -> Response:
        return files["review.html"].response(request)

    @app.get(f"/{token}/page/{{name}}")
    async def page(name: str, request: Request) -> Response:
        if name not in files:
            raise HTTPException(404)
        return files[name].response(request)

    @app.get(f"/{token}/state")
    def whole() -> dict[str, Any]:
        return state()

    @app.post(f"/{token}/decide")
    def decide(said: Said) -> dict[str, Any]:
        if said.item not in by_key:
            raise DataError(f"found the item {said.item[:100]!r}; wanted one of the {len(found)} of this review")
        changes = [Change(clip_at(c.clip).id, c.label, c.group, c.exclude) for c in said.changes]
        journal.decide(by_key[said.item], said.what, changes)
        return state()

    @app.post(f"/{token}/undo")
    def undo() -> dict[str, Any]:
        last = journal.undo()
        return {**state(), "undone": last.item if last else None}

    @app.get(f"/{token}/view/{{number}}")
    async def picture(number: int) -> dict[str, object]:
        return await asyncio.to_thread(_picture, clip_at(number))

    @app.get(f"/{token}/sound/{{number}}")
    async def sound(number: int) -> Response:
        clip = clip_at(number)
        whole = clip.start == 0 and clip.duration is None
        if whole and clip.path.suffix.lower() in PLAYABLE and clip.path.is_file():
            return FileResponse(clip.path, content_disposition_type="inline")
        return Response(await asyncio.to_thread(_wav, clip), media_type="audio/wav")

    @app.get(f"/{token}/near/{{number}}")
    def nearest(number: int, proposed: str | None = None) -> list[dict[str, Any]]:
        clip = clip_at(number)
        if near is None:
            return []
        states = journal.states()
        now = states[clip.id].label
        columns = []
        for label in dict.fromkeys([now, proposed] if proposed else [now]):
            among = [i for i, c in enumerate(clips) if states[c.id].label == label and not states[c.id].exclude]
            group = states[clip.id].group
            others = [i for i in among if group and states[clips[i].id].group != group]  # they tell more
            close = near.of(number, others or among)
            heard = [{**told(i, states), "near": round(cos, 3)} for i, cos in close]
            columns.append({"label": label, "others": bool(others), "clips": heard})
        return columns

    return app


@functools.lru_cache(maxsize=256)
def _picture(clip: Clip) -> dict[str, object]:
    return view(str(clip.path), start=clip.start, duration=clip.duration).to_dict()


def _wav(clip: Clip) -> bytes:
    """The clip as WAV, for browsers that do not know its format, and for parts of files."""
    rate = min(48_000, audio.probe(clip.path).sample_rate)
    length = min(LISTEN, clip.duration or LISTEN)
    samples = audio.load(clip.path, rate, start=clip.start, duration=length)
    out = io.BytesIO()
    soundfile.write(out, np.clip(samples, -1, 1), rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
