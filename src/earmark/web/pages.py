"""The files of the pages, sent with a tag of their content, so that a browser asks again and is told "not changed"."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Scope

from ..core.hashing import sha256_of

# Said here: what `mimetypes` guesses is the machine's opinion, and Windows' registry has others.
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


class Pages(StaticFiles):
    """The files in the folder ``page`` of packages, by name; of two that are called alike the first package's."""

    def __init__(self, *packages: str) -> None:
        super().__init__(packages=[(package, "page") for package in packages])

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 if the browser has it."""
        path = Path(full_path)
        headers = {"etag": _tag(path, stat_result.st_mtime_ns, stat_result.st_size), "cache-control": "no-cache"}
        found = FileResponse(path, status_code, headers, _TYPES.get(path.suffix), stat_result=stat_result)
        del found.headers["last-modified"]  # when it was installed: the tag says more
        return (
            NotModifiedResponse(found.headers) if self.is_not_modified(found.headers, Headers(scope=scope)) else found
        )


@lru_cache(maxsize=64)
def _tag(path: Path, changed: int, size: int) -> str:  # noqa: ARG001  what a file is known by while it stays the same
    return f'"{sha256_of(path)[:20]}"'
