"""What the names of files say that field recorders write: site and clock. A name that may mean something else says nothing.

One form is one pattern here; a date or time that no calendar has makes a name mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_DATE, _TIME = r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)", r"(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)"
_DASHED = r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
_APART = r"(?P<H>\d\d)[-.:](?P<M>\d\d)[-.:](?P<S>\d\d)"
_ZONE = r"(?P<zone>Z|[+-]\d\d(?:\d\d)?)"
_SITE, _CHANNEL = r"(?P<site>.+?)", r"(?:_0\+1_[01]|_0\+1|_[01])?"
_PLACE = r"(?:[ _]\[?(?P<lat>[+-]?\d{1,2}\.\d+) ?(?P<lon>[+-]?\d{1,3}\.\d+)\]?)?"
_BLANK_DATE = r"(?P<y>\d{4})(?P<m>[ \d]\d)(?P<d>[ \d]\d)"  # a firmware's fault: a blank for the leading zero

# Recorder ("": several write such names), form of the stem. The first that fits is read.
_FORMS = tuple(
    (recorder, re.compile(form))
    for recorder, form in (
        ("Frontier Labs", rf"S{_DATE}T{_TIME}\.?(?P<F>\d*){_ZONE}_E\d{{8}}T[\d.]+(?:Z|[+-]\d{{4}}){_PLACE}"),
        ("Frontier Labs", rf"{_BLANK_DATE}[T_]{_TIME}{_ZONE}?_R[Ee][Cc]\d*{_PLACE}"),
        ("Frontier Labs?", rf"{_DATE}T{_TIME}{_ZONE}"),
        ("BirdNET-Go", rf"[a-z]+(?:_[a-z]+)+_\d{{1,3}}p_{_DATE}T{_TIME}(?P<zone>Z)"),
        ("BirdNET-Pi", rf"(?:[\w' ]+-\d{{1,3}}-)?{_DASHED}-birdnet-(?:RTSP_\d+-)?{_APART}"),
        ("SoundTrap", rf"(?P<serial>\d{{4,9}})\.(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d){_TIME}"),
        ("AudioMoth", rf"(?P<serial>24[0-9A-F]{{14}})_{_DATE}_{_TIME}T?"),
        ("AudioMoth", rf"{_DATE}_{_TIME}T"),
        ("AudioMoth?", rf"{_DATE}_{_TIME}"),
        ("OwlSense", rf"{_SITE}_(?P<serial>\d{{6}})_{_DASHED}_T{_APART}"),
        ("Swift", rf"{_SITE}_{_DATE}_{_TIME}_(?P<zone>[+-]\d{{4}})"),
        ("Song Meter", rf"{_SITE}{_CHANNEL}_{_DATE}\${_TIME}(?:_(?P<F>\d{{3}}))?"),
        ("Song Meter?", rf"{_SITE}{_CHANNEL}_{_DATE}_{_TIME}(?:_(?P<F>\d{{3}}))?"),
        ("", rf"{_SITE}_{_DATE}_{_TIME}_(?P<zone>Z)"),
        ("", rf"(?:{_SITE}_)?{_DATE}[-T]{_TIME}(?:\.(?P<F>\d{{1,6}}))?{_ZONE}(?:_\d{{1,6}})?"),
        ("", rf"(?:{_SITE}_)?{_DATE}[-T]{_TIME}"),
        ("", rf"(?:{_SITE}[_ ])?{_DASHED}[_ T]{_APART}"),
        ("", rf"{_DATE}{_TIME}"),
    )
)
_SERIAL = re.compile(r"(?:SM[A-Z]\d{4,6}|SM[234]\d{5,6}|S4[A-Z]\d{5}|2M[A-Z]\d{5}|E2[A-Z]\d{5}|24[0-9A-F]{14})")
_BEHIND = re.compile(rf"(?P<site>.+)_(?P<serial>{_SERIAL.pattern})")
_HEX = re.compile(r"(?=.*[A-F])[0-9A-F]{8}")
_FIRST_HEX, _LAST_HEX = datetime(2016, 1, 1), datetime(2038, 1, 1)  # when AudioMoths counted so, and when 32 bits end
_SONG_METER = re.compile(r"[A-Za-z0-9-]{1,12}(?:_" + _SERIAL.pattern + ")?")
_YEARS = range(1990, 2100)  # before: a clock that was never set


@dataclass(frozen=True)
class Named:
    """What a name says. ``start`` is the clock as named; ``site`` "" if the folder has to say it."""

    recorder: str = ""
    site: str = ""
    start: datetime | None = None
    utc_offset: timedelta | None = None
    serial: str = ""
    latitude: float | None = None
    longitude: float | None = None


def read(name: str) -> Named | None:
    """What the name of a file says, or None if it is no recorder's."""
    stem, _, ending = name.rpartition(".")
    if ending == "WAV" and _HEX.fullmatch(stem):
        start = datetime(1970, 1, 1) + timedelta(seconds=int(stem, 16))
        return Named("AudioMoth", "", start, timedelta(0)) if _FIRST_HEX <= start < _LAST_HEX else None
    for recorder, form in _FORMS:
        if (found := form.fullmatch(stem)) is not None:
            return _named(recorder, found.groupdict(), ending)
    return None


