"""Several reviews of one folder, and one that was killed: no decision is lost, none is taken back by others."""

from __future__ import annotations

import csv
import multiprocessing
from pathlib import Path

import pytest

from earmark.core.errors import DataError
from earmark.data.clips import Clip, Dataset
from earmark.label import journal as journals
from earmark.label.items import items
from earmark.label.journal import Change, Journal

CLIPS = 40


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return _dataset(tmp_path)


def _dataset(folder: Path) -> Dataset:
    return Dataset("made up", tuple(Clip(f"{i}.wav", folder / f"{i}.wav", "old") for i in range(CLIPS)))


def _decide(journal: Journal, number: int, label: str) -> None:
    clip = journal.dataset.clips[number].id
    journal.decide(items(journal.dataset, None)[number], "relabel", [Change(clip, label=label)])


def _labels(journal: Journal) -> dict[str, str]:
    with journal.table.open(newline="") as file:
        return {line["path"]: line["label"] for line in csv.DictReader(file)}


def _many(folder: Path, name: str, numbers: list[int], start: object) -> None:
    journal = Journal(_dataset(folder), folder / "out", by=name)
    start.wait(60)  # type: ignore[attr-defined]
    for number in numbers:
        _decide(journal, number, f"by {name}")


def test_servers_on_one_folder_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    names = {"a": list(range(0, CLIPS, 3)), "b": list(range(1, CLIPS, 3)), "c": list(range(2, CLIPS, 3))}
    running = [context.Process(target=_many, args=(tmp_path, n, numbers, start)) for n, numbers in names.items()]
    for one in running:
        one.start()
    for one in running:
        one.join(60)
        assert one.exitcode == 0
    journal = Journal(_dataset(tmp_path), tmp_path / "out")
    assert len(journal.decisions) == CLIPS
    states = journal.states()
    assert {i: states[f"{i}.wav"].label for n in names for i in names[n]} == {
        i: f"by {n}" for n in names for i in names[n]
    }
    assert [*_labels(journal).values()] == [states[c.id].label for c in journal.dataset.clips]


def test_half_a_line_of_somebody_else_is_no_loss(dataset: Dataset, tmp_path: Path) -> None:
    one, two = (Journal(dataset, tmp_path / "out", by=by) for by in "ab")
    _decide(one, 0, "first")
    with one.log.open("ab") as file:
        file.write(b'{"id": "killed')
    _decide(two, 1, "second")
    _decide(one, 2, "third")
    assert {c: s.label for c, s in Journal(dataset, tmp_path / "out").states().items() if s.seen} == {
        "0.wav": "first",
        "1.wav": "second",
        "2.wav": "third",
    }


@pytest.mark.parametrize("lines", [1, 2])
def test_a_kill_between_journal_and_table(
    lines: int, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(dataset, tmp_path / "out")
    _decide(journal, 0, "first")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(journals.Journal, "_write", killed)
        for number in range(1, 1 + lines):
            with pytest.raises(KeyboardInterrupt):
                _decide(journal, number, "second")
    assert "second" not in _labels(journal).values()
    again = Journal(dataset, tmp_path / "out")
    assert [*_labels(again).values()].count("second") == lines
    assert [*_labels(again).values()].count("first") == 1


def test_the_first_table_that_was_not_written_either(dataset: Dataset, tmp_path: Path) -> None:
    journal = Journal(dataset, tmp_path / "out")
    assert not journal.log.exists()
    _decide(journal, 3, "new")
    journal.table.unlink()
    assert _labels(Journal(dataset, tmp_path / "out"))["../3.wav"] == "new"


def test_a_table_that_somebody_changed_is_left_until_a_decision(dataset: Dataset, tmp_path: Path) -> None:
    journal = Journal(dataset, tmp_path / "out")
    _decide(journal, 0, "mine")
    changed = journal.table.read_bytes().replace(b"mine", b"hand")
    journal.table.write_bytes(changed)
    Journal(dataset, tmp_path / "out")
    assert journal.table.read_bytes() == changed


def test_undo_takes_back_ones_own_alone(dataset: Dataset, tmp_path: Path) -> None:
    ada, bo = (Journal(dataset, tmp_path / "out", by=by) for by in ("Ada", "Bo"))
    _decide(ada, 0, "hers")
    assert bo.undo() is None
    _decide(bo, 1, "his")
    _decide(bo, 2, "his, too")
    undone = ada.undo()
    assert undone is not None
    assert undone.changes[0].label == "hers"
    assert ada.undo() is None
    bo.sync()
    assert [d.changes[0].label for d in bo.decisions] == ["his", "his, too"]


def test_two_of_one_name_are_two(dataset: Dataset, tmp_path: Path) -> None:
    one, two = (Journal(dataset, tmp_path / "out", by="root") for _ in "ab")
    _decide(one, 0, "one's")
    _decide(two, 1, "two's")
    undone = one.undo()
    assert undone is not None
    assert undone.changes[0].label == "one's"


def test_a_damaged_journal_is_said(dataset: Dataset, tmp_path: Path) -> None:
    journal = Journal(dataset, tmp_path / "out")
    _decide(journal, 0, "a")
    journal.log.write_bytes(b'{"id": "x", nonsense}\n')
    with pytest.raises(DataError, match="damaged"):
        Journal(dataset, tmp_path / "out")
