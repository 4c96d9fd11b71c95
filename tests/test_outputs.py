"""Nothing is replaced or removed that Earmark did not write: every command, at every place that is the user's."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import earmark
from earmark.cli import main
from earmark.core import atomic, manifest, marks, outputs
from earmark.core.errors import BundleError, DataError
from earmark.core.publish import publish
from earmark.data.cache import Cache

RATE = 8000
Disk = dict[str, bytes]


def disk(folder: Path) -> Disk:
    """Everything below a folder: content of files, where links lead, "" for folders."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = b"-> " + os.fsencode(path.readlink())
        else:
            found[name] = b"" if path.is_dir() else path.read_bytes()
    return found


def untouched(before: Disk, after: Disk) -> bool:
    return before.items() <= after.items()


def call(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the user's: sounds (one class is called figures), a table, a model, a store of embeddings, a report, notes."""
    folder = tmp_path_factory.mktemp("project")
    draw = np.random.default_rng(0)
    lines = ["path,label"]
    for i in range(12):
        label = ("figures", "dog")[i % 2]
        (folder / label).mkdir(exist_ok=True)
        sound = 0.3 * np.sin(np.arange(RATE) * (0.1 + i % 2) * (1 + i / 50)) + draw.normal(0, 0.1, RATE)
        soundfile.write(folder / label / f"{i}.wav", sound, RATE)
        lines.append(f"{label}/{i}.wav,{label}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    common = ("-r", "mfcc/lda", "--folds", 2, "--no-cache")
    assert call("train", folder / "clips.csv", *common, "-o", folder / "m")[0] == 0
    assert call("embed", folder / "clips.csv", "-b", "mfcc", "-o", f"{folder}/store/")[0] == 0
    assert call("embed", folder / "clips.csv", "-b", "mfcc", "-o", folder / "embeddings.npz", "--no-cache")[0] == 0
    assert call("compare", folder / "clips.csv", *common, "-o", folder / "old")[0] == 0
    for name in ("m/notes.txt", "store/notes.txt", "old/notes.txt", "thesis.md"):
        (folder / name).write_text("mine")
    for name in (
        "report.html",
        "metrics.json",
        "predictions.csv",
        "recipe.toml",
        "audit.json",
        "review.jsonl",
        "curve.html",
        "ladder.html",
        "stress.html",
        "best.toml",
    ):
        (folder / name).write_text('recipe = "mfcc/lda"\n' if name.endswith("toml") else "mine\n")
    for name in ("sounds", "report", "model"):
        (folder / name).mkdir()
        (folder / name / "clips.csv").write_text("path,label\nmine,mine\n")
        (folder / name / "report.html").write_text("mine")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy, in which the user stands."""
    folder = shutil.copytree(made, tmp_path / "p", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


COMMANDS = {
    "compare": "compare {data} -r mfcc/lda --folds 2 --no-cache",
    "curve": "study curve {data} -r mfcc/lda --folds 2 --draws 1 --sizes 2 --no-cache",
    "ladder": "study ladder {data} -r mfcc/lda --folds 2 --rung clips --no-cache",
    "stress": "study stress mfcc/lda {data} --change gain --folds 2 --no-cache",
    "tune": "study tune {data} -r best.toml --trials 2 --inner 2 --folds 2 --no-cache",
    "audit": "audit {data} --no-groups --no-labels --no-confounds --no-cache",
    "review": "review {data}",
    "evaluate": "evaluate m {data} --no-cache",
    "rerun": "rerun old --no-cache",
    "reproduce": "reproduce {data} --quick --no-cache",
    "train": "train {data} -r mfcc/lda --folds 2 --no-cache",
    "train from embeddings": "train --embeddings store -r embeddings/lda --folds 2",
    "embed": "embed {data} -b mfcc --no-cache",
    "predict": "predict m {data}",
    "demo": "demo",
    "demo of data": "demo {data} --no-cache",
}  # fmt: skip
PLACES = {
    "the data": ".",
    "the data by another name": "dog/../../p",
    "a class folder": "figures",
    "a class folder called otherwise": "link",
    "a model": "m",
    "a model it reads": "m/",
    "a store of embeddings": "store",
    "a store of embeddings, as a folder": "store/",
    "the table": "clips.csv",
    "a sound": "dog/1.wav",
    "a file of the user's": "thesis.md",
    "below a file": "thesis.md/out",
    "a table of the user's": "sounds/clips.csv",
    "a recipe": "best.toml",
    "a file inside a model": "m/README.md",
    "a file of a store": "store/earmark.json",
}


@pytest.mark.parametrize(
    ("command", "data"),
    [  # a demo without data is a minute of work; "demo of data" writes to the same places
        pytest.param(name, data, marks=[pytest.mark.slow] if name == "demo" else [], id=f"{name}-{data}")
        for name, typed in COMMANDS.items()
        for data in (".", "clips.csv")
        if data == "." or "{data}" in typed
    ],
)
def test_the_disk_before_and_after(command: str, data: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command at every place: refused, or what was there is there. The work is not begun where it is refused."""
    # What would serve for ever, download, or take minutes ends where it begins.
    for what in ("web.server.listening", "backbones.weights.status", "studies.reproduce.reproduce"):
        monkeypatch.setattr(f"earmark.{what}", _never)
    for where in WORK:  # all of them before one is exchanged
        importlib.import_module(where)
    for where, what in WORK.items():
        _once(monkeypatch, where, what)
    (project / "link").symlink_to("figures")
    before = disk(project)
    if command.startswith("train"):  # a model may take the place of a model, and of nothing else
        before = {n: c for n, c in before.items() if n not in {f"m/{own}" for own in marks.own_files(project / "m")}}
    for name, place in PLACES.items():
        code, told = 0, ""
        with suppress(WorkError):
            code, told = call(*COMMANDS[command].format(data=data).split(), "-o", place)
        assert untouched(before, disk(project)), (name, place)
        if name in ("the data", "the data by another name") and data == ".":
            assert code, (name, place)
        if code:
            assert "Traceback" not in told
            assert len(told.strip().splitlines()[-1]) > 20


class WorkError(Exception):
    """The work was begun."""


WORK = {
    "earmark.studies.compare": "compare", "earmark.studies.curve": "curve", "earmark.studies.ladder": "ladder", "earmark.studies.stress": "stress",
    "earmark.studies.tune": "tune", "earmark.audits": "audit", "earmark.models.evaluate": "evaluate", "earmark.studies.rerun": "rerun",
}  # fmt: skip


def _once(monkeypatch: pytest.MonkeyPatch, where: str, what: str) -> None:
    """Let the work be done at the first place where it may be; the other places are only looked at."""
    module, calls = importlib.import_module(where), []
    real = getattr(module, what)

    def work(*args: object, **kwargs: object) -> object:
        calls.append(1)
        if len(calls) > 1:
            raise WorkError
        return real(*args, **kwargs)

    monkeypatch.setattr(module, what, work)


def _never(*_: object, **__: object) -> None:
    raise WorkError


@pytest.mark.parametrize("command", ["compare", "curve", "ladder", "stress", "audit", "tune", "evaluate", "rerun"])
@pytest.mark.parametrize("place", [".", "figures", "clips.csv"])
def test_a_folder_with_what_is_not_ours_is_refused(command: str, place: str, project: Path) -> None:
    before = disk(project)
    if command == "rerun":  # its data lie where they were when the report was made
        told = json.loads((project / "old" / "metrics.json").read_text()) | {"source": [str(project / "clips.csv")]}
        (project / "old" / "metrics.json").write_text(json.dumps(told))
        before = disk(project)
    code, told = call(*COMMANDS[command].format(data="clips.csv").split(), "-o", place)
    assert code
    assert told.splitlines()[-1].startswith("Error: ")
    assert disk(project) == before


def test_a_new_folder_inside_the_data(project: Path) -> None:
    before = disk(project)
    for _ in range(2):  # the second time over its own
        assert call(*COMMANDS["compare"].format(data=".").split(), "-o", "out")[0] == 0
    assert untouched(before, disk(project))
    known = json.loads((project / "out" / manifest.NAME).read_text())["earmark wrote"]
    assert set(known) == {n for n, c in disk(project / "out").items() if c and n != manifest.NAME}


def test_force_names_what_it_replaces_and_leaves_the_rest(project: Path) -> None:
    command = COMMANDS["curve"].format(data="clips.csv").split()
    (project / "mine").mkdir()
    for name in ("curve.html", "other.txt"):
        (project / "mine" / name).write_text("mine")
    assert call(*command, "-o", "mine")[0] == 1
    code, told = call(*command, "-o", "mine", "--force")
    assert code == 0
    assert "To be replaced, as --force says: curve.html in mine" in told
    assert (project / "mine" / "other.txt").read_text() == "mine"
    assert marks.page(project / "mine" / "curve.html")
    assert call(*command, "-o", "mine")[0] == 0
    # never the input, nor a folder with its sounds
    for place in (".", "figures"):
        assert call(*COMMANDS["curve"].format(data=".").split(), "-o", place, "--force")[0] == 1
    code, _ = call("predict", "m", "dog/1.wav", "-o", "dog/1.wav", "--force")
    assert code == 1
    code, _ = call("predict", "m", "dog", "-o", "dog/1.wav", "--force")
    assert code == 1
    code, _ = call("predict", "m", "dog/1.wav", "-o", "thesis.md", "--force")
    assert code == 0
    assert marks.answers(project / "thesis.md")


class TestAReport:
    def test_what_was_changed_since_is_the_users(self, project: Path) -> None:
        command = (*COMMANDS["compare"].format(data="clips.csv").split(), "-o", "old")
        assert call(*command)[0] == 0
        for name in ("report.html", "figures/comparison.svg"):
            whole = (project / "old" / name).read_text()
            (project / "old" / name).write_text(whole + "<!-- my note -->")
            code, told = call(*command)
            assert code == 1
            assert f"old holds {name}: not written by a comparison, or changed since" in told
            (project / "old" / name).write_text(whole)
        (project / "old" / "figures" / "mine.png").write_bytes(b"mine")
        code, told = call(*command)
        assert (code, "figures/mine.png" in told) == (1, True)
        assert call(*command, "--force")[0] == 0
        assert (project / "old" / "figures" / "mine.png").read_bytes() == b"mine"

    def test_one_of_version_0_1_is_known_by_its_content(self, project: Path) -> None:
        (project / "old" / manifest.NAME).unlink()
        for ending in ("svg", "png"):
            (project / "old" / "figures" / f"recipe-9.{ending}").write_text("an earlier figure")
        assert call(*COMMANDS["compare"].format(data="clips.csv").split(), "-o", "old")[0] == 0
        assert not list((project / "old" / "figures").glob("recipe-9.*"))
        assert (project / "old" / "notes.txt").read_text() == "mine"

    def test_only_what_is_listed_and_unchanged_is_removed(self, tmp_path: Path) -> None:
        publish(tmp_path, {"figures/a.svg": "a", "figures/b.svg": "b", "x": "x"}, owned=("figures",))
        (tmp_path / "figures" / "b.svg").write_text("mine")
        (tmp_path / "figures" / "c.svg").write_text("mine")
        publish(tmp_path, {"x": "y"}, owned=("figures",))
        assert {p.name for p in (tmp_path / "figures").iterdir()} == {"b.svg", "c.svg"}
        (tmp_path / "x").write_text("mine")
        with pytest.raises(DataError, match="Nothing of yours"):
            publish(tmp_path, {"x": "z"})

    def test_a_list_that_points_elsewhere_removes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.md").write_text("mine")
        out = tmp_path / "out"
        out.mkdir()
        names = ["../thesis.md", "figures/../../thesis.md", str(tmp_path / "thesis.md"), "figures/.."]
        (out / manifest.NAME).write_text(json.dumps({"earmark wrote": {n: [] for n in names}}))
        publish(out, {"x": "y"}, owned=("figures",))
        assert (tmp_path / "thesis.md").read_text() == "mine"

    def test_a_folder_called_unfinished_is_the_users(self, tmp_path: Path) -> None:
        (tmp_path / ".unfinished-symphony").mkdir()
        (tmp_path / ".unfinished-symphony" / "score.txt").write_text("mine")
        os.utime(tmp_path / ".unfinished-symphony", (0, 0))
        publish(tmp_path, {"x": "y"})
        assert (tmp_path / ".unfinished-symphony" / "score.txt").exists()


class TestAModel:
    def test_what_lies_beside_it_is_kept(self, project: Path) -> None:
        (project / "m" / "sub").mkdir()
        (project / "m" / "sub" / "a.txt").write_text("mine")
        (project / "m" / "away").symlink_to("../thesis.md")
        assert call(*COMMANDS["evaluate"].format(data="clips.csv").split(), "-o", "m")[0] == 1  # it is read
        assert call(*COMMANDS["train"].format(data="clips.csv").split(), "-o", "m")[0] == 0
        assert (project / "m" / "notes.txt").read_text() == "mine"
        assert (project / "m" / "sub" / "a.txt").read_text() == "mine"
        assert (project / "m" / "away").readlink() == Path("../thesis.md")
        earmark.load_model("m")

    def test_a_licence_that_one_model_brings(self, project: Path) -> None:
        model = replace(earmark.load_model("m"), extra={"LICENCE.txt": b"one"})
        (project / "m" / "LICENCE.txt").write_text("mine")
        with pytest.raises(BundleError, match=r"LICENCE\.txt is not what a training wrote"):
            model.save("m")
        assert (project / "m" / "LICENCE.txt").read_text() == "mine"
        (project / "m" / "LICENCE.txt").unlink()
        for text in (b"one", b"two"):
            replace(model, extra={"LICENCE.txt": text}).save("m")
            assert earmark.load_model("m").extra["LICENCE.txt"] == text
        replace(model, extra={}).save("m")
        assert not (project / "m" / "LICENCE.txt").exists()

    def test_forced_into_a_folder_of_the_users(self, project: Path) -> None:
        (project / "mine").mkdir()
        (project / "mine" / "README.md").write_text("mine")
        (project / "mine" / "thesis.md").write_text("mine")
        command = (*COMMANDS["train"].format(data="clips.csv").split(), "-o", "mine")
        assert call(*command)[0] == 1
        code, told = call(*command, "--force")
        assert code == 0
        assert "To be replaced, as --force says: README.md in mine\n" in told
        assert (project / "mine" / "thesis.md").read_text() == "mine"
        earmark.load_model("mine")

    def test_a_card_that_somebody_changed(self, project: Path) -> None:
        (project / "m" / "README.md").write_text("my own words")
        with pytest.raises(BundleError, match=r"m holds README\.md: not written by a training, or changed since"):
            earmark.train("clips.csv", "mfcc/lda", "m", folds=2)
        assert (project / "m" / "README.md").read_text() == "my own words"

    def test_through_a_link(self, project: Path) -> None:
        (project / "current").symlink_to("m")
        earmark.train("clips.csv", "mfcc/lda", "current", folds=2)
        assert (project / "current").is_symlink()
        earmark.load_model("m")

    def test_not_the_folder_one_stands_in(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(project / "m")
        with pytest.raises(BundleError, match="the folder you are in"):
            earmark.load_model(".").save(".")

    @pytest.mark.parametrize("exchange", [True, False])
    def test_a_folder_called_like_an_old_one(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
    ) -> None:
        if not exchange:
            monkeypatch.setattr(atomic, "_exchanged", lambda *_: False)
        (project / ".m-old").mkdir()
        (project / ".m-old" / "thesis.md").write_text("mine")
        model = earmark.load_model("m")
        with nullcontext() if exchange else pytest.raises(OSError, match="is in the way"):
            model.save("m")
        shutil.rmtree("m")
        with pytest.raises(BundleError):
            earmark.load_model("m")
        assert (project / ".m-old" / "thesis.md").read_text() == "mine"


class TestOneFile:
    @pytest.mark.parametrize("name", ["embeddings.npz", "embeddings.parquet", "embeddings.csv"])
    def test_rows(self, name: str, project: Path) -> None:
        command = ("embed", "dog", "-b", "mfcc", "--no-cache", "-o", name)
        for _ in range(2):
            assert call(*command)[0] == 0
        before = (project / name).read_bytes()
        make = {"embeddings.npz": _npz, "embeddings.parquet": _parquet, "embeddings.csv": _csv}[name]
        make(project / name)
        mine = (project / name).read_bytes()
        code, told = call(*command)
        assert (code, "was not written by embed" in told) == (1, True)
        assert (project / name).read_bytes() == mine
        assert call(*command, "--force")[0] == 0
        assert len((project / name).read_bytes()) == len(before)

    @pytest.mark.parametrize("how", [(), ("--format", "table"), ("--format", "jsonl"), ("--timeline",)])
    def test_answers(self, how: tuple[str, ...], project: Path) -> None:
        command = ("predict", "m", "dog", *how, "-o", "answers.csv")
        for _ in range(2):
            assert call(*command)[0] == 0
        (project / "answers.csv.part").write_text("mine")
        assert call(*command)[0] == 0
        assert (project / "answers.csv.part").read_text() == "mine"
        for mine in (
            "path,label,score\na.wav,dog,1\n",
            "path,label,score,who\na.wav,dog,1,Ann\n",
            '{"path": "a"}\n',
            "x",
        ):
            (project / "answers.csv").write_text(mine)
            code, told = call(*command)
            assert (code, "was not written by predict" in told) == (1, True)
            assert (project / "answers.csv").read_text() == mine

    def test_no_plain_file(self, project: Path) -> None:
        os.mkfifo(project / "pipe.csv")
        code, told = call("predict", "m", "dog", "-o", "pipe.csv")
        assert (code, "is no plain file" in told) == (1, True)

    def test_a_link_to_the_input(self, project: Path) -> None:
        (project / "out.csv").symlink_to("clips.csv")
        code, told = call("embed", "clips.csv", "-b", "mfcc", "-o", "out.csv", "--force")
        assert (code, "is what is read here" in told) == (1, True)


def _npz(path: Path) -> None:
    np.savez(path, X=np.zeros((2, 3)), ids=np.array(["a", "b"]))


def _parquet(path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"id": ["a"], "embedding": [[1.0]]}), path)


def _csv(path: Path) -> None:
    path.write_text("id,v0\na,1\n")


class TestTheCache:
    def test_clearing_takes_rows_and_nothing_else(self, project: Path) -> None:
        earmark.embed("clips.csv", "mfcc", cache=Cache("cache"))
        assert (
            (project / "cache" / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
        )
        for name in ("mine/x.npy", "take-20240101abcd/a.npy", "take-0123456789ab/00/mine.npy", "notes.txt"):
            (project / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
            (project / "cache" / name).write_text("mine")
        (project / "cache" / "day-202401011200").mkdir()
        (project / "cache" / "away-0123456789ab").symlink_to(project / "figures")
        before = disk(project)
        code, told = call("cache", "clear", "--cache", "cache")
        assert (code, told.endswith("MB freed\n")) == (0, True)
        gone = {name for name in before if name not in disk(project)}
        assert gone
        assert all(name.startswith("cache/mfcc-") for name in gone)
        assert not list((project / "cache").glob("mfcc-*"))

    def test_a_folder_of_the_users(self, project: Path) -> None:
        before = disk(project)
        code, told = call("cache", "clear", "--cache", ".")
        assert (code, "nothing was deleted" in told) == (1, True)
        assert call("cache", "info", "--cache", ".")[0] == 0
        assert disk(project) == before

    def test_rows_among_the_users_files(self, project: Path) -> None:
        """It is no cache's folder, and gets no tag that would keep it out of backups; embeddings in it are known."""
        before = disk(project)
        earmark.embed("clips.csv", "mfcc", cache=Cache("."))
        assert not (project / "CACHEDIR.TAG").exists()
        assert call("cache", "clear", "--cache", ".")[0] == 0
        assert {n for n in disk(project) if not n.startswith("hashes.")} == set(before)
        assert untouched(before, disk(project))

    def test_one_of_version_0_1(self, project: Path) -> None:
        earmark.embed("clips.csv", "mfcc", cache=Cache("cache"))
        (project / "cache" / "CACHEDIR.TAG").unlink()
        assert call("cache", "clear", "--cache", "cache")[0] == 0
        assert not list((project / "cache").glob("mfcc-*"))


class TestMadeUpMusic:
    SMALL: ClassVar[dict[str, Any]] = {"artists": 2, "clips": 2, "seconds": (0.3, 0.4)}

    def test_the_users_sounds_stay(self, tmp_path: Path) -> None:
        from earmark.audio import synthetic

        for name in ("blues/blues.000.wav", "clips.csv"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("mine")
            with pytest.raises(DataError, match=f"holds {name}: not written by a demo"):
                synthetic.make(tmp_path, **self.SMALL)
            (tmp_path / name).unlink()

    def test_its_own_is_made_anew(self, tmp_path: Path) -> None:
        from earmark.audio import synthetic

        for seed in (0, 1):
            synthetic.make(tmp_path, seed=seed, **self.SMALL)
        (tmp_path / manifest.NAME).unlink()  # as 0.1 left it
        synthetic.make(tmp_path, seed=2, **self.SMALL)


def test_uris(s3: str, project: Path) -> None:
    from earmark.core.paths import joined
    from earmark.core.storage import place

    source = joined(s3, "outs/clips.csv")
    place(source).put(project / "clips.csv")
    place(joined(s3, "outs/dog/1.wav")).put(project / "dog" / "1.wav")
    for out in (source, joined(s3, "outs/dog/1.wav"), joined(s3, "outs")):
        code, _ = call("embed", source, "-b", "mfcc", "-o", out)
        assert code == 1, out
    assert place(source).read() == (project / "clips.csv").read_bytes()
    code, _ = call("embed", "clips.csv", "-b", "mfcc", "-o", (project / "dog").as_uri())
    assert code == 1


def test_python_functions_look_before_the_work(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earmark.models.train.open_data", _never)
    for out in (".", "figures", "store", "thesis.md", "sounds"):
        with pytest.raises(BundleError):
            earmark.train("clips.csv", "mfcc/lda", out)
        with pytest.raises(BundleError):
            earmark.train("store", "embeddings/lda", out)


def test_names_are_compared_as_the_disk_does(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("a")
    assert outputs.same(tmp_path / "a", tmp_path / "b")
    assert outputs.same(tmp_path / "b" / "x", tmp_path / "a" / "x")
    assert not outputs.same(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize("content", ["{", "[]", '{"earmark wrote": 3}', '{"earmark wrote": {"x": 3}}'])
def test_a_list_that_is_none_of_ours(content: str, tmp_path: Path) -> None:
    (tmp_path / manifest.NAME).write_text(content)
    with pytest.raises(DataError, match="earmark-manifest"):
        publish(tmp_path, {"x": "y"})
    assert (tmp_path / manifest.NAME).read_text() == content


def test_made_up_music_is_known_by_its_styles() -> None:
    from earmark.audio.synthetic.tunes import STYLES
    from earmark.core.outputs import MUSIC

    assert tuple(sorted(STYLES)) == MUSIC
