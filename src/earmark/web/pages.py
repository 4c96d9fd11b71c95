"""The files of the pages: read once, sent with a tag, so that a browser asks again and is told "not changed"."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from fastapi import Request
from starlette.responses import Response

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


@dataclass(frozen=True)
class Page:
    """A file of a page."""

    content: bytes
    kind: str
    tag: str

    def response(self, request: Request) -> Response:
        """The file, or 304 if the browser has it."""
        headers = {"etag": self.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.kind, headers=headers)


def pages(*packages: str) -> Mapping[str, Page]:
    """The files in the folder ``page`` of packages, by name."""
    found = {}
    for package in packages:
        for entry in files(package).joinpath("page").iterdir():
            content = entry.read_bytes()
            suffix = "." + entry.name.rsplit(".", 1)[-1]
            kind = _TYPES.get(suffix) or mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
            found[entry.name] = Page(content, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
    return found