def serial_only(prefix: str) -> bool:
    """True if a prefix is the serial of a recorder, which is no site."""
    return bool(_SERIAL.fullmatch(prefix))


def without_serial(prefix: str) -> tuple[str, str]:
    """A prefix as site and serial: ``LF04-02_SMM0441`` is both.

    >>> without_serial("LF04-02_SMM0441"), without_serial("Plot_12")
    (('LF04-02', 'SMM0441'), ('Plot_12', ''))
    """
    if serial_only(prefix):
        return "", prefix
    found = _BEHIND.fullmatch(prefix)
    return (found["site"], found["serial"]) if found else (prefix, "")


def offset_of(zone: str) -> timedelta | None:
    """``Z``, ``+10``, ``+0930``, ``-3:30`` as what is added to UTC; None for what no zone has.

    >>> offset_of("-0330").total_seconds() / 3600, offset_of("+25")
    (-3.5, None)
    """
    if zone in ("Z", "UTC"):
        return timedelta(0)
    found = re.fullmatch(r"([+-])(\d{1,2}):?(\d\d)?", zone)
    if found is None or int(found[2]) > 14 or int(found[3] or 0) > 59:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return ahead if found[1] == "+" else -ahead


def _named(recorder: str, of: dict[str, str | None], ending: str) -> Named | None:
    site, serial = without_serial(of.get("site") or "")
    plain = recorder.rstrip("?")
    if recorder.endswith("?") and not _fits(plain, of.get("site") or "", ending):
        plain = ""
    kept = plain, site
    serial = of.get("serial") or serial
    year = int(of["y"] or 0) + (2000 if len(of["y"] or "") == 2 else 0)
    if year == 1970 and plain == "AudioMoth":  # the clock was never set
        return Named(*kept, serial=serial)
    zone = of.get("zone")
    offset = offset_of(zone) if zone else None
    try:
        micro = int((of.get("F") or "0").ljust(6, "0")[:6])
        month, day, hour, minute, second = (int(of[k] or 0) for k in "mdHMS")
        start = datetime(year, month, day, hour, minute, second, micro)
    except ValueError:
        return None
    if year not in _YEARS or (zone and offset is None):
        return None
    where = [float(of[k] or 0) if of.get(k) else None for k in ("lat", "lon")]
    return Named(*kept, start, offset, serial, *where)


def _fits(recorder: str, site: str, ending: str) -> bool:
    """Whether a name that several could have written is the recorder's by its ending and prefix."""
    if recorder == "AudioMoth":
        return ending == "WAV"
    if recorder == "Frontier Labs":
        return ending.lower() == "flac"
    song_meter = _SONG_METER.fullmatch(site) is not None and not re.search(r"\d{8}", site)
    return ending.lower() in ("wav", "wac", "w4v") and song_meter
