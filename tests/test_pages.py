"""The files of the pages: sent as they are, with a tag of their content, and nothing that lies elsewhere."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import earmark.serve
from earmark.web.pages import Pages


def get(path: str, **headers: str) -> Any:
    """What a server of two packages' pages answers."""
    files = Pages("earmark.web", "earmark.serve")

    async def page(request: Request) -> Response:
        return await files.get_response(request.path_params["name"], request.scope)

    async def ask() -> Any:
        app = Starlette(routes=[Route("/page/{name}", page)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("serve.js", "text/javascript; charset=utf-8"),
        ("serve.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_a_file_with_its_kind_and_tag(name: str, kind: str) -> None:
    found = get(f"/page/{name}")
    assert (found.status_code, found.headers["content-type"]) == (200, kind)
    assert found.headers["cache-control"] == "no-cache"
    assert found.headers["etag"] == f'"{hashlib.sha256(found.content).hexdigest()[:20]}"'
    assert "last-modified" not in found.headers
    for told in (found.headers["etag"], f'"other", {found.headers["etag"]}'):
        again = get(f"/page/{name}", if_none_match=told)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == found.headers["etag"]
        assert again.headers["cache-control"] == "no-cache"
    assert get(f"/page/{name}", if_none_match='"other"').status_code == 200
    assert get(f"/page/{name}", if_modified_since="Fri, 01 Jan 2100 00:00:00 GMT").status_code == 200


def test_of_two_packages_each_gives_its_own() -> None:
    page = Path(earmark.serve.__file__).parent / "page" / "index.html"
    assert get("/page/index.html").content == page.read_bytes()
    assert get("/page/theme.css").status_code == 200


@pytest.mark.parametrize(
    "name", ["none.js", "..", "%2e%2e", "..%2fapp.py", "%2e%2e%5capp.py", ".", "%00", "%2fetc%2fpasswd", "x" * 5000]
)
def test_nothing_that_lies_elsewhere(name: str) -> None:
    assert get(f"/page/{name}").status_code == 404
