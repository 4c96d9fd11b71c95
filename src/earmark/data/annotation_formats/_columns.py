"""What the columns of a table of events mean, by their names as programs write them, and in which unit their times are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError
from ._content import is_nothing, number, seconds

# In small letters, without blanks, marks and units; the first that is there is read.
NAMES: Mapping[str, tuple[str, ...]] = {
    "path": (
        "path", "recording", "filepath", "audiofilepath", "audiopath", "recordingpath", "audiofile", "audiofilename", "audio",
        "recordingfile", "recordingname", "filename", "file", "notatedpath", "soundfile", "soundfilename", "soundpath", "sound",
        "wav", "wavfile", "wavfilename", "infile", "beginfile", "mediafile", "clip", "clipname", "recordingid",
    ),
    "start": ("start", "starttime", "begin", "begintime", "onset", "onsettime", "timestart", "tmin", "xmin", "startoffset", "from"),
    "end": ("end", "endtime", "stop", "stoptime", "offset", "offsettime", "finish", "timeend", "tmax", "xmax", "endoffset", "to"),
    "duration": ("duration", "deltatime", "length", "dur", "durationtime"),
    "low": ("low", "lowf", "lowfreq", "lowfrequency", "lowerfrequency", "lowerfreq", "minfreq", "minfrequency", "freqmin", "freqlow", "fmin", "flow", "frequencymin"),
    "high": ("high", "highf", "highfreq", "highfrequency", "upperfrequency", "upperfreq", "maxfreq", "maxfrequency", "freqmax", "freqhigh", "fmax", "fhigh", "frequencymax"),
    "rate": ("samplerate", "sr", "samplingrate", "samplingfrequency"),
    "group": ("group",),
    "by": ("by", "annotator", "annotatedby"),
    "when": ("when",),
}  # fmt: skip
OWN_LABEL = ("label", "labels")
AUTO = "autoid"  # what Kaleidoscope heard itself
LABEL = (
    "annotation", "annotations", "class", "classname", "category", "event", "eventlabel", "eventtype", "soundevent", "species",
    "speciescode", "speciesname", "commonname", "scientificname", "calltype", "call", "soundtype", "songtype", "type", "tag",
    "tags", "vocalization", "vocalizationtype", "syllable", "code", "manualid", "name", "speaker",
)  # fmt: skip
_UNIT = re.compile(
    r"[ (\[]+(s|secs?|seconds?|ms|msecs?|milliseconds?|samples?|frames?|mins?|minutes?|hz|khz)[)\]]?$", re.IGNORECASE
)
_KNOWN = frozenset(name for names in NAMES.values() for name in names)
_SCALE = {"s": 1.0, "ms": 0.001, "m": 60.0, "hz": 1.0, "khz": 1000.0}


@dataclass(frozen=True)
class Column:
    """A column by its name as it stands, its plain name, and its unit: s, ms, m, sample, frame, hz, khz or ""."""

    name: str
    plain: str
    unit: str

    @classmethod
    def of(cls, name: str) -> Column:
        """What a name says.

        >>> Column.of("Begin Time (s)").plain, Column.of("onset_sample").unit, Column.of("MANUAL ID*").plain
        ('begintime', 'sample', 'manualid')
        """
        text = re.sub(r"(?<=[a-z])(?=[A-Z])(?!Hz)|[_\-.*]+", " ", name).strip()
        whole = re.sub(r"\s", "", text).casefold()
        found = None if whole in _KNOWN else _UNIT.search(text)  # the end of freq_min is no unit
        unit = found[1].lower() if found else ""
        text = text[: found.start()] if found else text
        short = "ms" if unit.startswith(("ms", "milli")) else "sample" if unit.startswith("sample") else unit
        short = "frame" if short.startswith("frame") else "m" if short.startswith("min") else short
        return cls(name, re.sub(r"[\s()\[\]]", "", text).casefold(), "s" if short.startswith("sec") else short)

    def time(self, text: str, where: str, rate: float | None) -> float:
        """Seconds. Raises DataError, beginning with ``where``."""
        what = f"{where}: {self.name}"
        if self.unit == "sample":
            value = number(text, what, "a number of samples")
            if rate is None:
                raise DataError(
                    f"{what} counts samples, and their rate is not known; wanted the recording beside the table, or a column "
                    "sample_rate"
                )
            value /= rate
        elif self.unit == "frame":
            raise DataError(f"{what} counts frames, and how long one is is not known; wanted seconds")
        elif self.unit in ("ms", "m"):
            value = round(number(text, what) * _SCALE[self.unit], 9)
        else:
            value = seconds(text, what)
        if value < 0:
            raise DataError(f"{what} is {text.strip()!r}; wanted 0 or more")
        return value

    def hertz(self, text: str | None, where: str) -> float | None:
        """Hz, or None. Raises DataError, beginning with ``where``."""
        if is_nothing(text):
            return None
        return number(text or "", f"{where}: {self.name}", "Hz") * _SCALE.get(self.unit, 1.0)


@dataclass(frozen=True)
class Columns:
    """The columns of a table by what they mean."""

    of: Mapping[str, Column]
    labels: tuple[Column, ...]  # those that could hold the label
    other: tuple[str, ...]

    @classmethod
    def find(cls, names: Sequence[str]) -> Columns:
        """By their names alone. An ``offset`` beside a duration, without a start, is where the event begins."""
        columns = [Column.of(name) for name in names]
        of = {what: one for what in NAMES if (one := _first(columns, NAMES[what])) is not None}
        if "start" not in of and "duration" in of and "end" in of and of["end"].plain == "offset":
            of["start"] = of.pop("end")
        own = [c for c in columns if c.plain in OWN_LABEL]
        used = {c.name for c in of.values()}
        labels = own or [c for c in columns if c.plain in LABEL and c.name not in used]
        manual = [c for c in labels if c.plain == "manualid"]
        labels = manual or labels or [c for c in columns if c.plain == AUTO]
        used |= {c.name for c in labels}
        return cls(of, tuple(labels), tuple(c.name for c in columns if c.name not in used))

    @property
    def are_events(self) -> bool:
        """True if there are times of a beginning and an end."""
        return "start" in self.of and bool({"end", "duration"} & self.of.keys())


def _first(columns: Sequence[Column], names: Sequence[str]) -> Column | None:
    """The column of the name that comes first; of several units, seconds."""
    for name in names:
        same = [c for c in columns if c.plain == name]
        if same:
            return min(same, key=lambda c: ("s", "", "m", "ms", "hz", "khz", "sample", "frame").index(c.unit))
    return None


def refuse_none(path: Path, names: Sequence[str]) -> DataError:
    """What is said of a table that holds no events."""
    return DataError(
        f"{path}: found the columns {', '.join(names) or 'none'}; wanted annotations: path, start, end and label, and "
        "optionally low, high and group"
    )
