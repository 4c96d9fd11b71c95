"""FFmpeg, through PyAV 14 to 19, as a decoder: see ``decoders``.

PyAV's faults that end the process are kept out of its way here: each place says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from ..core.errors import AudioError
from .decoding import CHUNK, Floats, Probe, said

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


class Libav:
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
            if count >= CHUNK:
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
                failure = failure or said(error)
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
            with np.errstate(over="ignore"):  # of float64: infinite, which ``audio`` refuses
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
