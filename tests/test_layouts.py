"""Sounds of every number and order of channels, planar and packed: none may end the process that reads it.

Every file is read in a process of its own kind, so that one that dies fails its test and not the run.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.plane import AudioPlane

RATE = 16000
KINDS = {
    "u8": ("u1", 2**7),
    "s16": ("i2", 2**15),
    "s32": ("i4", 2**31),
    "s64": ("i8", 2**63),
    "flt": ("f4", 1),
    "dbl": ("f8", 1),
}
LAYOUTS = [
    *("mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "3.1", "5.0", "5.0(side)", "4.1"),
    *("5.1", "5.1(side)", "6.0", "6.0(front)", "hexagonal", "6.1", "6.1(back)", "6.1(front)", "7.0", "7.0(front)"),
    *("7.1", "7.1(wide)", "7.1(wide-side)", "octagonal", "cube", "hexadecagonal", "downmix", "22.2"),
]
COUNTS = [f"{n}C" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 24, 32, 63, 64, 65, 100, 128, 254, 255)]
FEW = [*LAYOUTS[:2], "3C", "5.1", "7.1", "7.1(wide)", "8C", "9C", "hexadecagonal", "64C", "65C", "255C"]
EXACT = [  # codec, format of its samples, container: what is decoded is what was encoded
    *(("wavpack", f, "wv") for f in ("u8p", "s16p", "s32p", "fltp")),
    ("wavpack", "s16p", "matroska"),
    *((f"pcm_{name}", f, "matroska") for name, f in [("u8", "u8"), ("s16le", "s16"), ("s16be", "s16")]),
    *(("pcm_s24le", "s32", "mov"), ("pcm_s32le", "s32", "matroska"), ("pcm_s64le", "s64", "asf")),
    *(("pcm_f32le", "flt", "mov"), ("pcm_f64le", "dbl", "matroska"), ("tta", "s16", "tta"), ("tta", "u8", "tta")),
    *(("flac", "s16", "mp4"), ("flac", "s32", "matroska"), ("alac", "s16p", "ipod"), ("alac", "s32p", "matroska")),
]
LOSSY = [
    *(("aac", "fltp", c) for c in ("ipod", "matroska", "adts")),
    *(("ac3", "fltp", "ac3"), ("eac3", "fltp", "matroska"), ("mp2", "s16", "mpeg"), ("libmp3lame", "fltp", "mp3")),
    *(("libopus", "flt", "webm"), ("libopus", "s16", "ogg"), ("vorbis", "fltp", "matroska")),
    *(("pcm_dvd", "s16", "mpeg"), ("adpcm_ima_qt", "s16p", "mov"), ("pcm_alaw", "s16", "caf")),
]
READ = """
import sys
import numpy as np
from earmark import audio
for path in sys.argv[1:]:
    try:
        sound, channels = audio.load(path, 16000), audio.probe(path).channels
    except audio.AudioError as error:
        print(path, error)
    else:
        np.save(path + ".npy", sound)
        print(path, channels)
"""


def sound(channels: int, rate: int, seconds: float = 0.4) -> np.ndarray:
    """(n, channels) float32: noise that no two channels share, and swells, so that a lost plane can be told."""
    n = round(seconds * rate)
    tone = np.sin(2 * np.pi * 440 * np.arange(n) / rate)[:, None] * 0.5
    return (tone + np.random.default_rng(channels).normal(0, 0.05, (n, channels))).astype(np.float32)


def stored(x: np.ndarray, kind: str) -> np.ndarray:
    dtype, full = KINDS[kind]
    if dtype.startswith("f"):
        return x.astype(dtype)
    whole = np.round(np.clip(x.astype(np.float64), -0.9, 0.9) * full)
    return (whole + (128 if dtype == "u1" else 0)).astype(dtype)


def frame_of(part: np.ndarray, form: str, layout: str, rate: int) -> av.AudioFrame:
    """A frame of samples (n, channels). PyAV's own ``from_ndarray`` counts planes past the end, too."""
    frame = av.AudioFrame(format=form, layout=layout, samples=len(part))
    frame.sample_rate = rate
    planar = av.AudioFormat(form).is_planar
    for i in range(part.shape[1] if planar else 1):
        AudioPlane(frame, i).update(np.ascontiguousarray(part[:, i] if planar else part).tobytes())
    return frame


