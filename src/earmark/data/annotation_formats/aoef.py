"""AOEF, as soundevent and whombat write it: events with a geometry, of recordings, with tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ..labels import tidy
from ._content import Content, Said, chosen

NAME = "AOEF"
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError)
_POINTS = {"Point": 0, "LineString": 1, "MultiPoint": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3}


def matches(_: Path, text: str) -> bool:
    """True by what an AOEF file holds."""
    return '"collection_type"' in text


def read(path: Path, text: str) -> Content:
    """Raises DataError for what is no AOEF, and where tags of several keys could be the label."""
    try:
        data = json.loads(text)["data"]
        return _content(data, path)
    except _DAMAGE as error:
        raise DataError(f"{path}: not a readable AOEF file ({type(error).__name__}: {error})") from error


def scored(text: str) -> bool:
    """True if a model speaks."""
    return '"sound_event_predictions"' in text or '"collection_type": "prediction_set"' in text


def _content(data: Mapping[str, Any], path: Path) -> Content:
    recordings = {one["uuid"]: one for one in data.get("recordings") or ()}
    events = {one["uuid"]: one for one in data.get("sound_events") or ()}
    tags = {one.get("id"): (_key(one), tidy(str(one["value"]))) for one in data.get("tags") or ()}
    people = {one.get("uuid"): one.get("name") or one.get("username") for one in data.get("users") or ()}
    told = list(data.get("sound_event_annotations") or ()) + list(data.get("sound_event_predictions") or ())
    of = [[tags[t] for t in _tags(one)] for one in told]
    key = chosen((k for found in of for k, _ in found), path, "key of tags")
    content = Content()
    for count, (one, found) in enumerate(zip(told, of, strict=True), start=1):
        event = events[one["sound_event"]]
        where = f"{path}, event {count} ({one.get('uuid', 'without a uuid')})"
        recording = recordings[event["recording"]]
        start, end, low, high = _bounds(event["geometry"], where)
        by = people.get(one.get("created_by"))
        for label in list(dict.fromkeys(value for k, value in found if k == key)) or [""]:
            content.said.append(Said(str(recording["path"]), start, end, label, low, high, where, by))
    _empty(data, content, {u: str(r["path"]) for u, r in recordings.items()})
    stretched = sorted(str(r["path"]) for r in recordings.values() if r.get("time_expansion", 1) not in (1, None))
    if stretched:
        content.notes.append(f"{path}: {stretched[0]!r} is expanded in time; its times are taken as they stand.")
    return content


def _empty(data: Mapping[str, Any], content: Content, paths: Mapping[str, str]) -> None:
    """Recordings whose clips were gone through and hold nothing; and a note on tags of whole clips."""
    clips = {one["uuid"]: one for one in data.get("clips") or ()}
    looked = list(data.get("clip_annotations") or ())
    full = {s.path for s in content.said}
    content.empty += sorted({paths[clips[one["clip"]]["recording"]] for one in looked} - full)
    tagged = sum(1 for one in looked if one.get("tags"))
    if tagged:
        content.notes.append(f"Tags of {tagged} whole clips are not read, for they say no times.")


def _tags(one: Mapping[str, Any]) -> Iterator[Any]:
    """Ids of tags; a prediction has pairs of them and scores."""
    for tag in one.get("tags") or ():
        yield tag[0] if isinstance(tag, list) else tag


def _key(tag: Mapping[str, Any]) -> str:
    term = tag.get("key") or tag.get("term") or ""
    if isinstance(term, Mapping):
        return str(term.get("label") or term.get("name") or "")
    return str(term)


def _bounds(geometry: Mapping[str, Any], where: str) -> tuple[float, float, float | None, float | None]:
    """What encloses a geometry: start, end, and frequencies if it says any. Raises DataError for one that is unknown."""
    kind, given = geometry["type"], geometry["coordinates"]
    if kind == "TimeStamp":
        return float(given), float(given), None, None
    if kind == "TimeInterval":
        return float(min(given)), float(max(given)), None, None
    if kind == "BoundingBox":
        return float(given[0]), float(given[2]), float(given[1]), float(given[3])
    if kind not in _POINTS:
        raise DataError(
            f"{where}: found a geometry {kind!r}; wanted one of {', '.join(('TimeStamp', 'BoundingBox', *_POINTS))}"
        )
    points = [given]
    for _ in range(_POINTS[kind]):
        points = [inner for outer in points for inner in outer]
    times, frequencies = [float(p[0]) for p in points], [float(p[1]) for p in points]
    return min(times), max(times), min(frequencies), max(frequencies)
