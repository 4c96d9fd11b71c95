"""A model folder may come from anybody: what is not what a model needs is refused before it is used."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import earmark
import fuzzing
from earmark.backbones.check_onnx import OPERATORS, refusal
from earmark.core.errors import BundleError, RecipeError

SOURCE = Path(earmark.__file__).parent


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a net of its own in it, and a sound for it."""
    folder = tmp_path_factory.mktemp("tools")
    fuzzing.prepare(folder)
    return folder


@pytest.fixture
def copy(tools: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tools / "model", tmp_path / "m"))


def seal(folder: Path, name: str, content: bytes) -> None:
    """Put a file into a bundle with its sha256, as a stranger would."""
    (folder / name).write_bytes(content)
    card = json.loads((folder / "earmark.json").read_text())
    card["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "earmark.json").write_text(json.dumps(card))


def change(folder: Path, how: Callable[[dict[str, Any]], object]) -> None:
    card = json.loads((folder / "earmark.json").read_text())
    how(card)
    (folder / "earmark.json").write_text(json.dumps(card))


def test_a_net_of_ones_own_comes_with_the_model(tools: Path, tmp_path: Path) -> None:
    """The bundle needs neither the file it was trained with nor its facts."""
    before = earmark.load_model(tools / "model").predict(tools / "good.wav")
    moved = Path(shutil.copytree(tools / "model", tmp_path / "m"))
    hidden = [(tools / n).rename(tools / f"{n}.gone") for n in ("net.onnx", "net.toml")]
    try:
        assert earmark.load_model(moved).predict(tools / "good.wav").scores == before.scores
    finally:
        for path in hidden:
            path.rename(path.with_suffix(""))


def net(*nodes: onnx.NodeProto, constants: tuple[onnx.TensorProto, ...] = (), **more: Any) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 12])],
        [helper.make_tensor_value_info("proba", TensorProto.FLOAT, ["n", 2])],
        list(constants),
    )
    return helper.make_model(graph, ir_version=8, **more)


def outside(path: str) -> bytes:
    """A net whose weights are said to lie in another file."""
    weights = numpy_helper.from_array(np.ones((12, 2), np.float32), "w")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=path)
    return net(helper.make_node("MatMul", ["x", "w"], ["proba"]), constants=(weights,)).SerializeToString()


def inside_an_attribute() -> bytes:
    weights = numpy_helper.from_array(np.ones((12, 2), np.float32), "w")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    constant = helper.make_node("Constant", [], ["w"], value=weights)
    return net(constant, helper.make_node("MatMul", ["x", "w"], ["proba"])).SerializeToString()


def loop() -> bytes:
    body = helper.make_graph([], "body", [], [])
    return net(helper.make_node("Loop", ["x", ""], ["proba"], body=body)).SerializeToString()


def with_functions() -> bytes:
    made = net(helper.make_node("Identity", ["x"], ["proba"]))
    made.functions.append(helper.make_function("mine", "F", ["a"], ["b"], [], [helper.make_opsetid("", 17)]))
    return bytes(made.SerializeToString())


