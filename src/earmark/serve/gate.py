"""What is decided before and while a body comes in, and one log line for each request. Plain ASGI."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
import uuid
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..web.headers import HEADERS
from .counts import Counts
from .limits import Limits, RefusedError, full, too_many_bytes, too_slow
from .line import Line

log = logging.getLogger("earmark.serve")

DRAIN = (8 * 2**20, 2.0)  # bytes and seconds of a refused body that are read, so that the client sees the answer
PREDICT = "/api/predict"


class Gate:
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp, *, limits: Limits, line: Line, counts: Counts, key: str | None) -> None:
        self.app = app
        self.limits = limits
        self.line = line
        self.counts = counts
        self.key = key
        self.uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passing = _Passing(self, scope, receive, send)
        began = time.perf_counter()
        try:
            try:
                passing.check()
                await self.app(scope, passing.receive, passing.send)
            except RefusedError as refused:
                await refuse(refused, passing.send)
            except Exception:  # a fault of ours: told to the log in full, to the client by its number
                log.exception("fault", extra={"facts": {"id": passing.id}})
                if passing.begun:
                    raise
                todo = f"Tell whoever runs this server; the log has it under {passing.id}."
                fault = RefusedError(500, "fault", "a fault of the server", "an answer", todo)
                await refuse(passing.noted(fault), passing.send)
        finally:
            passing.done()
            self._tell(scope, passing, time.perf_counter() - began)

    def _tell(self, scope: Scope, passing: _Passing, seconds: float) -> None:
        route = scope.get("route")
        path = getattr(route, "path", None) or (scope["path"] if scope["path"] == PREDICT else "other")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
        self.counts.requests.labels(path, method, str(passing.status)).inc()
        self.counts.latency.labels(path).observe(seconds)
        self.counts.received.inc(passing.bytes)
        state = scope.get("state", {})
        if refused := state.get("refused"):
            self.counts.refused.labels(refused).inc()
        facts = {
            "id": passing.id,
            "client": (scope.get("client") or ("?",))[0],
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": passing.status,
            "ms": round(1000 * seconds, 1),
            "bytes": passing.bytes,
            **({"refused": refused} if refused else {}),
            **state.get("told", {}),
        }
        log.info("request", extra={"facts": facts})


class _Passing:
    """One request on its way through the gate."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self.gate, self.scope, self._receive, self._send = gate, scope, receive, send
        self.id = uuid.uuid4().hex[:16]
        self.headers = Headers(scope=scope)
        self.began = time.monotonic()
        self.status = 499  # the client left before there was an answer
        self.begun = False  # the answer
        self.bytes = 0
        self.more = "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"
        self.uploading = False
        scope.setdefault("state", {})

    def check(self) -> None:
        """Raise RefusedError if the headers alone say so."""
        gate, path = self.gate, self.scope["path"]
        if gate.key and (path.startswith("/api/") or path == "/metrics") and not self._knows(gate.key):
            todo = "Send the header 'Authorization: Bearer KEY'."
            raise self.noted(RefusedError(401, "no_key", "no key, or a wrong one", "this server's API key", todo))
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) > gate.limits.bytes:
            raise self.noted(too_many_bytes(f"an upload of {int(length) / 2**20:.0f} MiB", gate.limits.bytes))
        if path == PREDICT and self.scope["method"] == "POST":
            try:
                gate.line.check()
                if gate.uploads >= gate.limits.waiting + gate.limits.workers:
                    raise full(gate.line.retry_after)
            except RefusedError as refused:
                raise self.noted(refused) from None
            gate.uploads += 1
            self.uploading = True

    def noted(self, refused: RefusedError) -> RefusedError:
        """The same, noted for log and metrics."""
        self.scope["state"]["refused"] = refused.code
        return refused

    def _knows(self, key: str) -> bool:
        scheme, _, given = self.headers.get("authorization", "").partition(" ")
        given = given if scheme.lower() == "bearer" else self.headers.get("x-api-key", "")
        return hmac.compare_digest(given.strip().encode("latin-1"), key.encode())  # a header's bytes

    async def receive(self) -> Message:
        """A piece of the body. Raises RefusedError if it is too much or comes too slowly."""
        if not self.more:
            return await self._receive()
        limits = self.gate.limits
        left = limits.patience + self.bytes / limits.pace - (time.monotonic() - self.began)
        try:
            message = await asyncio.wait_for(self._receive(), max(0.001, left))
        except TimeoutError:
            found = f"{self.bytes} bytes in {time.monotonic() - self.began:.0f} s"
            raise self.noted(too_slow(found, limits.pace)) from None
        self.bytes += len(message.get("body", b""))
        self.more = message["type"] == "http.request" and message.get("more_body", False)
        if self.bytes > limits.bytes:
            raise self.noted(too_many_bytes(f"more than {limits.bytes / 2**20:g} MiB", limits.bytes))
        if not self.more:
            self.done()
        return message

    def done(self) -> None:
        """The body is in, or will not come."""
        if self.uploading:
            self.uploading = False
            self.gate.uploads -= 1

    async def send(self, message: Message) -> None:
        """Pass the answer on, with the headers that all answers have."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers["x-request-id"] = self.id
            if self.more:
                headers["connection"] = "close"
            await self._send(message)
        elif self.more and not message.get("more_body", False):
            # The answer is out, but not the end of it: a client that still sends would else see a broken connection.
            await self._send({**message, "more_body": True})
            await self._drain()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._send(message)

    async def _drain(self) -> None:
        if "expect" in self.headers:  # such a client waits for our word and sends nothing
            return
        most, seconds = DRAIN
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while most > 0:
                    message = await self._receive()
                    most -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return


async def refuse(refused: RefusedError, send: Send) -> None:
    """Send a refusal as JSON."""
    body = json.dumps(refused.body, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.retry_after is not None:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
