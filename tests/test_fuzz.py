"""A small sample of what `bench/fuzz.py` does by the thousand, and that the harness itself sees what goes wrong."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fuzzing
from earmark.core.errors import AudioError, DataError
from earmark.embeddings.ready import read


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    fuzzing.prepare(folder)
    return folder


def failures(outcomes: Iterator[fuzzing.Outcome]) -> list[str]:
    return [f"{o.kind}: {o.case} {o.told}" for o in outcomes if not o.good]


COUNTS = {"audio": 150, "predict": 40, "table": 40, "recipe": 40, "windows": 30, "bundle": 40}


def test_a_sample_of_everything(tools: Path) -> None:
    wanted = [case for target, count in COUNTS.items() for case in fuzzing.cases(target, count, seed=7)]
    outcomes = list(fuzzing.run(wanted, tools))
    assert len(outcomes) == len(wanted)
    assert failures(iter(outcomes)) == []
    for target in ("audio", "predict"):  # both do occur, or the damage would be none or too much
        assert {o.kind for o in outcomes if o.case.target == target} == {"answer", "error"}
    for target in (
        "table",
        "bundle",
    ):  # all may be refused: of a table what is doubtful, of a model what has another checksum
        assert "error" in {o.kind for o in outcomes if o.case.target == target}


@pytest.mark.slow
def test_ten_thousand_sounds_and_a_thousand_of_everything_else(tools: Path) -> None:
    wanted = [c for t in COUNTS for c in fuzzing.cases(t, 10_000 if t == "audio" else 1000, seed=11)]
    assert failures(fuzzing.run(wanted, tools, workers=2)) == []


class TestTheHarness:
    """Cases that do wrong on purpose."""

    @pytest.fixture(autouse=True)
    def _wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fuzzing, "SECONDS", 1.0)

    def outcome(self, tools: Path, form: str) -> fuzzing.Outcome:
        wrong = fuzzing.Case("wrong", form, "none", 0)
        good = fuzzing.Case("recipe", "words", "truncated", 1)
        first, last = fuzzing.run([wrong, good], tools)
        assert last.good  # by a worker of its own if the first died
        return first

    def test_a_segfault(self, tools: Path) -> None:
        found = self.outcome(tools, "segfault")
        assert found.kind == "crash"
        assert f"exit status -{int(signal.SIGSEGV)}" in found.told

    def test_a_hang(self, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fuzzing, "FIRST", 2.0)
        assert self.outcome(tools, "hang").kind == "hang"

    def test_the_rest(self, tools: Path) -> None:
        forms = ["memory", "noise", "traceback", "answer"]
        found = fuzzing.run([fuzzing.Case("wrong", form, "none", 0) for form in forms], tools)
        assert [o.kind for o in found] == forms


def test_rows_that_are_none_are_told(tmp_path: Path) -> None:
    """Found: each of these ended in a traceback."""
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 no zip")
    np.savez(tmp_path / "b.npz", ids=np.array(["a", "b"]), X=np.ones((2, 3)), facts=np.array("[1, 2]"))
    np.savez(tmp_path / "c.npz", ids=np.array(["a", "b"]), X=np.ones((2, 3)), facts=np.array('{"shape": [7]}'))
    np.savez(tmp_path / "d.npz", ids=np.array(["a", "b"]), X=np.ones((2, 3)), start=np.array(["x", "y"]))
    (tmp_path / "e.csv").write_bytes(b"id,v0\n\xff,1\n")
    (tmp_path / "f.csv").write_text("id,v0\na\n")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(
            DataError, match=f"{path.name}: (not a readable file of embeddings|found no array of embeddings)"
        ):
            read(path)


def test_a_table_with_a_zero_byte(tmp_path: Path) -> None:
    from earmark import load_dataset

    (tmp_path / "clips.csv").write_bytes(b"path,label\na\x00b.wav,dog\n")
    with pytest.raises(DataError, match=r"line 2: the path 'a\\x00b\.wav' holds a zero byte|not a readable table"):
        load_dataset(tmp_path / "clips.csv")


def test_the_answer_names_the_whole_path(tools: Path) -> None:
    """Found: of a Path, only its last part was told."""
    import earmark

    model = earmark.load_model(tools / "model")
    assert model.predict(tools / "good.wav").path == str(tools / "good.wav")
    with pytest.raises(AudioError, match=str(tools / "nothing.wav")):
        model.predict(tools / "nothing.wav")
