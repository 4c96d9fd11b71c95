"""Where and when a recording was made, as far as its recorder says: by the file's name, and by what stands in the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

from ...core.renderers import Shown, brief
from . import metadata, names

_NO_SITE = re.compile(r"data|\d{4}|\d{1,2}|\d{6}|\d{8}(?:[_T-]\d{6})?|\d{4}-\d\d(?:-\d\d)?", re.IGNORECASE)
# Folders that hold recordings whichever they are: they and those above say nothing of a site.
_HOLDS = frozenset(
    {"", ".", "..", "/", "wav", "wavs", "flac", "mp3", "audio", "sound", "sounds", "recording", "recordings"}
)
_DIFFERENT = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, repr=False)
class RecordingInfo(Shown):
    """What is known of a recording; None where nothing is.

    ``recorder``: the model, as the metadata have it; the kind that writes such names, where there is no WAV file to ask.
    ``start``: the recorder's clock, ISO 8601; ``utc_offset``: as ``"+10:00"``. ``night``:
    the date of the evening, noon to noon by that clock; None where the clock is UTC, for the local time is not known.
    ``note``: what was wrong or did not agree.
    """

    recorder: str | None = None
    site: str | None = None
    start: str | None = None
    utc_offset: str | None = None
    night: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    serial: str | None = None
    note: str | None = None

    def _line(self) -> str:
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        return (
            ", ".join(f"{name}={brief(value)}" for name, value in known.items() if value is not None)
            or "nothing is known"
        )

    @property
    def group(self) -> str | None:
        """Site and night, which must not be cut apart when evaluating; None if neither is known."""
        return " ".join(filter(None, (self.site, self.night))) or None


def recording_info(path: str | Path) -> RecordingInfo:
    """What the name of a file says, and, if it is there, its metadata: GUANO, WAMD, the comment of an AudioMoth.

    Metadata count before the name; where they differ, ``note`` says so. A name that no recorder writes says nothing, and
    neither does the folder then. Nothing is raised: a file that cannot be read has its name alone.

    >>> recording_info("Kestrelhope/20190602_000000.WAV")
    RecordingInfo(recorder='AudioMoth', site='Kestrelhope', start='2019-06-02T00:00:00', night='2019-06-01')
    >>> recording_info("track01.flac").start is None
    True
    """
    return info_of(path, Path(path), lambda _: True)


def info_of(name: str | Path, file: Path | None, is_site: Callable[[str], bool]) -> RecordingInfo:
    """``recording_info`` of a recording called ``name`` that lies at ``file``; a folder may not be a site (a label is none)."""
    steps = PurePosixPath(str(name).replace("\\", "/"))
    folders = [folder for folder in steps.parent.parts if is_site(folder)]
    said = names.read(steps.name)
    held = metadata.read(file) if file is not None else None
    if held is not None and said is not None:  # the file itself is there to say whose it is
        said = replace(said, recorder="")
    held = held or []
    notes = [fault for known in held for fault in known.faults]
    told = [known for known in held if known.start or known.recorder or known.site or known.serial]
    if not told:
        return _made(said, folders, notes)
    return _with(told, said, folders, notes)


def _made(said: names.Named | None, folders: list[str], notes: list[str]) -> RecordingInfo:
    """What the name alone says."""
    if said is None:
        return RecordingInfo(note=_joined(notes))
    site = said.site or _folder(folders) or said.serial
    return _info(said.recorder, site, said.start, said.utc_offset, (said.latitude, said.longitude), said.serial, notes)


def _with(told: list[metadata.Known], said: names.Named | None, folders: list[str], notes: list[str]) -> RecordingInfo:
    """What metadata say, and the name where they are silent."""
    first = next((known for known in told if known.start is not None), None)
    before = next((named for known in told if (named := names.read(known.original)) is not None), None)
    named = said or before
    start, offset = (
        (first.start, first.utc_offset) if first else (said.start, said.utc_offset) if said else (None, None)
    )
    if first is not None and said is not None and said.start is not None and _apart(first, said):
        notes.append(
            f"its name says {_clock(said.start)} and its {first.kind} {_clock(first.start)}: the {first.kind} counts"
        )
    prefixes = [(known.kind, *names.without_serial(known.site)) for known in told if known.site]
    site = next((place for _, place, _ in prefixes if place), "")
    if site and said is not None and said.site and said.site != site:
        notes.append(
            f"its name says the site {said.site!r} and its {prefixes[0][0]} {site!r}: the {prefixes[0][0]} counts"
        )
    if not site and named is not None:
        site = named.site or _folder(folders if said is not None else []) or named.serial
    site = site or next((serial for _, _, serial in prefixes), "")
    place = next(((k.latitude, k.longitude) for k in told if k.latitude is not None), (None, None))
    serial = next((known.serial for known in told if known.serial), "")
    recorder = next((known.recorder for known in told if known.recorder), "")
    return _info(recorder, site, start, offset, place, serial, notes)


def _apart(known: metadata.Known, said: names.Named) -> bool:
    """True if clock and name are not of one time; both in UTC where both say how far they are from it."""
    if known.start is None or said.start is None:
        return False
    one, two = known.start, said.start
    if known.utc_offset is not None and said.utc_offset is not None:
        one, two = one - known.utc_offset, two - said.utc_offset
    return abs(one - two) > _DIFFERENT


def _folder(folders: list[str]) -> str:
    """The nearest folder that may be a site: no date, and not the recorder's own."""
    for folder in reversed(folders):
        if folder.casefold() in _HOLDS:
            return ""
        if not _NO_SITE.fullmatch(folder):
            return folder
    return ""


def _info(
    recorder: str, site: str, start: datetime | None, offset: timedelta | None, place: tuple[float | None, float | None],
    serial: str, notes: list[str],
) -> RecordingInfo:  # fmt: skip
    night = None
    if start is not None and offset != timedelta(0):
        night = (start - timedelta(hours=12)).date().isoformat()
    return RecordingInfo(
        recorder=recorder or None,
        site=site or None,
        start=_clock(start),
        utc_offset=_offset(offset),
        night=night,
        latitude=place[0],
        longitude=place[1],
        serial=serial or None,
        note=_joined(notes),
    )


def _joined(notes: list[str]) -> str | None:
    return "; ".join(dict.fromkeys(notes)) or None


def _clock(start: datetime | None) -> str | None:
    if start is None:
        return None
    digits = "seconds" if not start.microsecond else "microseconds" if start.microsecond % 1000 else "milliseconds"
    return start.isoformat(timespec=digits)


def _offset(offset: timedelta | None) -> str | None:
    if offset is None:
        return None
    minutes = int(abs(offset).total_seconds()) // 60
    return f"{'-' if offset < timedelta(0) else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
