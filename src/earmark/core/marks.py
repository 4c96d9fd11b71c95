"""By what a file or folder that Earmark wrote is known, where no list says so: by its own content."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .columns import class_of
from .hashing import sha256_of

_DAMAGE = (OSError, ValueError, LookupError, TypeError, RecursionError, csv.Error, zipfile.BadZipFile, RuntimeError)
MODEL_FILES = ("earmark.json", "README.md", "trained-on.txt", "novelty.npz", "combiner.onnx")
_NETS = re.compile(r"(backbone|head)-\d+\.onnx")
_AUDIT = "path,label,group,fold,start,duration,duplicate_group,proposed_group,proposed_label,flags,exclude"
_REVIEWED = "path,label,group,fold,start,duration,given_label,given_group,reviewed"
_JUDGED = "id,path,label,group,fold,recipe,seed,predicted,score,correct,"
_ANSWER = ("path", "start", "end", "label", "score", "set", "unknown", "reason")  # columns that are no classes
_ROWS = re.compile(r"id,path,label,group,fold,(recording,)?start,end,(v0|\"?target:)")


# ------------------------------------------------------------------------------------------------- files
def by_name(path: Path, name: str) -> bool:
    """True if the file that Earmark would call ``name`` is one that it wrote."""
    known = _KNOWN.get(name)
    return known is not None and known(path)


def page(path: Path) -> bool:
    """True for a report."""
    return '<meta name="generator" content="Earmark">' in begin(path, 2000)


def _numbers(path: Path) -> bool:
    """metrics.json, curve.json, …: they say which Earmark they were made by."""
    found = _json(path)
    made_by = found.get("versions")
    return isinstance(made_by, dict) and {"earmark"} <= made_by.keys() and "command" in found


def _audit(path: Path) -> bool:
    return {"dataset", "clips", "backbones", "notes", "counts", "duplicates", "files"} <= _json(path).keys()


def _head(begin: str, *, whole: bool = False) -> Callable[[Path], bool]:
    def known(path: Path) -> bool:
        first = _line(path)
        return first == begin if whole else first.startswith(begin)

    return known


def _tuned(path: Path) -> bool:
    return re.search(r'about = "Found by `earmark (study )?tune` from ', begin(path, 2000)) is not None


def _journal(path: Path) -> bool:
    """A line of decisions, or a damaged one, which the journal tells; an empty file is nobody's."""
    first = _line(path)
    try:
        return not first or {"id", "item", "what", "changes"} <= json.loads(first).keys()
    except (ValueError, AttributeError):
        return first.startswith('{"id": ')


def embeddings(path: Path) -> bool:
    """True for a file of rows as ``embed`` writes them, and for an empty file."""
    try:
        if path.stat().st_size == 0:
            return True
        if path.suffix.lower() == ".csv":
            return _ROWS.match(_line(path)) is not None
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as file:
                return {"X.npy", "id.npy", "shape.npy", "facts.npy"} <= set(file.namelist())
        import pyarrow.parquet as pq

        with path.open("rb") as opened:
            return b"earmark" in (pq.read_schema(opened).metadata or {})
    except (ModuleNotFoundError, *_DAMAGE):
        return False


def answers(path: Path) -> bool:
    """True for what ``predict`` writes (CSV, JSON lines, the table for people), and for an empty file."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline(1 << 20)
            if not first:
                return path.stat().st_size == 0
            if first.startswith("{"):
                line = json.loads(first)
                known = line["label"] in list(line["scores"]) or "reason" in line
                return {"path", "label", "score", "scores"} <= set(line) and known
            if first.split()[0] == "path" and "," not in first:
                return re.match(r"path +(start +end +)?label +score +also", first.strip()) is not None
            file.seek(0)
            lines = csv.reader(file)
            return _answered(next(lines), next(lines, None))
    except (*_DAMAGE, AttributeError):
        return False


def _answered(columns: list[str], line: list[str] | None) -> bool:
    """True if a table's columns, and its first line, are those of answers: scores of classes that make one."""
    classes = [c for c in columns if c not in _ANSWER]
    if columns[:1] != ["path"] or not {"label", "score"} <= set(columns) or not classes:
        return False
    if line is None:
        return True
    told = dict(zip(columns, line, strict=True))
    scores = [float(told[c]) for c in classes]
    if told.get("reason") and not told["label"]:
        return not any(scores)
    return told["label"] in map(class_of, classes) and abs(sum(scores) - 1) < 1e-3 * len(scores) and min(scores) >= 0


_KNOWN: dict[str, Callable[[Path], bool]] = {
    **dict.fromkeys(("report.html", "curve.html", "ladder.html", "stress.html", "audit.html"), page),
    **dict.fromkeys(("metrics.json", "curve.json", "ladder.json", "stress.json", "tune.json"), _numbers),
    "audit.json": _audit,
    "clips.csv": _head(_AUDIT, whole=True),
    "predictions.csv": _head(_JUDGED),
    "recipe.toml": _tuned,
    "reviewed.csv": _head(_REVIEWED, whole=True),
    "review.jsonl": _journal,
}


# ------------------------------------------------------------------------------------------------- folders
def is_model(folder: Path) -> bool:
    """True for a folder with the card of a model."""
    card = _json(folder / "earmark.json")
    return isinstance(card.get("files"), dict) and "classes" in card and "format" in card


def is_model_file(name: str) -> bool:
    """True for a name that a model gives to a file."""
    return name in MODEL_FILES or _NETS.fullmatch(name) is not None


def own_files(folder: Path) -> set[str]:
    """Names of the files of a model that are as it was saved: its card knows their sums."""
    sums = _sums(folder)
    there = (n for n in sums if (folder / n).is_file() and not (folder / n).is_symlink())
    return {"earmark.json", *(n for n in there if sha256_of(folder / n) == sums[n])}


def _sums(folder: Path) -> dict[str, Any]:
    """Names in the card of a model, which may come from anybody, and their sums."""
    sums = _json(folder / "earmark.json").get("files")
    return {n: s for n, s in sums.items() if Path(n).name == n} if isinstance(sums, dict) else {}


def no_model(folder: Path) -> list[str]:
    """What a new model would replace in a folder and is not the model that lies there."""
    names = sorted(p.name for p in folder.iterdir())
    if not is_model(folder):
        return names
    mine, listed = own_files(folder), _sums(folder)
    return [n for n in names if (is_model_file(n) or n in listed) and n not in mine]


# ------------------------------------------------------------------------------------------------- reading
def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except _DAMAGE:
        return {}
    return found if isinstance(found, dict) else {}


def begin(path: Path, characters: int) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(characters)
    except OSError:
        return ""


def _line(path: Path) -> str:
    return (begin(path, 1 << 20).splitlines() or [""])[0].strip()
