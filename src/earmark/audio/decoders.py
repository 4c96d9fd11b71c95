"""The decoders behind ``audio``: libsndfile for what it knows, here; FFmpeg for the rest, in ``libav``.

Both give the same: a ``Probe`` of the header, and ``chunks`` of frames [start, stop) at the file's own rate.
"""

from __future__ import annotations

import io
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import soundfile

from ..core.errors import AudioError, EarmarkError
from .chain import Chain, links
from .decoding import CHUNK, Decoder, Floats, Probe, said
from .memory import NAME, Held, as_bytes
from .sizes import NO_SIZE
from .spliced import Spliced

Source = str | Path | Held
T = TypeVar("T")

RATES = (1_000, 1_000_000)  # Hz that a file may have
# libsndfile is asked for more at once: soundfile seeks after every read, for which FLAC decodes a frame again.
_STRETCH = 2**18
_CUT = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_SYSTEM = 2  # libsndfile's error for a read that the system refused


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
        raise AudioError(name, f"unreadable: {said(error)}") from error


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
    return name if isinstance(name, str) else NAME


@contextmanager
def _handle(source: Source, name: str) -> Iterator[BinaryIO]:
    """The source as a binary file at its beginning; closed afterwards if it was opened here."""
    if isinstance(source, (tuple, bytes, bytearray, memoryview)):
        yield _Watched(io.BytesIO(as_bytes(source)))  # type: ignore[misc]
    elif isinstance(source, str | Path):
        try:
            kind = Path(source).stat().st_mode
            if not stat.S_ISREG(kind):  # to open a pipe or a device could wait for ever
                what = "a folder, not a file" if stat.S_ISDIR(kind) else "not a regular file"
                raise AudioError(name, f"unreadable: {what}")
            file = Path(source).open("rb", buffering=0)  # noqa: SIM115 - closed below, outside this try
        except (OSError, ValueError) as error:
            raise AudioError(name, f"unreadable: {said(error)}") from error
        with file:
            yield file
    elif isinstance(source, io.FileIO):
        source.seek(0)
        yield source
    else:
        source.seek(0)
        yield _Watched(source)  # type: ignore[misc]


class _Watched:
    """A file whose failure is remembered: libsndfile takes a read that fails for the end of the file."""

    def __init__(self, file: BinaryIO | Spliced) -> None:
        self.file = file
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        return self._tried(lambda: self.file.read(size), b"")

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new position; -1 where the file refuses, as it does of one before its beginning: damage asks for that."""

        def moved() -> int:
            try:
                return self.file.seek(offset, whence)
            except (OSError, ValueError):
                self.file.tell()  # raises where the fault is not in what was asked for
                return -1

        return self._tried(moved, -1)

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
    if not handle.read(1):
        raise AudioError(name, "empty: the file has no bytes")
    found = links(handle)
    if len(found) == 1:
        return _one(found[0], name)

    def opening(handle: BinaryIO | Spliced) -> Decoder:
        decoder = _one(handle, name)
        _check_facts(decoder.probe, name)
        return decoder

    return Chain(name, [partial(opening, one) for one in found])


def _one(handle: BinaryIO | Spliced, name: str) -> Decoder:
    handle.seek(0)
    head = handle.read(4)
    handle.seek(0)
    # MPEG goes to FFmpeg at once: libsndfile's decoder writes complaints on stderr and gives up at damage.
    if not (head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)):
        try:
            watched = _Watched(handle) if isinstance(handle, Spliced) else handle
            return _Sndfile(watched, name)  # type: ignore[arg-type]
        except Exception:  # LibsndfileError; TypeError: it is called .raw, of unknown format; and what damage brings
            handle.seek(0)
    from .libav import Libav  # which imports this module

    return Libav(handle, name)  # type: ignore[arg-type]


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
        if cut and 0 < int(cut[2]) < int(cut[1]) < NO_SIZE:
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
        small = max(1, CHUNK // self.sound.channels)
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
                    raise OSError(said(error)) from error
                if size > small:  # damaged: read up to there in small pieces, of which only the last is lost
                    self.sound.close()
                    self.sound = self._open()  # after damage FLAC cannot seek
                    size, moved = small, position > 0
                    continue
                if position == start:
                    raise AudioError(self.name, f"unreadable: {said(error)}") from error
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
        while position > 0 and (read := len(self.sound.read(min(position, CHUNK), dtype="float32", always_2d=True))):
            position -= read

    def close(self) -> None:
        self.sound.close()
