"""Running an application with uvicorn: patient with slow clients, not endlessly; graceful at the end."""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..core.errors import EarmarkError

HEADER_SECONDS = 20.0  # that a new connection has to send a request's head


class Patient(H11Protocol):
    """uvicorn's HTTP/1.1, but a connection that sends no whole head is closed after a while."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._listen()

    def on_response_complete(self) -> None:
        self._nothing_yet.cancel()
        self._listen()
        super().on_response_complete()

    def _listen(self) -> None:
        self._last = getattr(self, "scope", None)  # uvicorn sets it when a head is whole
        self._nothing_yet = self.loop.call_later(HEADER_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        if getattr(self, "scope", None) is self._last:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._nothing_yet.cancel()
        super().connection_lost(exc)


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises EarmarkError if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise EarmarkError(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another --port, or 0 for a free one"
        ) from error
    return bound


class Server(uvicorn.Server):
    """uvicorn's, but Ctrl-C ends it at once: whoever presses it looks on and wants no more answers."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if sig == signal.SIGINT:
            self.config.timeout_graceful_shutdown = 0


def server(app: FastAPI, *, grace: float = 30.0, **options: Any) -> uvicorn.Server:
    """A uvicorn server for ``app``; SIGTERM lets requests end for ``grace`` seconds, Ctrl-C does not."""
    config = uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=int(grace),
        backlog=256,
        **options,
    )
    return Server(config)
