"""All errors of the application in one form: what was found, what was wanted, what to do."""

from __future__ import annotations

import json

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from ..core import room
from .limits import RefusedError, no_room


def tell_errors(app: FastAPI) -> None:
    """Let ``app`` answer every error with a ``schema.Refusal``."""

    def told(request: Request, refused: RefusedError) -> Response:
        request.scope["state"]["refused"] = refused.code
        headers = {"retry-after": str(refused.retry_after)} if refused.retry_after is not None else {}
        return Response(json.dumps(refused.body, ensure_ascii=False), refused.status, headers, "application/json")

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return told(request, error)

    @app.exception_handler(OSError)
    async def full(request: Request, error: OSError) -> Response:
        if not room.is_full(error):
            raise error
        return told(request, no_room(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = str(first["loc"][-1])
        found = f"{where}={str(first.get('input'))[:100]!r}"
        return told(
            request,
            RefusedError(
                422,
                "wrong_option",
                found,
                str(first["msg"]).removeprefix("Input should be "),
                "See /openapi.json for the options.",
            ),
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        allowed = (error.headers or {}).get("Allow", "")
        if error.status_code == 405:
            refused = RefusedError(
                405, "wrong_method", f"{request.method} {request.url.path[:200]}", allowed, "Use that."
            )
        else:
            found = f"nothing at {request.url.path[:200]!r}"
            wanted = "a path of this server"
            refused = RefusedError(
                error.status_code, "not_found", found, wanted, "See /openapi.json, or open / in a browser."
            )
        response = told(request, refused)
        if allowed:
            response.headers["Allow"] = allowed
        return response

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _: ClientDisconnect) -> Response:
        return told(request, RefusedError(499, "left", "a client that left", "a client that waits", "Send it again."))
