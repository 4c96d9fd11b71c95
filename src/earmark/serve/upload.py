"""The body of a request as a file: raw, or the file of a form with fields beside it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import BinaryIO, cast

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .limits import RefusedError

IN_MEMORY = 2 * 2**20  # bytes; bigger uploads lie on disk
_NO_SOUND = ("application/json", "text/html", "application/xml")  # of the rest, the decoders decide


@dataclass(frozen=True)
class Upload:
    """A sound, its name, and what else stood in the form. Whoever gets it closes the file."""

    sound: BinaryIO
    name: str
    fields: tuple[tuple[str, str], ...] = ()


async def received(request: Request) -> Upload:
    """What a client sent. Raises RefusedError."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _form(request)
    if kind in _NO_SOUND:
        raise RefusedError(
            415,
            "not_a_sound",
            f"a body of type {kind}",
            "a sound file as the body, or a form with the field 'file'",
            "For example: curl --data-binary @clip.wav URL, or curl -F file=@clip.wav URL",
        )
    file = cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - the caller closes it
    try:
        async for chunk in request.stream():
            file.write(chunk)
    except (RefusedError, ClientDisconnect, OSError):
        file.close()
        raise
    if not file.tell():
        file.close()
        raise _nothing("an empty body")
    return Upload(file, plain(request.headers.get("x-file-name", "")))


async def _form(request: Request) -> Upload:
    try:
        form = await request.form(max_files=1, max_fields=20, max_part_size=2**16)
    except HTTPException as error:
        raise RefusedError(
            400,
            "bad_form",
            f"a form that cannot be read ({error.detail})",
            "multipart/form-data with one file, 'file'",
            "For example: curl -F file=@clip.wav URL. Send several sounds in several requests.",
        ) from error
    file = form.get("file")
    fields = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
    strays = [name for name, value in form.multi_items() if isinstance(value, UploadFile) and name != "file"]
    if strays and file is None:
        await form.close()
        raise _nothing(f"a file in the field {strays[0][:100]!r}, and none in the field 'file'")
    if not isinstance(file, UploadFile):
        await form.close()
        raise _nothing("a form without a file in the field 'file'")
    if not file.size:
        await form.close()
        raise _nothing("an empty file")
    return Upload(file.file, plain(file.filename or ""), fields)


def _nothing(found: str) -> RefusedError:
    todo = "For example: curl -F file=@clip.wav URL, or curl --data-binary @clip.wav URL"
    return RefusedError(422, "empty", found, "a sound file", todo)


def plain(name: str) -> str:
    """The last part of a client's file name, printable, at most 200 characters. It is only ever shown."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:200].strip() or "sound"
