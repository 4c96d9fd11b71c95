"""The two decoders behind ``audio``: libsndfile for what it knows, FFmpeg (through PyAV) for the rest.

Both give the same: a ``Probe`` of the header, and ``chunks`` of frames [start, stop) at the file's own rate.
"""

from __future__ import annotations

import io
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from .errors import AudioError, EarmarkError

Floats = NDArray[np.float32]
Source = str | Path | bytes | BinaryIO
T = TypeVar("T")

RATES = (1_000, 1_000_000)  # Hz that a file may have
_CHUNK = 2**15  # values decoded at a time by FFmpeg, and near damage
# libsndfile is asked for more at once: soundfile seeks after every read, for which FLAC decodes a frame again.
_STRETCH = 2**18
# What FFmpeg may take a file for. No playlists, images or subtitles: they open other files and URLs.
_DEMUXERS = (
    "aac,ac3,eac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,flac,flv,matroska,webm,mov,mp4,m4a,mp3,mpeg,mpegts,"
    "mpc,mpc8,ogg,rm,tak,tta,voc,w64,wav,wv"
)
# FFmpeg's packed sample formats: (numpy's type, full scale). Planar ones have a "p" behind.
_SAMPLES: dict[str, tuple[str, float]] = {
    **{"u8": ("u1", 2.0**7), "s16": ("i2", 2.0**15), "s32": ("i4", 2.0**31), "s64": ("i8", 2.0**63)},
    **{"flt": ("f4", 1.0), "dbl": ("f8", 1.0)},
}
_CUT = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_SYSTEM = 2  # libsndfile's error for a read that the system refused
_NO_SIZE = 0x7FFFF000  # recorders and pipes write about this or more for "not known yet"


@dataclass(frozen=True, slots=True)
class Probe:
    """What the header of a sound file says. ``seconds`` is what it promises; None: it promises nothing."""

    format: str
    subtype: str
    sample_rate: int
    channels: int
    seconds: float | None


class Decoder(Protocol):
    """An open sound."""

    probe: Probe

    def chunks(self, start: int, stop: int | None) -> Iterator[Floats]:
        """Frames [start, stop) as float32 (channels, n), about 2**15 values at a time."""

    def close(self) -> None: ...


@contextmanager
def opened(source: Source) -> Iterator[Decoder]:
    """The decoder for a sound. Raises AudioError ("unreadable: …", "empty: …") if there is none.

    Whatever else a library raises while the sound is open is told as AudioError, too: files are damaged in ways
    that no list of exceptions foresees, and one bad file must not end a run over many.
    """
    name = name_of(source)
    try:
        with _handle(source, name) as handle:
            try:
                with closing(_decoder(handle, name)) as decoder:
                    _check_facts(decoder.probe, name)
                    yield decoder
            except Exception:
                _check_read(handle)  # the cause, if it is one: what was read so far is not the sound
                raise
            _check_read(handle)
    except (EarmarkError, ImportError):
        raise
    except Exception as error:
        raise AudioError(name, f"unreadable: {_said(error)}") from error


def _check_facts(probe: Probe, name: str) -> None:
    rate, channels = probe.sample_rate, probe.channels
    if not RATES[0] <= rate <= RATES[1] or channels < 1:
        found = f"{rate} Hz, {channels} channels"
        raise AudioError(name, f"unreadable: {found} (wanted {RATES[0]} to {RATES[1]} Hz)")


def frame_at(seconds: float, rate: int) -> int:
    """The frame that is played at a time; for times beyond all files one beyond all files."""
    return round(min(seconds * rate, 2.0**62))


def name_of(source: Source) -> str:
    """What to call a source in messages."""
    if isinstance(source, str | Path):
        return str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the sound given"


@contextmanager
def _handle(source: Source, name: str) -> Iterator[BinaryIO]:
    """The source as a binary file at its beginning; closed afterwards if it was opened here."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        try:
            kind = Path(source).stat().st_mode
            if not stat.S_ISREG(kind):  # to open a pipe or a device could wait for ever
                what = "a folder, not a file" if stat.S_ISDIR(kind) else "not a regular file"
                raise AudioError(name, f"unreadable: {what}")
            file = Path(source).open("rb", buffering=0)  # noqa: SIM115 - closed below, outside this try
        except (OSError, ValueError) as error:
            raise AudioError(name, f"unreadable: {_said(error)}") from error
        with file:
            yield file
    elif isinstance(source, (io.BytesIO, io.FileIO)):
        source.seek(0)
        yield source
    else:
        source.seek(0)
        yield _Watched(source)  # type: ignore[misc]


class _Watched:
    """A file whose failure is remembered: libsndfile takes a read that fails for the end of the file."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        return self._tried(lambda: self.file.read(size), b"")

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._tried(lambda: self.file.seek(offset, whence), 0)

    def tell(self) -> int:
        return self._tried(self.file.tell, 0)

    def _tried(self, call: Callable[[], T], otherwise: T) -> T:
        try:
            return otherwise if self.failure else call()
        except Exception as error:  # of any kind: a user's own file may raise what it likes
            self.failure = error
            return otherwise