def write(path: Path, codec: str, form: str, container: str, layout: str) -> np.ndarray | None:
    """A sound in one layout. Gives its samples as stored (n, channels); None where the encoder knows no such layout."""
    rate = 48000 if codec in ("libopus", "pcm_dvd", "vorbis", "mp2", "ac3", "eac3") else RATE
    try:
        channels = av.AudioLayout(layout).nb_channels
        with av.open(str(path), "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate)
            context = stream.codec_context
            context.layout, context.format = layout, form
            context.options = {"strict": "-2"} | ({"mapping_family": "255"} if codec == "libopus" else {})
            context.open()
            whole = stored(sound(channels, rate), av.AudioFormat(form).packed.name)
            size = context.frame_size or 1024
            for at in range(0, len(whole), size):
                frame = frame_of(whole[at : at + size], form, layout, rate)
                frame.pts = at
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    except (av.FFmpegError, ValueError):
        path.unlink(missing_ok=True)
        return None
    return whole


def read(paths: list[Path]) -> dict[Path, int]:
    """Channels of each file, read in another process, which leaves the samples beside it. Fails if that dies."""
    command = [sys.executable, "-W", "error", "-c", READ, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout.splitlines()
    where = paths[len(said)].name if len(said) < len(paths) else "the end"
    assert done.returncode == 0, f"died of {where}: {done.returncode} {done.stderr}"
    assert done.stderr == ""
    return {p: int(line.removeprefix(f"{p} ")) for p, line in zip(paths, said, strict=True)}


@pytest.mark.parametrize(("codec", "form", "container"), EXACT, ids=map("-".join, EXACT))
def test_every_layout_is_read_as_it_was_written(tmp_path, codec, form, container):
    made, most = {}, {"flac": 8, "alac": 8, "tta": 16}.get(codec, 255)  # channels that decoders know
    wanted = LAYOUTS + COUNTS if (codec, form) in {("wavpack", "fltp"), ("pcm_f32le", "flt")} else FEW
    for layout in wanted:
        path = tmp_path / f"{layout}.{container}"
        whole = write(path, codec, form, container, layout)
        if whole is not None and whole.shape[1] <= most:
            made[path] = whole
    assert max(whole.shape[1] for whole in made.values()) == most
    assert most < 255 or len(made) > 0.9 * len(wanted)
    for path, channels in read(list(made)).items():
        whole = made[path]
        assert channels == whole.shape[1]
        full = KINDS[av.AudioFormat(form).packed.name][1]
        floats = (whole.astype(np.float64) - (128 if form.startswith("u8") else 0)) / full
        found = np.load(f"{path}.npy")
        step = 2.0**-15 if codec == "pcm_s24le" or form == "s32" else 1e-6  # some keep fewer bits
        np.testing.assert_allclose(found, floats.mean(axis=1), atol=step, err_msg=path.name)


@pytest.mark.parametrize(("codec", "form", "container"), LOSSY, ids=map("-".join, LOSSY))
def test_every_layout_of_a_lossy_codec_is_read(tmp_path, codec, form, container):
    made = {}
    for layout in FEW:
        path = tmp_path / f"{layout}.{container}"
        whole = write(path, codec, form, container, layout)
        if whole is not None:
            made[path] = whole.shape[1]
    most = {"aac": 8, "libopus": 65, "pcm_dvd": 8, "pcm_alaw": 255, "ac3": 6, "eac3": 6}.get(codec, 2)
    assert max(made.values()) >= most
    assert read(list(made)) == made
    for path in made:
        found = np.load(f"{path}.npy")
        power = np.abs(np.fft.rfft(found * np.hanning(len(found))))
        assert 0.3 < len(found) / RATE < 0.6
        assert abs(np.argmax(power) * RATE / len(found) - 440) < 5
        assert 0.2 < np.abs(found).max() < 1.0


def relabelled(mov: bytes, labels: list[int]) -> bytes:
    """A MOV whose atom "chan" names the loudspeaker of each channel: an order that is none of FFmpeg's own."""
    embeddings = b"".join(struct.pack(">II12x", label, 0) for label in labels)
    atom = struct.pack(">I4sIIII", 24 + len(embeddings), b"chan", 0, 0, 0, len(labels)) + embeddings
    begin, at, outer = 0, mov.rindex(b"moov"), []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"sowt"):
        at = mov.index(name, at)
        outer.append(at - 4)
    begin = mov.index(b"chan", at) - 4
    size = struct.unpack_from(">I", mov, begin)[0]
    changed = bytearray(mov[:begin] + atom + mov[begin + size :])
    for place in outer:
        before = struct.unpack_from(">I", changed, place)[0]
        struct.pack_into(">I", changed, place, before + len(atom) - size)
    return bytes(changed)


def test_loudspeakers_in_an_order_of_their_own(tmp_path):
    """PyAV 17 and 18 free such a layout once for each frame: "double free or corruption"."""
    path = tmp_path / "x.mov"
    whole = write(path, "pcm_s16le", "s16", "mov", "stereo")
    assert whole is not None
    path.write_bytes(relabelled(path.read_bytes(), [2, 1]))  # right, left
    assert read([path] * 3) == {path: 2}
    np.testing.assert_allclose(np.load(f"{path}.npy"), whole.mean(axis=1) / 2**15, atol=1e-6)


def test_the_audit_lives_through_eight_channels(tmp_path):
    for i, layout in enumerate(["7.1", "octagonal", "9C", "64C"]):
        assert write(tmp_path / f"{i}.wv", "wavpack", "fltp", "wv", layout) is not None
    code = (
        "import sys; from pathlib import Path\n"
        "from earmark.data.duplicates.measure import measure; from earmark.data.clips import Clip\n"
        "for p in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    facts = measure(Clip(p.name, p, 'a')); print(facts.channels, facts.error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "8 \n8 \n9 \n64 \n"), done.stderr
