"""What `make bench` measures. Each function gives plain numbers for the page; peers and ours take turns."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import environments
import numpy as np
import soundfile
from workers import Worker, median, ratio, run, started, turns

from earmark import audio
from earmark.core import plugins
from earmark.core.errors import AudioError
from earmark.data.layouts import sounds_below

OURS = sys.executable
EARMARK = (OURS, "-c", "from earmark.cli import main; main()")
Facts = dict[str, Any]
TURN = 50  # clips that a worker embeds in one turn: corpora are no shorter, and at the end of a turn a thread may wait


def clips_of(folder: Path, count: int, seconds: float = 10.0) -> list[Path]:
    """Sounds of ``folder`` of at least ``seconds``, ``count`` at most, evenly spread."""
    found = []
    for path in sounds_below(folder):
        try:
            if (audio.probe(path).seconds or 0) >= seconds:
                found.append(path)
        except AudioError:
            continue
    return found[:: max(1, len(found) // count)][:count]


def machine(threads: int) -> Facts:
    """The processor's peak in float32 products, the best of many: one thread, and all that the bench uses."""

    def peak(count: int) -> float:
        code = (
            "import numpy,time;n=1024;a=numpy.random.rand(n,n).astype('f');c=a.copy();best=9\n"
            "end=time.time()+3\nwhile time.time()<end:\n"
            " t=time.perf_counter();numpy.matmul(a,a,out=c);best=min(best,time.perf_counter()-t)\n"
            "print(2*n**3/best/1e9)"
        )
        import subprocess

        from workers import environment

        said = subprocess.run([OURS, "-c", code], capture_output=True, text=True, check=True, env=environment(count))
        return float(said.stdout)

    try:
        model = next(x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name"))
        name = model.split(":")[1].strip()
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return {
        "name": name,
        "threads": threads,
        "gflops_1": peak(1),
        "gflops_all": peak(threads),
        "system": platform.system(),
    }


def yamnet(files: Sequence[Path], threads: int, rounds: int, precisions: Sequence[str]) -> Facts:
    """The same clips through TensorFlow's YAMNet, ours, and ours without sound: the bare net."""
    ours = partial(Worker, OURS, "earmark_embeddings.py", threads=1)
    workers = {
        "TensorFlow": Worker(
            environments.python("tensorflow"),
            "yamnet_tensorflow.py",
            environments.google_yamnet(),
            threads,
            threads=threads,
        ),
        "Earmark": ours("yamnet", threads),
    }
    for precision in precisions:
        workers[f"Earmark {precision}"] = ours(f"yamnet(precision={precision})", threads)
    return _corpora(workers, files, rounds, {"TensorFlow": "corpus"}) | {"peer": "TensorFlow"}


def vggish(files: Sequence[Path], threads: int, rounds: int, precisions: Sequence[str]) -> Facts:
    """The same clips through torchvggish and ours, under the same seeded weights."""
    import torch

    from earmark.backbones.nets import vggish as net
    from earmark.backbones.quantize.int8 import quantise
    from earmark.backbones.vggish import WEIGHTS
    from earmark.backbones.weights.export import to_onnx

    with TemporaryDirectory() as folder:
        port, file = Path(folder) / "port.npz", Path(folder) / "vggish.onnx"
        torch.manual_seed(0)
        filled = net.module()
        for part in filled.modules():  # He's start: what goes in comes out at about the same size
            if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
                torch.nn.init.kaiming_normal_(part.weight)
                torch.nn.init.normal_(part.bias, std=0.01)
        state = {name: value.numpy() for name, value in filled.state_dict().items()}
        theirs = {f"{p}.{k}": state[f"{o}.{k}"] for o, _, p in net.LAYERS for k in ("weight", "bias")}
        np.savez(port, **theirs)
        file.write_bytes(to_onnx(filled, WEIGHTS[0].inputs, WEIGHTS[0].outputs))
        python = environments.python("torchvggish")
        workers = {
            "torchvggish": Worker(python, "vggish_torch.py", port, threads, threads=threads),
            "Earmark": Worker(OURS, "earmark_embeddings.py", "vggish(output=relu)", threads, file, threads=1),
        }
        if "bf16" in precisions:
            name = "vggish(output=relu,precision=bf16)"
            workers["Earmark bf16"] = Worker(OURS, "earmark_embeddings.py", name, threads, file, threads=1)
        if "int8" in precisions:
            patches = plugins.build("backbones", "vggish", at="patches")
            embeddings = np.concatenate([patches.embed(audio.load(f, patches.sample_rate)) for f in files[:8]])
            small = Path(folder) / "vggish.int8.onnx"
            small.write_bytes(quantise(file.read_bytes(), "rectified", embeddings).net)
            name = "vggish(output=relu,precision=int8)"
            workers["Earmark int8"] = Worker(OURS, "earmark_embeddings.py", name, threads, small, threads=1)
        return _corpora(workers, files, rounds, {"torchvggish": "corpus"}) | {"peer": "torchvggish"}


def _corpora(workers: dict[str, Worker], files: Sequence[Path], rounds: int, peers: dict[str, str]) -> Facts:
    """Seconds of each worker for all clips, in each round; turns are of a few clips, so that all meet the same load."""
    paths = [str(f) for f in files]
    slices = [paths[i : i + TURN] for i in range(0, len(paths), TURN)]
    seconds = sum(audio.probe(f).seconds or 0 for f in files)
    with started(workers):
        tasks: dict[str, tuple[Worker, str]] = {}
        for name, worker in workers.items():
            worker.ask("corpus", files=paths[:2])  # warm up
            tasks[name] = (worker, "corpus")
            if name not in peers:
                for some in slices:
                    worker.ask("prepare", files=some)
                worker.ask("bare", files=slices[0])
                tasks[f"{name}, net alone"] = (worker, "bare")
                tasks[f"{name}, without net"] = (worker, "front")
        took = {name: [0.0] * rounds for name in tasks}
        for number in range(rounds):
            for at, some in enumerate(slices):
                order = list(tasks) if (number + at) % 2 == 0 else list(reversed(tasks))
                for name in order:
                    worker, task = tasks[name]
                    took[name][number] += float(worker.ask(task, files=some)["seconds"])
    return {"clips": len(files), "seconds": seconds, "took": took}


def cold(files: Sequence[Path], model: Path, threads: int, rounds: int) -> Facts:
    """From the start of a process to its first answer about a clip of about 30 s."""
    clip = max(files, key=lambda f: min(30.1, audio.probe(f).seconds or 0))
    peer = (environments.python("tensorflow"), Path(__file__).parent / "peers" / "yamnet_tensorflow.py")
    google = environments.google_yamnet()
    tasks = {
        "TensorFlow": lambda: run((*peer, google, threads, clip), threads)[0],
        "Earmark": lambda: run((*EARMARK, "predict", model, clip), 1)[0],
    }
    for task in tasks.values():
        task()  # files into the system's cache, for both
    return {"seconds": audio.probe(clip).seconds, "took": turns(tasks, rounds)}


def log_mel(threads: int, rounds: int) -> Facts:
    """YAMNet's log-mel of 30 s on one thread."""
    del threads
    each, samples = 20, 30 * 16000
    workers = {
        "librosa": Worker(environments.python("librosa"), "mel_librosa.py", threads=1),
        "Earmark": Worker(OURS, "earmark_embeddings.py", "logmel", 1, threads=1),
    }
    with started(workers):
        for one in workers.values():
            one.ask("mel", times=2, samples=samples)
        took = turns(
            {n: (lambda w=w: w.ask("mel", times=each, samples=samples)["seconds"] / each) for n, w in workers.items()},
            3 * rounds,
        )
    return {"took": took}


def heads(clips: int = 1000, embeddings: int = 62, width: int = 1024, classes: int = 10) -> Facts:
    """Seconds to fit heads on embeddings as of 1,000 clips of 30 s; made-up embeddings with classes that overlap."""
    random = np.random.default_rng(0)
    label = random.integers(0, classes, clips)
    centres = random.standard_normal((classes, width)).astype(np.float32)
    X = np.maximum(
        random.standard_normal((clips * embeddings, width), dtype=np.float32)
        + np.repeat(0.3 * centres[label], embeddings, 0),
        0,
    )
    y = np.repeat(np.array([f"class {k}" for k in range(classes)])[label], embeddings)
    groups = np.repeat(np.arange(clips), embeddings)
    took = {}
    for name in ("logreg", "dense"):
        head = plugins.build("heads", name, seed=0)
        began = time.perf_counter()
        head.fit(X, y, groups)
        took[name] = time.perf_counter() - began
        print(f"  {name}: {took[name]:.1f} s", flush=True)
    return {"clips": clips, "windows": len(X), "width": width, "took": took}


def cnn(threads: int, rounds: int, embeddings: int = 512, shape: tuple[int, int] = (128, 64)) -> Facts:
    """An epoch of the CNN from scratch, ours and the same net in Keras."""
    workers = {
        "Keras": Worker(environments.python("tensorflow"), "cnn_keras.py", threads, threads=threads),
        "Earmark": Worker(OURS, "cnn_earmark.py", threads, False, threads=threads),
        "Earmark bfloat16": Worker(OURS, "cnn_earmark.py", threads, True, threads=threads),
    }
    given = {"rows": embeddings, "shape": list(shape), "classes": 10, "batch": 32, "count": 2}
    took: dict[str, list[float]] = {name: [] for name in workers}
    with started(workers):
        for _ in range(rounds):
            for name, worker in workers.items():
                took[name] += worker.ask("epochs", **given)["result"]
    return {"rows": embeddings, "shape": shape, "took": took}


def warm(files: Sequence[Path]) -> Facts:
    """`compare` on a cache that is empty, then full, then with one recipe more; the last two as medians of five.

    Inner folds that are remembered in the process are forgotten each time, as in a run of its own.
    """
    from earmark.data.cache import Cache
    from earmark.data.clips import Clip, Dataset
    from earmark.heads import _inner
    from earmark.studies.compare import compare

    clips = [Clip(str(f), f, label=f.parent.name) for f in files]
    if len({c.label for c in clips}) < 2:
        clips = [Clip(c.id, c.path, label=f"class {i % 4}") for i, c in enumerate(clips)]
    dataset = Dataset("bench", tuple(clips))
    found = {}
    compare(dataset, ["mfcc:mean/knn"], cache=None, protocol="clips")  # imports
    for backbone in ("yamnet", "musicnn-vgg"):
        one, more = f"{backbone}:mean/lda(shrinkage=0.5)", f"{backbone}:mean/knn"
        found[backbone] = took = {}
        with TemporaryDirectory() as folder:
            cache = Cache(Path(folder))
            for name, recipes, times in (("cold", [one], 1), ("warm", [one], 5), ("one more", [one, more], 5)):
                each = []
                for _ in range(times):
                    _inner._folds.cache_clear()
                    began = time.perf_counter()
                    compare(dataset, recipes, cache=cache, protocol="clips")
                    each.append(time.perf_counter() - began)
                took[name] = median(each)
    return {"clips": len(clips), "backbones": found}


def large(counts: Sequence[int] = (10, 100, 1000, 10000)) -> Facts:
    """`embed` of made-up corpora of growing size: seconds and peak memory of the whole process."""
    random = np.random.default_rng(0)
    found: Facts = {"clips": [], "seconds": [], "memory": []}
    with TemporaryDirectory() as folder:
        place = Path(folder) / "sounds"
        place.mkdir()
        made = 0
        for count in counts:
            for made in range(made, count):  # noqa: B020 - goes on where it was
                sound = 0.1 * random.standard_normal(2 * 16000)
                soundfile.write(place / f"{made:05d}.wav", sound, 16000, subtype="PCM_16")
            made = count
            seconds, memory = run(
                (*EARMARK, "embed", place, "-b", "yamnet", "--no-cache", "-o", Path(folder) / "o.npz"), 1
            )
            for key, value in (("clips", count), ("seconds", seconds), ("memory", memory)):
                found[key].append(value)
            print(f"  {count} clips: {seconds:.1f} s, {memory:.0f} MiB", flush=True)
    return found


def long(model: Path, hours: Sequence[float] = (0.01, 1, 10)) -> Facts:
    """`predict` of one made-up file of so many hours: seconds and peak memory of the whole process."""
    random = np.random.default_rng(0)
    minute = (0.1 * random.standard_normal(60 * 16000)).astype(np.float32)
    found: Facts = {"hours": [], "seconds": [], "memory": []}
    with TemporaryDirectory() as folder:
        for length in hours:
            file = Path(folder) / "long.wav"
            with soundfile.SoundFile(file, "w", 16000, 1, subtype="PCM_16") as out:
                for at in range(0, round(length * 3600), 60):
                    out.write(np.roll(minute, 997 * at)[: 16000 * min(60, round(length * 3600) - at)])
            seconds, memory = run((*EARMARK, "predict", model, file), 1)
            for key, value in (("hours", length), ("seconds", seconds), ("memory", memory)):
                found[key].append(value)
            print(f"  {length} h: {seconds:.1f} s, {memory:.0f} MiB", flush=True)
    return found


def model_for(folder: Path) -> Path:
    """A small YAMNet model, trained on made-up music."""
    from earmark.audio.synthetic import make
    from earmark.models.train import train

    out = folder / "model"
    if not out.exists():
        train(
            make(folder / "music", artists=2, clips=2, seconds=(1.0, 2.0)), "yamnet:mean/logreg", out, protocol="clips"
        )
    return out


def summary(facts: Facts) -> Facts:
    """Medians of what took turns, and ratios of the first to each."""
    took = facts["took"]
    first = next(iter(took))
    return {n: {"median": median(v), "ratio": ratio(took[first], v)} for n, v in took.items()}
