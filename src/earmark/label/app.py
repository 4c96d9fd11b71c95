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
from ..core.storage import at_hand
from ..data.clips import Clip, Dataset
from ..web.headers import HEADERS
from ..web.pages import Pages
from ..web.view import view
from .items import Item
from .journal import Change, Journal
from .neighbours import Neighbours
from .review import Review

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
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.token = token
    review = Review(dataset, tuple(found), journal, near)
    _guard(app, token)
    _tell_errors(app)
    _page_routes(app, token, Pages("earmark.web", __package__))
    _decision_routes(app, token, review)
    _sound_routes(app, token, review)
    return app


def _guard(app: FastAPI, token: str) -> None:
    """Refuse what does not come from the page, and give every answer its headers."""

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


def _tell_errors(app: FastAPI) -> None:
    @app.exception_handler(DataError)
    async def wrong(_: Request, error: DataError) -> Response:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(AudioError)
    async def deaf(_: Request, error: AudioError) -> Response:
        return JSONResponse({"error": error.reason}, 415)


def _page_routes(app: FastAPI, token: str, files: Pages) -> None:
    @app.get(f"/{token}/")
    async def index(request: Request) -> Response:
        return await files.get_response("review.html", request.scope)

    @app.get(f"/{token}/page/{{name}}")
    async def page(name: str, request: Request) -> Response:
        return await files.get_response(name, request.scope)


def _decision_routes(app: FastAPI, token: str, review: Review) -> None:
    @app.get(f"/{token}/state")
    def whole() -> dict[str, Any]:
        return review.state()

    @app.post(f"/{token}/decide")
    def decide(said: Said) -> dict[str, Any]:
        item = review.item(said.item)
        changes = [Change(_clip(review, c.clip).id, c.label, c.group, c.exclude) for c in said.changes]
        review.journal.decide(item, said.what, changes)
        return review.state()

    @app.post(f"/{token}/undo")
    def undo() -> dict[str, Any]:
        last = review.journal.undo()
        return {**review.state(), "undone": last.item if last else None}


def _sound_routes(app: FastAPI, token: str, review: Review) -> None:
    @app.get(f"/{token}/view/{{number}}")
    async def picture(number: int) -> dict[str, object]:
        return await asyncio.to_thread(_picture, _clip(review, number))

    @app.get(f"/{token}/sound/{{number}}")
    async def sound(number: int) -> Response:
        clip = _clip(review, number)
        whole = clip.start == 0 and clip.duration is None
        if whole and clip.path.suffix.lower() in PLAYABLE and clip.path.is_file():
            return FileResponse(clip.path, content_disposition_type="inline")
        return Response(await asyncio.to_thread(_wav, clip), media_type="audio/wav")

    @app.get(f"/{token}/near/{{number}}")
    def nearest(number: int, proposed: str | None = None) -> list[dict[str, Any]]:
        _clip(review, number)
        return review.nearest(number, proposed)


def _clip(review: Review, number: int) -> Clip:
    """A clip by its number. Raises HTTPException if there is none."""
    if not 0 <= number < len(review.dataset.clips):
        raise HTTPException(404)
    return review.dataset.clips[number]


@functools.lru_cache(maxsize=256)
def _picture(clip: Clip) -> dict[str, object]:
    return view(str(at_hand(clip.path)), start=clip.start, duration=clip.duration).to_dict()


def _wav(clip: Clip) -> bytes:
    """The clip as WAV, for browsers that do not know its format, and for parts of files."""
    rate = min(48_000, audio.probe(at_hand(clip.path)).sample_rate)
    length = min(LISTEN, clip.duration or LISTEN)
    samples = audio.load(at_hand(clip.path), rate, start=clip.start, duration=length)
    out = io.BytesIO()
    soundfile.write(out, np.clip(samples, -1, 1), rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