HOSTILE = {
    "weights in another file": (outside("../../secret"), "it keeps numbers in another file"),
    "weights anywhere": (outside("/etc/passwd"), "it keeps numbers in another file"),
    "weights of a constant elsewhere": (inside_an_attribute(), "it keeps numbers in another file"),
    "an operator of a library": (
        net(helper.make_node("Run", ["x"], ["proba"], domain="evil.ops")).SerializeToString(),
        "it uses the operator 'evil.ops.Run', which is not among those that models may use",
    ),
    "a library asked for": (
        net(
            helper.make_node("Relu", ["x"], ["proba"]), opset_imports=[helper.make_opsetid("evil", 1)]
        ).SerializeToString(),
        "it needs operators of 'evil', which are not standard ONNX",
    ),
    "a loop": (loop(), "it uses the operator 'Loop', which is not among those that models may use"),
    "chance": (
        net(helper.make_node("RandomNormalLike", ["x"], ["proba"])).SerializeToString(),
        "it uses the operator 'RandomNormalLike', which is not among those that models may use",
    ),
    "a function": (with_functions(), "it holds functions or training steps of its own"),
    "no net": (b"\x80\x04\x95 a pickle?", "it is no ONNX file"),
    "half a net": (net(helper.make_node("Relu", ["x"], ["proba"])).SerializeToString()[:-5], "it is no ONNX file"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
@pytest.mark.parametrize("file", ["head-1.onnx", "backbone-1.onnx"])
def test_nets_that_do_more_than_compute(name: str, file: str, copy: Path) -> None:
    content, told = HOSTILE[name]
    seal(copy, file, content)
    with pytest.raises(BundleError, match=f"{file} is refused: {told}"):
        earmark.load_model(copy)


def test_such_a_net_is_not_even_trained_with(tmp_path: Path) -> None:
    content, told = HOSTILE["a loop"]
    (tmp_path / "net.onnx").write_bytes(content)
    (tmp_path / "net.toml").write_text("sample_rate = 8000\nhop = 0.25\nwindow = 0.5\n")
    with pytest.raises(RecipeError, match=told):
        earmark.core.plugins.build("backbones", "onnx", file=str(tmp_path / "net.onnx"))


def test_what_is_refused_is_what_onnx_reads(tools: Path) -> None:
    """The structure is read as onnx reads it, and every operator allowed is one that ONNX knows."""
    for path in (tools / "model").glob("*.onnx"):
        assert refusal(path.read_bytes()) is None
    known = {f"{s.domain}.{s.name}".lstrip(".") for s in onnx.defs.get_all_schemas_with_history()}
    known |= {"RMSNormalization", "Swish"}  # of versions of ONNX after this one
    assert known >= OPERATORS
    assert not {"Loop", "If", "Scan", "RandomNormal", "SequenceMap", "StringConcat"} & OPERATORS


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        (["MatMul"], "makes no probabilities of 2 classes"),  # sums of zeros are zero
        (["MatMul", "Softmax", "ReduceSum"], "makes no probabilities of 2 classes"),
        (["Relu"], "makes no probabilities of 2 classes"),
    ],
)
def test_heads_that_make_no_probabilities(nodes: list[str], told: str, copy: Path) -> None:
    width = int(np.prod(earmark.load_model(copy).branches[0].backbones[0].shape))
    weights = numpy_helper.from_array(np.ones((width, 2), np.float32), "w")
    made, last = [], "x"
    for i, kind in enumerate(nodes):
        out = "proba" if i == len(nodes) - 1 else f"t{i}"
        made.append(helper.make_node(kind, [last, "w"] if kind == "MatMul" else [last], [out]))
        last = out
    graph = helper.make_graph(
        made,
        "head",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("proba", TensorProto.FLOAT, None)],
        [weights],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    seal(copy, "head-1.onnx", model.SerializeToString())
    with pytest.raises(BundleError, match=told):
        earmark.load_model(copy)


def first_backbone(card: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = card["branches"][0]["backbones"][0]
    return found


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (lambda c: c["files"].update({"../../.bashrc": "0"}), "a file called '../../.bashrc', which no model has"),
        (lambda c: c["files"].update({"/etc/passwd": "0"}), "a file called '/etc/passwd', which no model has"),
        (lambda c: c["files"].update({"a.py": "0"}), "a file called 'a.py', which no model has"),
        (lambda c: c["files"].update({"model.pkl": "0"}), "a file called 'model.pkl', which no model has"),
        (lambda c: c["files"].update({f"a{i}.txt": "0" for i in range(200)}), "more than 100"),
        (lambda c: c.update(files=[]), "lists no files"),
        (lambda c: c["files"].pop("head-1.onnx"), "damaged"),
        (lambda c: first_backbone(c)["params"].update(file="/etc/passwd"), "names a file outside the bundle"),
        (lambda c: first_backbone(c)["params"].update(weights="net.onnx"), "names a file outside the bundle"),
        (lambda c: first_backbone(c)["params"].update(facts="../../secret.toml"), "names a file outside the bundle"),
        (lambda c: first_backbone(c)["params"].update(facts="secret.toml"), "a backbone's facts are no table"),
        (lambda c: first_backbone(c)["params"]["facts"].update(window=1e12), "window=1000000000000.0 is absurd"),
        (lambda c: first_backbone(c)["params"]["facts"].update(hop=float("inf")), "hop=inf is absurd"),
        (
            lambda c: first_backbone(c)["params"]["facts"].update(front={"n_fft": 10**6, "n_mels": 10**6}),
            "absurd together",
        ),
        (lambda c: first_backbone(c).update(name="os.system"), "no backbone is called 'os.system'"),
        (lambda c: first_backbone(c).update(name="../../x"), "no backbone is called '../../x'"),
        (lambda c: c.update(classes=["a", "a"]), "a class is listed twice"),
        (lambda c: c.update(classes=[]), "no list of classes"),
        (lambda c: c.update(classes=[1, 2]), "no list of classes"),
        (lambda c: c.update(classes=["a", "b", "c"]), "makes no probabilities of 3 classes"),
        (lambda c: c.update(classes=["a", "b"]), "its calibration is about other classes"),
        (lambda c: c["calibration"].update(temperature=0), "absurd numbers"),
        (lambda c: c["calibration"].update(nonconformity=[float("nan")]), "absurd numbers"),
        (lambda c: c.update(branches=[]), "no branch"),
        (lambda c: c["branches"][0].update(pool="mean+evil"), "no pooling is called 'evil'"),
        (lambda c: c["branches"][0].update(pool="image(99999999999)"), "absurd shape"),
    ],
)
def test_cards_that_are_refused(how: Callable[[dict[str, Any]], object], told: str, copy: Path) -> None:
    change(copy, how)
    with pytest.raises(BundleError, match=told.replace("(", r"\(")):
        earmark.load_model(copy)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[" * 100_000, "recursion"),
        (b'{"a":' * 100_000, "recursion"),
        (b"[1, 2]", "holds a list"),
        (b"null", "holds a NoneType"),
        (b"\xff\xfe", "codec can't decode"),
        (b"", "Expecting value"),
        (b'{"format": ' + b"9" * 10_000 + b"}", "Exceeds the limit"),
    ],
)
def test_json_that_is_a_trap(content: bytes, told: str, copy: Path) -> None:
    (copy / "earmark.json").write_bytes(content)
    with pytest.raises(BundleError, match=told):
        earmark.load_model(copy)