def _check_read(handle: object) -> None:
    """Raise the error that reading met, if it met one."""
    if isinstance(handle, _Watched) and handle.failure is not None:
        raise handle.failure


def _decoder(handle: BinaryIO, name: str) -> Decoder:
    head = handle.read(4)
    handle.seek(0)
    if not head:
        raise AudioError(name, "empty: the file has no bytes")
    # MPEG goes to FFmpeg at once: libsndfile's decoder writes complaints on stderr and gives up at damage.
    if not (head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)):
        try:
            return _Sndfile(handle, name)
        except Exception:  # LibsndfileError; TypeError: it is called .raw, of unknown format; and what damage brings
            handle.seek(0)
    return _Libav(handle, name)


class _Sound(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]
    """soundfile seeks after every read to where it is already, unless a file cannot seek.

    That costs time (FLAC decodes a frame again), and in damaged Ogg Vorbis libsndfile 1.2.2 dies of it (a segfault).
    """

    def seekable(self) -> bool:
        return False


class _Sndfile:
    def __init__(self, handle: BinaryIO, name: str) -> None:
        self.name = name
        self.handle = handle
        self.sound = self._open()
        rate, frames = self.sound.samplerate, self.sound.frames
        # libsndfile counts what the file holds; what the header promised stands only in its log.
        cut = _CUT.search(self.sound.extra_info)
        if cut and 0 < int(cut[2]) < int(cut[1]) < _NO_SIZE:
            frames = frames * int(cut[1]) // int(cut[2])
        seconds = frames / rate if rate > 0 and 0 <= frames < 2**62 else None
        self.probe = Probe(self.sound.format, self.sound.subtype, rate, self.sound.channels, seconds)

    def _open(self) -> Any:
        self.handle.seek(0)
        # A descriptor where there is one: faster than callbacks, and odd file names do not matter.
        source = self.handle.fileno() if isinstance(self.handle, io.FileIO) else self.handle
        return _Sound(source, closefd=False)

    def chunks(self, start: int, stop: int | None) -> Iterator[Floats]:
        size = max(1, _STRETCH // self.sound.channels)
        small = max(1, _CHUNK // self.sound.channels)
        stop = self.sound.frames if stop is None else min(stop, self.sound.frames)
        position, moved = start, start > 0
        while position < stop:
            wanted = min(size, stop - position)
            try:
                if moved:
                    self._move(position)
                    moved = False
                chunk = self.sound.read(wanted, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                if error.code == _SYSTEM:
                    raise OSError(_said(error)) from error
                if size > small:  # damaged: read up to there in small pieces, of which only the last is lost
                    self.sound.close()
                    self.sound = self._open()  # after damage FLAC cannot seek
                    size, moved = small, position > 0
                    continue
                if position == start:
                    raise AudioError(self.name, f"unreadable: {_said(error)}") from error
                return  # damaged from here on; what came before is sound
            _check_read(self.handle)
            if not len(chunk):
                return
            position += len(chunk)
            yield chunk.T

    def _move(self, position: int) -> None:
        """Go to a frame. In Ogg by decoding what stands before: see ``_Sound``."""
        if self.probe.format != "OGG":
            self.sound.seek(position)
            return
        while position > 0 and (read := len(self.sound.read(min(position, _CHUNK), dtype="float32", always_2d=True))):
            position -= read

    def close(self) -> None:
        self.sound.close()


class _Libav:
    def __init__(self, handle: BinaryIO, name: str) -> None:
        import av  # a tenth of a second that most files do not need
        from av.audio.plane import AudioPlane

        self.name = name
        self.damage: type[Exception] = av.FFmpegError
        self.plane: Any = AudioPlane
        self.container: Any = _container(av, handle)
        try:
            self.probe = self._probed(av.time_base)
        except Exception:
            self.container.close()
            raise

    def _probed(self, time_base: int) -> Probe:
        if not self.container.streams.audio:
            raise AudioError(self.name, "unreadable: there is no sound in it")
        self.stream = self.container.streams.audio[0]
        codec: Any = self.stream.codec_context  # None where FFmpeg knows no decoder, whatever its types say
        if codec is None:
            raise AudioError(self.name, "unreadable: the sound in it is encoded in a way that is not known")
        _plain_layout(codec)
        length = Fraction(0)
        if self.stream.duration and self.stream.time_base:
            length = self.stream.duration * self.stream.time_base
        elif self.container.duration:
            length = Fraction(self.container.duration, time_base)
        return Probe(
            self.container.format.name,
            codec.name,
            codec.sample_rate or 0,
            codec.channels or 0,
            float(length) if length > 0 else None,
        )

    def chunks(self, start: int, stop: int | None) -> Iterator[Floats]:
        # Always decoded from the first frame on: after a seek, AAC's and MP3's samples are not the same.
        position, held, count = 0, [], 0
        for frame in self._frames():
            begin = max(0, start - position)
            end = frame.shape[1] if stop is None else min(frame.shape[1], stop - position)
            position += frame.shape[1]
            if begin < end:
                held.append(frame[:, begin:end])
                count += held[-1].size
            if count >= _CHUNK:
                yield np.concatenate(held, axis=1)
                held, count = [], 0
            if stop is not None and position >= stop:
                break
        if held:
            yield np.concatenate(held, axis=1)

    def _frames(self) -> Iterator[Floats]:
        """Decoded frames (channels, n); damaged packets are left out, as every player does."""
        sure, failure = False, ""
        packets = self.container.demux(self.stream)
        while True:
            packet = None
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
            except EOFError:
                break
            except self.damage as error:
                failure = failure or _said(error)
                frames = []
                if packet is None:  # the file cannot be read on
                    break
            if packet is None:
                break
            for frame in frames:
                sure = True
                yield self._values(frame)
        if failure and not sure:
            raise AudioError(self.name, f"unreadable: {failure}")

    def _values(self, frame: Any) -> Floats:
        """The samples of a frame as float32 (channels, n).

        Its planes are taken one by one: ``frame.planes``, and so ``frame.to_ndarray``, count them up to the first
        that is null, which in planar frames of eight channels and more (of eight the list is full) lies beyond
        the list, in memory that is not theirs.
        """
        channels = frame.layout.nb_channels
        if (frame.sample_rate, channels) != (self.probe.sample_rate, self.probe.channels):
            began = f"{self.probe.sample_rate} Hz, {self.probe.channels} channels"
            found = f"{frame.sample_rate} Hz, {channels} channels"
            raise AudioError(self.name, f"unreadable: it begins with {began} and changes to {found}")
        kind, full = _SAMPLES[frame.format.packed.name]
        planar = frame.format.is_planar
        values = np.empty((channels, frame.samples) if planar else (1, frame.samples * channels), np.float32)
        for i, row in enumerate(values if frame.samples else ()):
            row[:] = np.frombuffer(self.plane(frame, i), kind, len(row))
        if kind == "u1":
            values -= np.float32(full)
        if full != 1:
            values /= np.float32(full)
        return values if planar else values.reshape(-1, channels).T

    def close(self) -> None:
        self.container.close()


def _container(av: Any, handle: BinaryIO) -> Any:
    """The file opened by PyAV. Text in it that is no UTF-8 matters to nobody here.

    The options are the container's only: given to its streams as well (``options``), PyAV 14 to 16 die of a file
    whose streams are found while it is read (MPEG-PS).
    """
    options = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "none"}
    try:
        return av.open(handle, mode="r", metadata_errors="ignore", container_options=options)
    except TypeError:  # PyAV 19 and later do not know ``metadata_errors`` and keep such text as it is
        handle.seek(0)
        return av.open(handle, mode="r", container_options=options)


def _plain_layout(codec: Any) -> None:
    """Let a decoder forget which loudspeakers its channels are for, if they stand in an order of their own.

    Such a layout ("2 channels (FR+FL)", from the atom "chan" of MOV and MP4) lies in memory that PyAV 17 and 18
    free with every object that has looked at it: with each frame, and each time that ``codec.layout`` or
    ``codec.channels`` is read. Looked at once and replaced, it is freed once. Nothing is lost: channels are averaged.
    """
    layout = codec.layout
    if " channels (" in layout.name or layout.name.startswith("ambisonic"):
        codec.layout = f"{layout.nb_channels}C"


def _said(error: Exception) -> str:
    """An error's own words, short and in one line."""
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).strip(" .") or "damaged"
    words = " ".join(str(getattr(error, "strerror", None) or error).split()).strip(" .")
    if not words:
        words = "not enough memory" if isinstance(error, MemoryError) else f"{type(error).__name__} of its decoder"
    return words[:1].lower() + words[1:]
