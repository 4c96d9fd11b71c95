"""Is what Earmark once wrote still whole? A model, a store of embeddings, a file of embeddings, a cache.

=========  ==========================================================================================================
model      the card is readable; every file is there, with its sha256, and holds what a model's may; classes; it loads
store      every shard is readable and finite; every clip is in it once; fingerprints and widths agree; counts
file       readable, finite, as long as it says
cache      every file has a right header, the right size, and is float32; all of a folder have one shape
=========  ==========================================================================================================

Nothing is changed by looking. A finding is *damaged* (it cannot be used, or must not be trusted) or a *note*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..backbones import check_onnx
from ..core import marks, parquet, seal
from ..core.errors import BundleError, EarmarkError
from ..core.outputs import Kind
from ..core.paths import is_remote, located
from ..core.renderers import Shown
from ..data.duplicates import with_twins
from ..data.notes import copy_notes, cut_notes
from ..data.sources import files_of
from ..data.split import Protocol
from ..embeddings import ready
from . import integrity_cache, integrity_store

DAMAGED, NOTE = "damaged", "note"
INTEGRITY = Kind("a check", ("integrity.json",))  # what is written for it


@dataclass(frozen=True)
class Finding:
    """Something about a place: ``where`` is a file, a clip or the whole; ``severity`` is damaged or note."""

    where: str
    text: str
    severity: str = DAMAGED

    def __str__(self) -> str:
        return f"{'' if self.severity == DAMAGED else 'note: '}{self.where}: {self.text}"


@dataclass(frozen=True, repr=False)
class Integrity(Shown):
    """What was looked at, how much of it (``counts``, what of -> how many), and what was found."""

    kind: str
    place: str
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def damaged(self) -> bool:
        """True if anything is damaged."""
        return any(f.severity == DAMAGED for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "place": self.place,
            "damaged": self.damaged,
            "counts": dict(self.counts),
            "findings": [asdict(f) for f in self.findings],
        }


def kind_of(source: str | Path) -> str | None:
    """``"model"``, ``"store"``, ``"file"`` or ``"cache"``, also of one that is damaged; None for anything else: data.

    Raises DataError if a URI cannot be reached.
    """
    source = located(source)
    if is_remote(source):
        return "store" if integrity_store.looks_like(source) else None
    path = Path(source).expanduser()
    if path.is_file():
        return "file" if _names_embeddings(path) else None
    if not path.is_dir():
        return None
    names = {p.name for p in path.iterdir()}
    card = _card(path)
    if "holds" in card or (not card.keys() & {"files", "classes"} and integrity_store.looks_like(path)):
        return "store"
    if "earmark.json" in names or any(n.startswith("head-") and n.endswith(".onnx") for n in names):
        return "model"
    return "cache" if integrity_cache.looks_like(path) else None


def _card(folder: Path) -> dict[str, Any]:
    """``earmark.json`` of a model or a store, as far as it can be read."""
    try:
        found = json.loads((folder / "earmark.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def check(source: str | Path, *, load: Callable[[Path], object]) -> Integrity | None:
    """Look at what lies at ``source``, or None if it is data.

    ``load`` opens a model as those who use it do (``models.load.load``) and raises EarmarkError if it cannot be used.
    """
    kind = kind_of(source)
    if kind is None:
        return None
    place = located(source)
    path = Path(place).expanduser() if not is_remote(place) else place
    found: list[Finding] = []
    looks: dict[str, Callable[[], dict[str, int]]] = {
        "model": lambda: _model(Path(path), load, found),
        "store": lambda: integrity_store.look(path, _teller(found)),
        "file": lambda: _file(Path(path), found),
        "cache": lambda: integrity_cache.look(Path(path), _teller(found)),
    }
    counts = looks[kind]()
    return Integrity(kind, str(source), counts, tuple(found))


def _teller(found: list[Finding]) -> Callable[[str, str, bool], None]:
    return lambda where, text, damaged: found.append(Finding(where, text, DAMAGED if damaged else NOTE))


# ------------------------------------------------------------------------------------------------- a model
def _model(folder: Path, load: Callable[[Path], object], found: list[Finding]) -> dict[str, int]:
    try:
        card = check_onnx.card(folder)
    except BundleError as error:
        found.append(Finding("earmark.json", _without(folder, error)))
        return {}
    sums, classes = card.get("files"), card.get("classes")
    if not isinstance(sums, dict):
        found.append(Finding("earmark.json", "lists no files"))
        sums = {}
    for name, digest in sums.items():
        try:
            check_onnx.files(folder, {name: digest})
        except EarmarkError as error:
            found.append(Finding(str(name), _without(folder, error)))
    if seal.KEY not in card:
        found.append(Finding("earmark.json", "has no checksum (Earmark 0.1 wrote none): a change may not show", NOTE))
    if (folder / "README.md").is_file():
        _readable(folder / "README.md", found)
    if not any(f.severity == DAMAGED for f in found):  # every fault by itself first: loading stops at the first one
        try:
            load(folder)
        except EarmarkError as error:
            found.append(Finding("the model", _without(folder, error)))
    strange = sorted(p.name for p in folder.iterdir() if marks.is_model_file(p.name) and p.name not in sums)
    for name in (n for n in strange if n != "earmark.json"):
        found.append(Finding(name, "is called like a file of a model, and the card does not know it", NOTE))
    return {"files": len(sums), "classes": len(classes) if isinstance(classes, list) else 0}


def _readable(file: Path, found: list[Finding]) -> None:
    try:
        file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found.append(Finding(file.name, f"cannot be read as text ({error})"))


def _without(folder: Path, error: EarmarkError) -> str:
    """What an error says, without the folder, which is told once."""
    return str(error).removeprefix(f"{folder}: ")


# ------------------------------------------------------------------------------------------------- a file
def _names_embeddings(path: Path) -> bool:
    """True for a file of embeddings by its content; of one that is damaged, by its ending alone."""
    return path.suffix.lower() == ".npz" or bool(files_of(path))


def _file(path: Path, found: list[Finding]) -> dict[str, int]:
    try:
        data = ready.read(path)
    except EarmarkError as error:
        found.append(Finding(path.name, _without(path, error)))
        return {}
    if not _has_checksum(path):
        found.append(Finding(path.name, "has no checksum: a changed number may not show", NOTE))
    made = next(iter(data.embeddings.values()))
    if data.dataset.has_folds:
        dataset = with_twins(data.dataset, made.digest)
        told = (*cut_notes(dataset), *copy_notes(dataset, Protocol.PUBLISHED))
        found += (Finding(path.name, note, NOTE) for note in told)
    return {"clips": len(data.dataset.clips), "embeddings": len(made.X)}


def _has_checksum(path: Path) -> bool:
    """A zip archive has them, Parquet where Earmark wrote it, CSV has none."""
    if path.suffix.lower() not in (".parquet", ".pq"):
        return path.suffix.lower() == ".npz"
    with path.open("rb") as file:
        return parquet.check(file)


def as_json(found: Integrity) -> str:
    """The whole check as text."""
    return json.dumps(found.to_dict(), ensure_ascii=False, indent=1) + "\n"
