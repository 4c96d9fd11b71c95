"""Real files, damaged on purpose, given to Earmark in worker processes: what comes of each is an answer or one clear error.

A *case* is (target, format, mutation, seed): the same case is always the same file. Workers are processes of their own,
so that a segfault, a hang or memory that grows is seen and told as an outcome like any other. ``bench/fuzz.py`` runs
thousands and prints the table in docs/reliability.md; ``test_fuzz.py`` runs a few.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import multiprocessing
import os
import resource
import shutil
import signal
import struct
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np

from earmark.backbones.base import load_backbone

SECONDS = 10.0  # more is a hang
FIRST = 20.0  # more for the first case of a worker, which pays for its imports
MEMORY = 600  # MiB of resident memory that one case may add
ADDRESSES = 6 << 30  # bytes a worker may map: what asks for more gets a MemoryError, which counts as a failure
REASONS = ("unreadable: ", "empty: ", "silent: ", "too short: ")
GOOD = ("answer", "error")


@dataclass(frozen=True)
class Case:
    """What is damaged, how, and the seed of the damage."""

    target: str
    form: str
    mutation: str
    seed: int


@dataclass(frozen=True)
class Outcome:
    """``kind``: answer, error (a clear one); or traceback, crash, hang, memory, noise, skip: those are failures."""

    case: Case
    kind: str
    told: str
    seconds: float
    memory: float  # MiB that the resident memory grew by at most

    @property
    def good(self) -> bool:
        return self.kind in GOOD


# ------------------------------------------------------------------------------------------------ sounds
RATE = 22050
_SNDFILE = {
    "wav": ("WAV", "PCM_16"), "wav24": ("WAV", "PCM_24"), "wavfloat": ("WAV", "FLOAT"), "wavadpcm": ("WAV", "IMA_ADPCM"),
    "w64": ("W64", "PCM_16"), "rf64": ("RF64", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"), "au": ("AU", "PCM_16"), "aufloat": ("AU", "FLOAT"), "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "PCM_16"), "voc": ("VOC", "PCM_16"),
}  # fmt: skip
_FFMPEG = {
    "opus": ("ogg", "libopus", 48000),
    "m4a": ("ipod", "aac", RATE),
    "aac": ("adts", "aac", RATE),
    "wma": ("asf", "wmav2", RATE),
    "mkv": ("matroska", "libopus", 48000),
    "ac3": ("ac3", "ac3", 44100),
    "alac": ("ipod", "alac", RATE),
}
FORMATS = (*_SNDFILE, *_FFMPEG)


@cache
def originals(form: str) -> tuple[bytes, ...]:
    """Sounds of one second as whole files of a format: music and noises where they lie beside the repository."""
    return tuple(encoded(form, sound) for sound in _sounds())


@cache
def _sounds() -> tuple[Any, ...]:
    """(n, 2) float32: three real ones, else three made ones."""
    from earmark import audio

    data = Path(__file__).parents[2] / "shared" / "data"
    files = [
        next(iter(sorted((data / d).glob("*"))), None) for d in ("gtzan/rock", "esc10/001 - Dog bark", "gtzan/jazz")
    ]
    draw = np.random.default_rng(0)
    made = []
    for i, file in enumerate(files):
        if file is not None:
            mono = audio.load(file, RATE, duration=5.0)
            loudest = int(np.argmax(np.abs(mono)))
            mono = mono[max(0, loudest - RATE // 2) :][:RATE]
            mono = np.pad(mono, (0, RATE - len(mono)))
        else:
            mono = np.sin(np.arange(RATE) * 0.05 * (i + 1)) * 0.3 + draw.normal(0, 0.1, RATE)
        left = np.asarray(mono, np.float32)
        made.append(np.stack([left, 0.5 * left], axis=1))
    return tuple(made)


def encoded(form: str, sound: Any) -> bytes:
    """A sound (n, 2) at 22050 Hz as a file of a format."""
    if form in _SNDFILE:
        import soundfile

        kind, subtype = _SNDFILE[form]
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, RATE, format=kind, subtype=subtype)
        return buffer.getvalue()
    import av

    container, codec, rate = _FFMPEG[form]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        with av.open(str(path), "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate, layout="stereo")
            if codec == "wmav2":  # has no bit rate of its own accord
                stream.bit_rate = 64_000
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout="stereo")
            frame.sample_rate = RATE
            changed = av.AudioResampler(stream.format, "stereo", rate, frame_size=stream.frame_size or 1024)
            for part in [*changed.resample(frame), *changed.resample(None)]:
                part.pts = None
                out.mux(stream.encode(part))
            out.mux(stream.encode(None))
        return path.read_bytes()


# --------------------------------------------------------------------------------------------- mutations
Random = np.random.Generator
_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def bit_flips(content: bytes, draw: Random) -> bytes:
    """1 to 60 bits, half of them near the beginning."""
    made = np.frombuffer(content, np.uint8).copy()
    count = int(draw.integers(1, 61))
    places = (len(made) * draw.random(count) ** draw.choice([1, 6])).astype(int)
    made[places] ^= (1 << draw.integers(0, 8, count)).astype(np.uint8)
    return made.tobytes()


def truncated(content: bytes, draw: Random) -> bytes:
    """Cut off anywhere; every fourth in its first 200 bytes."""
    most = min(200, len(content)) if draw.random() < 0.25 else len(content)
    return content[: int(draw.integers(0, most))]


def beheaded(content: bytes, draw: Random) -> bytes:
    """The beginning is missing."""
    return content[int(draw.integers(1, min(5000, len(content)))) :]


def other_header(content: bytes, draw: Random) -> bytes:
    """The first bytes are those of a file of another format."""
    other = originals(str(draw.choice(FORMATS)))[0]
    size = int(draw.choice([4, 12, 44, 100, 1000]))
    return other[:size] + content[int(draw.choice([0, size])) :]


def zero_run(content: bytes, draw: Random) -> bytes:
    """A run of zeros, of ones every fourth time."""
    begin, size = int(draw.integers(0, len(content))), int(2 ** draw.uniform(2, 15))
    run = bytes([255 if draw.random() < 0.25 else 0]) * size
    return content[:begin] + run[: len(content) - begin] + content[begin + size :]


def random_bytes(content: bytes, draw: Random) -> bytes:
    """A run of random bytes; every tenth time nothing else."""
    if draw.random() < 0.1:
        return draw.bytes(int(draw.integers(1, 20000)))
    begin, size = int(len(content) * draw.random() ** 3), int(2 ** draw.uniform(0, 14))
    return content[:begin] + draw.bytes(min(size, len(content) - begin)) + content[begin + size :]


def fields(content: bytes, draw: Random) -> bytes:
    """Absurd rates, channels, sizes: numbers in the header become 0, 1, the largest, or near."""
    made = bytearray(content)
    for _ in range(int(draw.integers(1, 4))):
        width = int(draw.choice([1, 2, 4, 8]))
        place = int(draw.integers(0, max(1, min(len(made), 200) - width)))
        value = int(draw.choice(_EXTREMES)) * (0x100000001 if width == 8 else 1) % (1 << 8 * width)
        made[place : place + width] = value.to_bytes(width, "big" if draw.random() < 0.5 else "little")
    return sealed(bytes(made))


def no_numbers(content: bytes, draw: Random) -> bytes:
    """NaN, infinities and huge floats in the body, in either order of bytes."""
    made = bytearray(content)
    for _ in range(int(draw.integers(1, 20))):
        value = struct.pack(str(draw.choice(["<f", ">f"])), draw.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-42]))
        place = int(draw.integers(40, max(41, len(made) - 4))) // 4 * 4
        made[place : place + 4] = value
    return bytes(made)


def shuffled(content: bytes, draw: Random) -> bytes:
    """Pieces in another order, excluded or doubled."""
    cuts = np.sort(draw.integers(0, len(content), int(draw.integers(1, 6))))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    return b"".join(pieces[int(i)] for i in draw.integers(0, len(pieces), len(pieces)))


def joined(content: bytes, draw: Random) -> bytes:
    """Two files one after the other, the second of any format."""
    other = originals(str(draw.choice(FORMATS)))[1]
    return content[: int(draw.integers(1, len(content) + 1))] + other


def sealed(content: bytes) -> bytes:
    """Ogg pages with the checksums that they should have: otherwise damage in them is thrown out at the door."""
    if not content.startswith(b"OggS"):
        return content
    made, at = bytearray(content), 0
    while made[at : at + 4] == b"OggS" and at + 27 <= len(made):
        table = made[at + 27 : at + 27 + made[at + 26]]
        end = at + 27 + len(table) + sum(table)
        made[at + 22 : at + 26] = bytes(4)
        made[at + 22 : at + 26] = _ogg_checksum(bytes(made[at:end])).to_bytes(4, "little")
        at = end
    return bytes(made)


@cache
def _ogg_table() -> tuple[int, ...]:
    table = []
    for i in range(256):
        value = i << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return tuple(table)


def _ogg_checksum(page: bytes) -> int:
    value, table = 0, _ogg_table()
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value


def sealed_flips(content: bytes, draw: Random) -> bytes:
    """Bit flips that checksums of pages do not catch."""
    return sealed(bit_flips(content, draw))


MUTATIONS: dict[str, Callable[[bytes, Random], bytes]] = {
    "bit flips": bit_flips,
    "sealed flips": sealed_flips,
    "truncated": truncated,
    "beheaded": beheaded,
    "other header": other_header,
    "zero run": zero_run,
    "random bytes": random_bytes,
    "absurd fields": fields,
    "NaN and Inf": no_numbers,
    "shuffled": shuffled,
    "joined": joined,
}


# ----------------------------------------------------------------------------------------------- targets
def draw_of(case: Case) -> Random:
    return np.random.default_rng([case.seed, zlib.crc32(f"{case.target} {case.form} {case.mutation}".encode())])


def content_of(case: Case) -> bytes:
    """The damaged sound of a case."""
    draw = draw_of(case)
    files = originals(case.form)
    return MUTATIONS[case.mutation](files[int(draw.integers(len(files)))], draw)


def named(folder: Path, ending: str, draw: Random) -> Path:
    """A path with an odd name now and then."""
    names = [
        "x",
        "x",
        "x",
        "a\nb",
        "🐸",
        b"\xff\xfe\x80".decode("utf-8", "surrogateescape"),
        "a,b;\"c'",
        "-x",
        "%s{}",
        " ",
    ]
    return folder / f"{names[int(draw.integers(len(names)))]}.{ending}"


def audio_case(case: Case, folder: Path, tools: Path) -> str:
    """probe, load and blocks of a damaged file must agree with each other."""
    from earmark import audio
    from earmark.core.errors import AudioError

    draw = draw_of(Case("name", case.form, case.mutation, case.seed))
    path = named(folder, case.form, draw)
    path.write_bytes(content_of(case))
    start, duration = (0.0, None) if draw.random() < 0.7 else (float(draw.uniform(0, 0.8)), 0.5)
    try:
        told = audio.probe(path)
        if not (told.sample_rate > 0 and told.channels > 0 and (told.seconds is None or 0 <= told.seconds < 2**62)):
            raise ValueError(f"nonsense of a header passed on: {told}")
        sound = audio.load(path, 16000, start=start, duration=duration)
    except AudioError as error:
        if not error.reason.startswith(REASONS):
            raise ValueError(f"a reason of no known kind: {error.reason}") from error
        try:
            list(audio.blocks(path, 16000, start=start, duration=duration, seconds=0.3))
        except AudioError as again:
            if again.reason == error.reason:
                raise
            raise ValueError(f"load and blocks differ: {error.reason!r} and {again.reason!r}") from again
        raise ValueError(f"blocks give sound, load says {error.reason!r}") from error
    checked(sound)
    if not np.array_equal(
        np.concatenate(list(audio.blocks(path, 16000, start=start, duration=duration, seconds=0.3))), sound
    ):
        raise ValueError("the blocks are not the whole")
    return f"{len(sound) / 16000:.2f} s"


def checked(sound: Any) -> None:
    """Raise ValueError for what is no sound."""
    if sound.dtype != np.float32 or sound.ndim != 1 or not len(sound) or not np.isfinite(sound).all():
        raise ValueError(f"no sound: {sound.dtype} {sound.shape}")


def predict_case(case: Case, folder: Path, tools: Path) -> str:
    """A damaged file between two good ones: three answers, the outer ones as ever, the middle one an answer or a reason."""
    from earmark.core.errors import AudioError
    from earmark.data.clips import Excluded

    draw = draw_of(Case("name", case.form, case.mutation, case.seed))
    model, good, wanted = _model(tools)
    path = named(folder, case.form, draw)
    path.write_bytes(content_of(case))
    first, answer, last = model.predict_many([good, path, good], workers=1)
    if not (first.scores == last.scores == wanted):
        raise ValueError("a good sound is evaluated otherwise beside a bad one")
    if answer.path != str(path):
        raise ValueError(f"the answer is about {answer.path!r}")
    if isinstance(answer, Excluded):
        raise AudioError(answer.path, answer.reason)
    if abs(sum(answer.scores.values()) - 1) > 1e-6 or answer.label not in answer.scores:
        raise ValueError(f"no probabilities: {answer.scores}")
    return answer.label


@cache
def _model(tools: Path) -> tuple[Any, Path, dict[str, float]]:
    import earmark

    model = earmark.load_model(tools / "model")
    good = tools / "good.wav"
    return model, good, dict(model.predict(good).scores)


def table_case(case: Case, folder: Path, tools: Path) -> str:
    """A damaged table: all its lines are clips, and each clip has embeddings or a reason."""
    import earmark

    draw = draw_of(case)
    shutil.copy(tools / "good.wav", folder / "a.wav")
    path = named(folder, {"parquet": "parquet", "tsv": "tsv"}.get(case.form, "csv"), draw)
    path.write_bytes(MUTATIONS[case.mutation](_tables()[case.form], draw) if case.mutation in MUTATIONS else b"")
    dataset = earmark.load_dataset(path)
    found = earmark.embed(dataset.clips[:20], "mfcc", workers=1)
    if len(found.ids) + len(found.excluded) != len(dataset.clips[:20]):
        raise ValueError("clips are gone without a word")
    return f"{len(dataset.clips)} clips, {len(found.excluded)} excluded"


@cache
def _tables() -> dict[str, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    head = ["path", "label", "group", "fold", "start", "duration"]
    lines = [
        [f"{'a' if i < 3 else 'b'}.wav", "käfer" if i % 2 else "dog", f"g{i}", "1", str(i / 10), "0.5"]
        for i in range(8)
    ]
    made = {}
    for form, mark in (("csv", ","), ("tsv", "\t"), ("semicolons", ";")):
        text = io.StringIO()
        csv.writer(text, delimiter=mark).writerows([head, *lines])
        made[form] = text.getvalue().encode()
    out = io.BytesIO()
    pq.write_table(pa.table({h: [line[i] for line in lines] for i, h in enumerate(head)}), out)
    return made | {"parquet": out.getvalue()}


_RECIPES = (
    "mfcc/logreg", "mfcc:mean+std/svm(C=10)", "stack(mfcc/lda,mfcc:max/knn(k=3))", "logmel(seconds=4, overlap=0.5)/cnn",
    "mfcc/logreg~pitch~noise(snr=20)", "vggish:image(31)/cnn2d", "musicnn-vgg@pool3/finetune",
)  # fmt: skip
_TOML = b"""title = "a"
about = "b"
combine = "stack"
augment = ["pitch", {name = "noise", snr = 20}]
[[branch]]
backbones = [{name = "mfcc"}, "mfcc"]
pool = "mean+std"
head = {name = "svm", C = 10}
[[branch]]
backbones = "mfcc"
head = "logreg"
"""
_ODD_WORDS = "/ : + , ( ) ~ @ = stack( mfcc lda image( 10**9 [ ] ' \" \\ { } - 1e999 None é \x00 \n ( ((((( ,,,, [[[["
_WORDS = _ODD_WORDS.split(" ")


def recipe_case(case: Case, folder: Path, tools: Path) -> str:
    """A recipe of damaged words is refused, or is read, printed and read again as the same."""
    from earmark.recipes.recipe import Recipe, find

    draw = draw_of(case)
    if case.form == "toml":
        path = folder / "x.toml"
        path.write_bytes(MUTATIONS[case.mutation](_TOML, draw))
        recipe = find(str(path))
    else:
        text = _RECIPES[int(draw.integers(len(_RECIPES)))]
        for _ in range(int(draw.integers(1, 5))):
            at = int(draw.integers(0, len(text) + 1))
            word = _WORDS[int(draw.integers(len(_WORDS)))] * int(draw.choice([1, 1, 1, 1, 300]))
            text = text[:at] + word + text[at + int(draw.integers(0, 4)) :]
        recipe = find(text)
    recipe.check()
    if Recipe.parse(recipe.short).short != recipe.short:
        raise ValueError(f"printed as {recipe.short!r}, read as another")
    return recipe.short


def rows_case(case: Case, folder: Path, tools: Path) -> str:
    """A damaged file of embeddings."""
    from earmark.studies.compare import compare

    draw = draw_of(case)
    path = folder / f"embeddings.{case.form}"
    path.write_bytes(MUTATIONS[case.mutation]((tools / f"embeddings.{case.form}").read_bytes(), draw))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers made absurd may overflow in a head
        found = compare(path, ["embeddings/knn"], protocol="clips", folds=2)
    return f"{len(found.runs[0].ids)} clips"


ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    10**30,
    1e308,
    "",
    "x",
    "../../etc/passwd",
    "/etc/passwd",
    [],
    {},
    [[]],
    ["a", "a"],
    {"a": 1},
    "\ud800",
    "a\x00b",
    [1, 2, 3],
    float("nan"),
    "9" * 1000,
)


def bundle_case(case: Case, folder: Path, tools: Path) -> str:
    """A damaged bundle whose sha256 were put right: refused, or it answers with probabilities of its classes."""
    import hashlib

    import earmark

    draw = draw_of(case)
    copy = folder / "m"
    shutil.copytree(tools / "model", copy)
    card = json.loads((copy / "earmark.json").read_text())
    if case.form == "card":
        for _ in range(int(draw.integers(1, 4))):
            nodes = list(_nodes(card))
            where, key = nodes[int(draw.integers(len(nodes)))]
            if draw.random() < 0.2:
                del where[key]
            else:
                where[key] = ODD[int(draw.integers(len(ODD)))]
        (copy / "earmark.json").write_text(json.dumps(card))
    elif case.form == "json":
        path = copy / "earmark.json"
        path.write_bytes(MUTATIONS[case.mutation](path.read_bytes(), draw))
    else:
        path = copy / case.form
        path.write_bytes(MUTATIONS[case.mutation](path.read_bytes(), draw))
        card["files"][case.form] = hashlib.sha256(path.read_bytes()).hexdigest()
        if case.form == "backbone-1.onnx":
            facts = card["branches"][0]["backbones"][0]
            with contextlib.suppress(earmark.core.errors.EarmarkError):
                built = earmark.core.plugins.build("backbones", "onnx", **facts["params"], weights=path)
                facts["fingerprint"] = built.fingerprint
        (copy / "earmark.json").write_text(json.dumps(card))
    model = earmark.load_model(copy)
    answer = model.predict(tools / "good.wav")
    if abs(sum(answer.scores.values()) - 1) > 1e-6 or answer.label not in answer.scores:
        raise ValueError(f"no probabilities: {answer.scores}")
    return answer.label


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree of JSON, as (what holds it, its key)."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _nodes(value[key])


TARGETS: dict[str, tuple[Callable[[Case, Path, Path], str], tuple[str, ...], tuple[str, ...]]] = {
    "audio": (audio_case, FORMATS, tuple(MUTATIONS)),
    "predict": (predict_case, FORMATS, tuple(MUTATIONS)),
    "table": (table_case, ("csv", "tsv", "semicolons", "parquet"), tuple(MUTATIONS)),
    "recipe": (recipe_case, ("toml", "words"), tuple(MUTATIONS)),
    "windows": (rows_case, ("npz", "csv", "parquet"), tuple(MUTATIONS)),
    "bundle": (
        bundle_case,
        ("card", "json", "head-1.onnx", "backbone-1.onnx", "novelty.npz", "README.md"),
        tuple(MUTATIONS),
    ),
}


def wrong_case(case: Case, folder: Path, tools: Path) -> str:
    """What goes wrong on purpose, for the test of this harness."""
    if case.form == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if case.form == "hang":
        time.sleep(60)
    if case.form == "memory":
        np.ones(100 << 20)  # 800 MiB
    if case.form == "noise":
        os.write(2, b"a decoder talks")
    if case.form == "traceback":
        raise KeyError("nobody caught this")
    return "answer"


def cases(target: str, count: int, *, seed: int = 0) -> list[Case]:
    """``count`` cases of a target, spread evenly over formats and mutations."""
    _, forms, mutations = TARGETS[target]
    pairs = [(f, m) for m in mutations for f in forms]
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [Case(target, *pairs[order[i % len(pairs)]], seed * 10**6 + i) for i in range(count)]


# ----------------------------------------------------------------------------------------------- workers
def prepare(tools: Path) -> None:
    """What targets need: a good sound, a small model with a net in it, files of embeddings."""
    import soundfile

    import earmark

    tools.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    lines = ["path,label"]
    for i in range(12):
        sound = 0.3 * np.sin(np.arange(RATE) * (0.02 if i % 2 else 0.3) * (1 + i / 50)) + draw.normal(0, 0.02, RATE)
        soundfile.write(tools / f"{i}.wav", sound, RATE)
        lines.append(f"{i}.wav,{'low' if i % 2 else 'high'}")
    (tools / "clips.csv").write_text("\n".join(lines) + "\n")
    shutil.copy(tools / "0.wav", tools / "good.wav")
    small_net(tools / "net.onnx")
    recipe = f"onnx(file={str(tools / 'net.onnx')!r})/logreg,mfcc:mean/lda"
    earmark.train(tools / "clips.csv", recipe, tools / "model", folds=2)
    embeddings = earmark.embed(tools / "clips.csv", "mfcc")
    from earmark.embeddings.files import write

    for ending in ("npz", "csv", "parquet"):
        built = load_backbone("mfcc")
        write(tools / f"embeddings.{ending}", embeddings, earmark.load_dataset(tools / "clips.csv"), built, "mean")


def small_net(path: Path) -> None:
    """Samples (n, 4000) -> embeddings (n, 6): a net with the operators that real ones have, and its facts beside it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(0)
    weights = draw.standard_normal((4000, 6)).astype(np.float32) / 60
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Relu", ["y"], ["windows"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4000])],
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["n", 6])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    path.with_suffix(".toml").write_text('sample_rate = 8000\nhop = 0.25\nwindow = 0.5\noutput = "windows"\n')
    onnx.checker.check_model(model)


