"""What there is to look at: suspect labels, pairs of duplicates, damaged files, proposed groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audits.read import read
from ..core.errors import DataError
from ..data.clips import Dataset

KINDS = ("labels", "duplicates", "files", "groups", "clips")


@dataclass(frozen=True)
class Item:
    """Something to decide about ``clips`` (indices). ``text`` says what was found; ``proposed`` is a likelier label."""

    key: str
    kind: str
    clips: tuple[int, ...]
    text: str
    proposed: str | None = None


def read_audit(folder: Path, dataset: Dataset) -> Mapping[str, Any]:
    """``audit.json`` of a folder. Raises DataError if there is none, or if it speaks of other clips."""
    path, found = folder / "audit.json", read(folder)
    known = {clip.id for clip in dataset.clips}
    strange = [f["clip"] for f in found["files"] if f["clip"] not in known]
    if strange:
        raise DataError(
            f"{path} speaks of {len(strange)} clips that {dataset.name} does not have, e.g. {strange[0]!r}. Give the "
            "data that were audited, or audit again"
        )
    return found


def items(dataset: Dataset, audit: Mapping[str, Any] | None) -> tuple[Item, ...]:
    """All there is to look at, the likeliest faults of each kind first; without an audit, every clip."""
    if audit is None:
        return tuple(Item(f"clip {c.id}", "clips", (i,), "") for i, c in enumerate(dataset.clips))
    place = {clip.id: i for i, clip in enumerate(dataset.clips)}
    found = [*_labels(audit, place), *_duplicates(audit, place), *_files(audit, place), *_groups(audit, place, dataset)]
    return tuple({item.key: item for item in found}.values())


def _labels(audit: Mapping[str, Any], place: Mapping[str, int]) -> Iterator[Item]:
    for s in audit.get("labels", []):
        text = f"labelled “{s['label']}”, sounds like “{s['proposed']}” ({_percent(s['likely'])} against {_percent(s['own'])})"
        yield Item(f"label {s['clip']}", "labels", (place[s["clip"]],), text, s["proposed"])


def _duplicates(audit: Mapping[str, Any], place: Mapping[str, int]) -> Iterator[Item]:
    for p in audit.get("duplicates", []):
        same = {"file": "the same file, byte for byte", "samples": "the same samples in two files"}.get(p["kind"])
        if same is None:
            same = f"the same recording: {p['overlap']:.1f} s in common, spectrograms agree by {p['agreement']:.2f}"
        more = ["two labels"] * bool(p["conflict"]) + ["two groups"] * bool(p["cut_apart"])
        yield Item(f"pair {p['a']} = {p['b']}", "duplicates", (place[p["a"]], place[p["b"]]), "; ".join([same, *more]))


def _files(audit: Mapping[str, Any], place: Mapping[str, int]) -> Iterator[Item]:
    for f in audit["files"]:
        serious = [
            flag["text"] for flag in f["flags"] if flag["severity"] == "serious" and flag["kind"] != "label conflict"
        ]
        if serious:
            yield Item(f"file {f['clip']}", "files", (place[f["clip"]],), "; ".join(serious))


def _groups(audit: Mapping[str, Any], place: Mapping[str, int], dataset: Dataset) -> Iterator[Item]:
    for members in audit.get("groups", []):
        at = tuple(place[m] for m in members)
        given = {dataset.clips[i].group for i in at}
        if len(given) == 1 and None not in given:
            continue  # the groups as given know
        yield Item(f"group {members[0]}", "groups", at, f"{len(at)} clips sound as though they came from one session")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}\u00a0%"