@pytest.mark.parametrize("name", ["earmark.json", "head-1.onnx", "novelty.npz", "README.md"])
def test_absurd_sizes_are_refused_before_they_are_read(name: str, copy: Path) -> None:
    with (copy / name).open("r+b") as file:
        file.truncate(5 << 30)  # takes no room on the disk
    with pytest.raises(BundleError, match="found 5368709120 bytes"):
        earmark.load_model(copy)


@pytest.mark.parametrize("name", ["earmark.json", "head-1.onnx", "README.md"])
def test_links_pipes_and_folders_are_no_files(name: str, copy: Path, tmp_path: Path) -> None:
    secret = (copy / name).rename(tmp_path / "secret")
    for make in (lambda p: p.symlink_to(secret), os.mkfifo, Path.mkdir, lambda p: p.symlink_to(p)):
        make(copy / name)
        with pytest.raises(BundleError, match="plain file"):
            earmark.load_model(copy)
        (copy / name).rmdir() if (copy / name).is_dir() and not (copy / name).is_symlink() else (copy / name).unlink()


def test_a_packed_bomb(copy: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as file, file.open("means.npy", "w") as out:
        for _ in range(300):
            out.write(bytes(1 << 20))
    assert (tmp_path / "x.npz").stat().st_size < 1 << 20
    seal(copy, "novelty.npz", (tmp_path / "x.npz").read_bytes())
    with pytest.raises(BundleError, match="would unpack to 314572800 bytes"):
        earmark.load_model(copy)


def test_arrays_of_objects_are_not_unpickled(copy: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (mark,))

    np.savez(tmp_path / "x.npz", means=np.array([Evil()], dtype=object))
    seal(copy, "novelty.npz", (tmp_path / "x.npz").read_bytes())
    with pytest.raises(BundleError, match="damaged"):
        earmark.load_model(copy)
    assert not mark.exists()


def test_novelty_of_another_model(copy: Path, tmp_path: Path) -> None:
    with np.load(copy / "novelty.npz") as kept:
        parts = dict(kept)
    for name, value, told in [
        ("means", parts["means"][:, :-1], "damaged"),
        ("means", parts["means"] * np.nan, "numbers that are none"),
        ("limit", np.asarray(np.nan), "damaged"),
    ]:
        np.savez(tmp_path / "x.npz", **{**parts, name: value})
        seal(copy, "novelty.npz", (tmp_path / "x.npz").read_bytes())
        with pytest.raises(BundleError, match=told):
            earmark.load_model(copy)


# Read checkpoints by an unpickler that knows arrays alone, or name its error: see test_weights.
SAFE = {"readers.py", "_checkpoint.py"}


def test_no_code_is_ever_read_from_a_file() -> None:
    """Nothing in the package unpickles, evaluates text or reads torch files with more than tensors in them."""
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = {a.name for a in node.names} if isinstance(node, (ast.Import, ast.ImportFrom)) else set()
            if path.name not in SAFE and names & {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}:
                found.append(f"{path.name}: import of {names}")
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            told = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if called in ("eval", "exec", "compile", "__import__", "os.system", "joblib.load"):
                found.append(f"{path.name}: {called}")
            if called.endswith("np.load") and told.get("allow_pickle", "False") != "False":
                found.append(f"{path.name}: {ast.unparse(node)}")
            if called == "torch.load" and told.get("weights_only") != "True":
                found.append(f"{path.name}: {ast.unparse(node)}")
            if told.get("shell") == "True":
                found.append(f"{path.name}: {ast.unparse(node)}")
    assert not found
