"""The application: routes, and how errors are told."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from fastapi import Depends, FastAPI, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from ..core.version import __version__
from ..models.model import Model
from ..web.pages import Pages
from . import schema
from .answers import answer, facts
from .counts import Counts
from .gate import Gate
from .limits import Limits, RefusedError
from .line import Job, Line
from .problems import tell_errors
from .upload import received
from .wishes import Wish, fields, fitting, only, parameters, queried, wish

_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "required": True,
    "description": "A sound: WAV, FLAC, MP3, Ogg, Opus, M4A, WebM … as the field `file` of a form, or as the body itself. "
    "The options may stand in the query or beside `file` in the form.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": _FILE, **fields()},
                "additionalProperties": False,
            },
        },
        "application/octet-stream": {"schema": _FILE},
        "audio/*": {"schema": _FILE},
    },
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": schema.Refusal, "description": "A form that cannot be read."},
    401: {"model": schema.Refusal, "description": "No API key, or a wrong one."},
    404: {"model": schema.Refusal, "description": "There is no such model."},
    408: {"model": schema.Refusal, "description": "The body came too slowly."},
    413: {"model": schema.Refusal, "description": "Too many bytes, or too many seconds of sound."},
    415: {"model": schema.Refusal, "description": "Not a sound that can be read."},
    422: {"model": schema.Refusal, "description": "A wrong option, or a sound that is empty, silent or too short."},
    503: {"model": schema.Refusal, "description": "Busy; see Retry-After."},
    504: {"model": schema.Refusal, "description": "The work took too long."},
    507: {"model": schema.Refusal, "description": "The server has no room for the sound."},
}
_NAMED: dict[int | str, dict[str, Any]] = {k: _ERRORS[k] for k in (401, 404, 422)}


@dataclass(frozen=True)
class Served:
    """What all routes share: models by name, what is told of them, limits, the line and the counts."""

    models: Mapping[str, Model]
    told: Mapping[str, dict[str, Any]]
    limits: Limits
    line: Line
    counts: Counts

    def named(self, name: str | None) -> str:
        """The name of the model that is asked for; None: the first. Raises RefusedError."""
        if name is not None and name not in self.models:
            todo = "GET /api/models lists them."
            raise RefusedError(404, "no_such_model", f"the model name {name[:100]!r}", ", ".join(self.models), todo)
        return name or next(iter(self.models))


def create_app(models: Mapping[str, Model], *, limits: Limits | None = None, key: str | None = None) -> FastAPI:
    """An ASGI application that serves ``models`` by their names; the first is asked if a request names none.

    With ``key``, /api and /metrics want it in the header ``Authorization: Bearer …`` or ``X-API-Key``.
    """
    limits = limits or Limits()
    line = Line(limits)
    counts = Counts(line)
    told = {name: facts(name, model) for name, model in models.items()}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for model in models.values():
            await asyncio.to_thread(warm, model)
        app.state.ready = True
        yield
        app.state.ready = False
        await asyncio.to_thread(line.close)

    app = FastAPI(
        title="Earmark",
        version=__version__,
        summary="Says what sounds are, with calibrated scores.",
        description="Every error has the same body: what was found, what was wanted, what to do.",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's load scripts from elsewhere; ours work offline
        redoc_url=None,
    )
    app.state.ready = False
    app.state.line = line
    app.add_middleware(Gate, limits=limits, line=line, counts=counts, key=key)
    tell_errors(app)
    served = Served(models, told, limits, line, counts)
    _predict_route(app, served)
    _model_routes(app, served)
    _state_routes(app, served)
    _page_routes(app, Pages("earmark.web", __package__))
    return app


def _predict_route(app: FastAPI, served: Served) -> None:
    limits, counts = served.limits, served.counts

    @app.post(
        "/api/predict",
        tags=["predict"],
        openapi_extra={"requestBody": _BODY, "parameters": parameters()},
        responses={200: {"model": schema.Answer}, **_ERRORS},
    )
    async def predict(request: Request) -> Response:
        """Say what a sound is."""
        queried(request, Wish.model_fields)  # before the body comes
        upload = await received(request)
        try:
            asked = wish(request, upload.fields)
            name = served.named(asked.model)
            model = fitting(asked, name, served.models[name])
            job = served.line.job(asked.job)
        except RefusedError:
            upload.sound.close()
            raise
        work = functools.partial(_work, name, model, upload.sound, upload.name, asked, limits, job)
        waited = job.ends - limits.timeout
        content, said = await _unless_left(request, served.line.run(job, work, upload.sound.close))
        counts.waited.observe((job.begun or waited) - waited)
        counts.sound.labels(name).inc(said["seconds"])
        counts.labels.labels(name, said["label"]).inc()
        if said["unknown"]:
            counts.unknown.labels(name).inc()
        request.scope["state"]["told"] = {
            "model": name,
            "sound_s": said["seconds"],
            "wait_ms": round(1000 * ((job.begun or waited) - waited), 1),
            "label": said["label"],
            "score": round(said["score"], 4),
        }
        return Response(content, media_type="application/json")


def _model_routes(app: FastAPI, served: Served) -> None:
    nothing, a_model = Depends(only()), Depends(only("model"))

    @app.get(
        "/api/jobs/{job}", tags=["predict"], response_model=schema.Progress, responses=_NAMED, dependencies=[nothing]
    )
    async def progress(job: str) -> dict[str, Any]:
        """How far a prediction is that was asked for with `job`. To cancel it, close its connection."""
        found = served.line.jobs.get(job)
        if found is None:
            wanted = "one whose sound is in and whose answer is not out"
            raise RefusedError(404, "no_such_job", f"no job {job[:100]!r}", wanted, "Ask later, or not any more.")
        return {"state": "waiting" if found.begun is None else "working", "share": found.share}

    @app.get(
        "/api/models",
        tags=["models"],
        response_model=schema.Models,
        responses={401: _ERRORS[401], 422: _ERRORS[422]},
        dependencies=[nothing],
    )
    async def list_models() -> dict[str, Any]:
        """All models of this server, how far to trust them, and what the server takes."""
        taken = {"bytes": served.limits.bytes, "seconds": served.limits.seconds, "timeout": served.limits.timeout}
        return {"models": list(served.told.values()), "limits": taken, "version": __version__}

    @app.get("/api/model", tags=["models"], response_model=schema.Facts, responses=_NAMED, dependencies=[a_model])
    async def one_model(
        model: str | None = Query(None, description="Name of a model; default: the first.", max_length=200),
    ) -> dict[str, Any]:
        """A model: labels, measured scores with intervals and protocol, calibration, licences."""
        return served.told[served.named(model)]


def _state_routes(app: FastAPI, served: Served) -> None:
    @app.get("/healthz", tags=["state"], response_model=schema.State)
    async def healthz() -> dict[str, str]:
        """The process lives."""
        return {"status": "alive"}

    @app.get(
        "/readyz",
        tags=["state"],
        response_model=schema.State,
        responses={503: {"model": schema.Refusal, "description": "Not yet, not any more, or busy."}},
    )
    async def readyz() -> dict[str, str]:
        """The models are loaded and there is room in the line."""
        if not app.state.ready:
            raise RefusedError(503, "not_ready", "models that are not loaded", "loaded models", "Wait.", retry_after=1)
        served.line.check()
        return {"status": "ready"}

    @app.get(
        "/metrics",
        tags=["state"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, 401: _ERRORS[401]},
    )
    async def metrics() -> Response:
        """Counts for Prometheus."""
        return Response(generate_latest(served.counts.registry), media_type=CONTENT_TYPE_LATEST)


def _page_routes(app: FastAPI, files: Pages) -> None:
    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return await files.get_response("docs.html", request.scope)

    @app.get("/page/{name}", include_in_schema=False)
    async def page(name: str, request: Request) -> Response:
        return await files.get_response(name, request.scope)


def warm(model: Model) -> None:
    """Evaluate some noise, so that the first client does not wait for nets to be loaded."""
    draw = np.random.default_rng(0)
    for branch in model.branches:
        embeddings = [b.embed(0.1 * draw.standard_normal(b.sample_rate, np.float32)) for b in branch.backbones]
        branch.window_scores(embeddings)


def _work(
    name: str, model: Model, sound: BinaryIO, file: str, wish: Wish, limits: Limits, job: Job
) -> tuple[bytes, dict[str, Any]]:
    said = answer(name, model, sound, file, wish, limits, job)
    return json.dumps(said, ensure_ascii=False, allow_nan=False).encode(), said


async def _unless_left(request: Request, work: Any) -> tuple[bytes, dict[str, Any]]:
    """The result of ``work``; cancelled if the client leaves: nobody would hear the answer."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(left())
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientDisconnect
        result: tuple[bytes, dict[str, Any]] = doing.result()
        return result
    finally:
        for task in (doing, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError, RefusedError):
            await asyncio.gather(doing, leaving, return_exceptions=True)