def _memory(name: str) -> float:
    """A figure of /proc/self/status in MiB; 0 where there is none."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    return float(text.split(f"{name}:")[1].split()[0]) / 1024


def run_one(case: Case, tools: Path) -> Outcome:
    """A case in this process."""
    from earmark.core.errors import EarmarkError

    began = time.perf_counter()
    before = _memory("VmRSS")
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # the highest so far counts from here
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=tools) as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            kind, told = (
                "answer",
                (TARGETS[case.target][0] if case.target in TARGETS else wrong_case)(case, Path(folder), tools),
            )
        except EarmarkError as error:
            kind, told = "error", str(error)
            if not told.strip() or len(told) > 3000:
                kind, told = "traceback", f"{len(told)} characters of message: {told[:200]}"
        except MemoryError as error:
            kind, told = "memory", f"MemoryError: {error}"
        except Exception as error:  # whatever it is, it is a finding
            kind, told = "traceback", f"{type(error).__name__}: {error} {_where(error)}"
    grown = _memory("VmHWM") - before
    if grown > MEMORY:
        kind, told = "memory", f"{grown:.0f} MiB; {told}"
    return Outcome(case, kind, told[:600], time.perf_counter() - began, grown)


def _where(error: BaseException) -> str:
    trace, places = error.__traceback__, []
    while trace:
        places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return "<" + " ".join(places[-4:]) + ">"


def _work(pipe: Any, tools: Path, log: Path) -> None:
    """Life of a worker: take a case, answer with its outcome. What C libraries write on stderr is a finding."""
    if hasattr(resource, "RLIMIT_AS"):
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
        os.dup2(file.fileno(), 1)
        said = 0
        while (case := pipe.recv()) is not None:
            outcome = run_one(case, tools)
            now = os.fstat(file.fileno()).st_size
            if now > said and outcome.good:
                words = log.read_bytes()[said:].decode(errors="replace")
                outcome = Outcome(case, "noise", words[:300], outcome.seconds, outcome.memory)
            said = now
            pipe.send(outcome)


class _Worker:
    def __init__(self, tools: Path, number: int) -> None:
        self.log = tools / f"worker-{number}.log"
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other, tools, self.log), daemon=True)
        self.process.start()
        other.close()
        self.case: Case | None = None
        self.since = 0.0

    def give(self, case: Case) -> None:
        self.case, self.since = case, time.monotonic()
        self.pipe.send(case)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run(wanted: Sequence[Case], tools: Path, *, workers: int = 1) -> Iterator[Outcome]:
    """Outcomes of cases, as they come. A worker that died or hung is replaced."""
    coming = iter(wanted)
    started = 0
    busy: dict[Any, _Worker] = {}

    def hire() -> _Worker:
        nonlocal started
        started += 1
        return _Worker(tools, started)

    def next_for(worker: _Worker) -> None:
        case = next(coming, None)
        if case is None:
            worker.stop()
            return
        worker.give(case)
        busy[worker.pipe] = worker

    for _ in range(min(workers, len(wanted))):
        next_for(hire())
    fresh = set(busy)  # the first case of a worker also pays for its imports
    while busy:
        ready = wait(list(busy), timeout=0.5)
        for pipe in ready:
            worker = busy.pop(pipe)
            assert worker.case is not None
            try:
                yield pipe.recv()
            except (EOFError, ConnectionError):
                worker.process.join()
                told = (
                    f"exit status {worker.process.exitcode}: {worker.log.read_bytes()[-300:].decode(errors='replace')}"
                )
                yield Outcome(worker.case, "crash", told, time.monotonic() - worker.since, 0)
                worker.stop()
                worker = hire()
                fresh.add(worker.pipe)
            else:
                fresh.discard(pipe)
            next_for(worker)
        now = time.monotonic()
        for pipe, worker in list(busy.items()):
            if now - worker.since > SECONDS + (FIRST if pipe in fresh else 0):
                del busy[pipe]
                assert worker.case is not None
                yield Outcome(worker.case, "hang", f"no answer in {SECONDS:g} s", now - worker.since, 0)
                worker.stop()
                worker = hire()
                fresh.add(worker.pipe)
                next_for(worker)
