"""What a server takes, and how it says no."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field

from ..core import room
from ..core.errors import AudioError, EarmarkError

log = logging.getLogger("earmark.serve")


@dataclass(frozen=True)
class Limits:
    """How much one server takes. ``waiting`` requests wait for ``workers``; one more is refused."""

    bytes: int = 256 * 2**20  # of one upload
    seconds: float = 3600.0  # of sound in it
    timeout: float = 120.0  # seconds from the end of an upload to its answer
    waiting: int = 64
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    patience: float = 20.0  # seconds that a client is given before it must have sent anything …
    pace: float = 20_000.0  # … and bytes per second from then on


class RefusedError(EarmarkError):
    """A request that is not answered: an HTTP status, a short code, and found, wanted and what to do in words."""

    def __init__(
        self, status: int, code: str, found: str, wanted: str, todo: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{found}; wanted {wanted}. {todo}")
        self.status = status
        self.code = code
        self.found = found
        self.wanted = wanted
        self.todo = todo
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """The JSON that a client gets."""
        told = {"code": self.code, "message": str(self), "found": self.found, "wanted": self.wanted, "do": self.todo}
        return {"error": told}


def too_many_bytes(found: str, limit: int) -> RefusedError:
    """413: the upload is bigger than this server takes."""
    todo = "Send a shorter or compressed sound (FLAC, MP3, Ogg), or start the server with a higher --max-mb."
    return RefusedError(413, "too_many_bytes", found, f"at most {limit / 2**20:g} MiB", todo)


def too_long(found: str, limit: float) -> RefusedError:
    """413: the sound is longer than this server takes."""
    todo = "Cut it into parts, or start the server with a higher --max-seconds."
    return RefusedError(413, "too_long", found, f"at most {limit:g} s of sound", todo)


def too_slow(found: str, pace: float) -> RefusedError:
    """408: the body comes in too slowly."""
    return RefusedError(
        408, "too_slow", found, f"at least {pace / 1000:g} kB/s", "Send it again over a better connection."
    )


def full(retry_after: int) -> RefusedError:
    """503: the line is full."""
    todo = f"Try again in {retry_after} s."
    return RefusedError(
        503, "busy", "as many requests waiting as this server takes", "a free place", todo, retry_after=retry_after
    )


def out_of_time(limit: float, *, begun: bool) -> RefusedError:
    """504 if the work took too long, 503 if it had not begun."""
    if begun:
        todo = "Send a shorter sound, or start the server with a higher --timeout."
        return RefusedError(504, "took_too_long", f"not done after {limit:g} s", f"an answer within {limit:g} s", todo)
    todo = "The server is busy: try again later."
    return RefusedError(503, "busy", f"no worker was free within {limit:g} s", "a free worker", todo, retry_after=10)


def no_room(error: OSError) -> RefusedError:
    """507: the server's temporary folder cannot take the sound. Where it lies is for the log, not for clients."""
    todo = "Send a shorter or compressed sound, or try again later. Whoever runs this server: see its log."
    log.error("%s.%s", error.strerror or error, room.advice(error))
    return RefusedError(507, "no_room", "no room for the sound on this server", "room for it", todo, retry_after=60)


def unusable(error: AudioError) -> RefusedError:
    """A sound that cannot be used: 415 if it cannot be read, else 422."""
    kind = error.reason.split(":")[0]
    if kind == "unreadable":
        todo = "Check that it is a sound (WAV, FLAC, MP3, Ogg, M4A, WebM …) and that the upload was whole."
        return RefusedError(415, "unreadable", error.reason, "a sound file", todo)
    wanted = "at least 0.1 s of sound louder than -80 dBFS"
    return RefusedError(422, kind.replace(" ", "_"), error.reason, wanted, "Choose another sound.")
