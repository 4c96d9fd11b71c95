"""Several sounds in one file, one after the other, and tags before them: each is found and all are heard.

Ogg may be chained by its own rules, and whoever joins FLAC or WAV files end to end gets a file whose decoder ends with
the first. The links are read as one sound, at the rate and with the channels of the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import soxr

from ..core.errors import AudioError
from . import flac, sizes
from .decoding import Decoder, Floats, said
from .spliced import Spliced, at, places

_BEHIND_TAGS = (b"RIFF", b"RF64", b"BW64", b"RIFX", b"FORM", b"OggS", b"fLaC", b"caff", b"riff", b".snd")
_OGG = b"OggS\x00\x02"  # a page that begins a stream
_IN_OGG = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")


def links(file: BinaryIO) -> list[BinaryIO | Spliced]:
    """The sounds in a file, in order: the file itself, if it is one sound from its first byte on with a true header."""
    end = file.seek(0, 2)
    start = _behind_tags(file)
    starts = [start]
    head = at(file, start, 4)
    if head == b"OggS":
        starts = _ogg(file, start, end) or [start]
    elif head == b"fLaC":
        starts += (p for p in places(file, start + 4, end, b"fLaC") if flac.begins(at(file, p, 8)))
    else:
        while (following := sizes.joined(file, starts[-1], end)) is not None and following > starts[-1]:
            starts.append(following)
    found: list[BinaryIO | Spliced] = []
    for one, stop in zip(starts, [*starts[1:], end], strict=True):
        whole = one == 0 and stop == end
        right = flac.mended(file, one, stop) if head == b"fLaC" else sizes.mended(file, one, stop)
        found.append(right or (file if whole else Spliced(file, one, stop)))
    file.seek(0)
    return found


def _behind_tags(file: BinaryIO) -> int:
    """Where the sound begins behind ID3v2 and APEv2 tags; 0 where FFmpeg passes them over itself, as in MP3."""
    place = 0
    while True:
        head = at(file, place, 16)
        if head.startswith(b"ID3") and len(head) == 16 and max(head[6:10]) < 128:
            size = functools.reduce(lambda size, byte: 128 * size + byte, head[6:10], 0)
            place += 10 + size + (10 if head[5] & 0x10 else 0)
        elif head.startswith(b"APETAGEX") and len(head) == 16:
            place += 32 + int.from_bytes(head[12:16], "little")
        else:
            return place if head[:4] in _BEHIND_TAGS else 0


def _ogg(file: BinaryIO, start: int, end: int) -> list[int]:
    """Where links begin: at the first of pages that begin streams, if one of them is a sound's."""
    found: list[int] = []
    group, behind, holds = start, -1, False
    for place in places(file, start, end, _OGG):
        page = at(file, place, 27 + 255 + 8)
        body = 27 + (page[26] if len(page) > 26 else 0)
        if place != behind:
            group, holds = place, False
        behind = place + body + sum(page[27:body])
        if not holds and page[body:].startswith(_IN_OGG):
            found.append(group)
            holds = True
    return [start, *found[1:]] if found else []


class Chain:
    """Sounds one after the other as one, decoded from its beginning."""

    def __init__(self, name: str, opens: Sequence[Callable[[], Decoder]]) -> None:
        self.name = name
        self.opens = opens
        probes = []
        for i in range(len(opens)):
            with self._opened(i) as decoder:
                probes.append(decoder.probe)
        told = [p.seconds for p in probes if p.seconds is not None]
        self.probe = replace(probes[0], seconds=sum(told) if len(told) == len(probes) else None)

    @contextmanager
    def _opened(self, number: int) -> Iterator[Decoder]:
        """One of the sounds. Raises AudioError that says which one cannot be read."""
        try:
            with closing(self.opens[number]()) as decoder:
                yield decoder
        except Exception as error:
            why = error.reason.removeprefix("unreadable: ") if isinstance(error, AudioError) else said(error)
            which = f"sound {number + 1} of the {len(self.opens)} in it"
            raise AudioError(self.name, f"unreadable: {which}: {why}") from error

    def chunks(self, start: int, stop: int | None) -> Iterator[Floats]:
        """Frames [start, stop) at the first one's rate."""
        position = 0
        for number in range(len(self.opens)):
            with self._opened(number) as decoder:
                for chunk in self._fitted(decoder):
                    begin, position = position, position + chunk.shape[1]
                    cut = chunk[:, max(0, start - begin) : chunk.shape[1] if stop is None else max(0, stop - begin)]
                    if cut.shape[1]:
                        yield cut
                    if stop is not None and position >= stop:
                        return

    def _fitted(self, decoder: Decoder) -> Iterator[Floats]:
        """All of one sound with the rate and channels of the first: other channels are averaged."""
        rate, wanted, channels = decoder.probe.sample_rate, self.probe.sample_rate, self.probe.channels
        stream: Any = None
        if rate != wanted:
            stream = soxr.ResampleStream(rate, wanted, channels, dtype="float32", quality="HQ")
        for chunk in decoder.chunks(0, None):
            if len(chunk) != channels:
                chunk = np.repeat(chunk.mean(axis=0, keepdims=True), channels, axis=0)
            yield chunk if stream is None else _resampled(stream, chunk, last=False)
        if stream is not None:
            yield _resampled(stream, np.zeros((channels, 0), np.float32), last=True)

    def close(self) -> None:
        """Nothing: each is closed when it was heard."""


def _resampled(stream: Any, chunk: Floats, *, last: bool) -> Floats:
    given = np.ascontiguousarray(chunk.T)
    made: Floats = stream.resample_chunk(given[:, 0] if len(chunk) == 1 else given, last=last)
    return made.reshape(-1, len(chunk)).T
