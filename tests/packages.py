"""Install small packages for a test: a folder of code and its entry points on sys.path, as pip would leave them."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from earmark.backbones.weights import sets
from earmark.core import plugins

OUTSIDE = Path(__file__).parent / "outside"


def put(folder: Path, name: str, version: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """Write what pip leaves of a package beside its code: metadata and entry points."""
    told = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in named.items()) for group, named in points.items()]
    (told / "entry_points.txt").write_text("\n".join(lines))


def put_outside(folder: Path) -> None:
    """Put the package of tests/outside there."""
    project = tomllib.loads((OUTSIDE / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.copytree(
        OUTSIDE / "earmark_outside", folder / "earmark_outside", ignore=shutil.ignore_patterns("__pycache__")
    )
    put(folder, project["name"], project["version"], project["entry-points"])


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """With the packages of a folder installed; nothing of them stays."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        _forget()
        try:
            yield
        finally:
            for name in set(sys.modules) - before:
                if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                    del sys.modules[name]
    _forget()


def _forget() -> None:
    plugins.refresh()
    sets._declared.cache_clear()
    sets.known.cache_clear()
