"""Stores that do not answer, or refuse for a while: asked again, and never filed as a sound that cannot be used."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from earmark.cli import main
from earmark.core import storage
from earmark.core.errors import AudioError, UnreachedError
from earmark.core.spec import Part
from earmark.core.storage import Place
from earmark.data.clips import Clip
from earmark.data.load import load_dataset
from earmark.embeddings import shards
from earmark.embeddings.shards import Embedding, Unreached

pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra 'train' or 'ray')")
REAL = Place._fetch
PASSING = (
    PermissionError(13, "403"),
    TimeoutError("timed out"),
    OSError("AWS Error SLOW_DOWN: 503"),
    RuntimeError("502"),
)
LASTING = (FileNotFoundError(2, "No such file"), ValueError("embedded null byte"))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, int], Exception | None]], dict[str, int]]:
    """Have fetches fail as a function of the name and the number of the try says; returns how often each was tried."""

    def set_(why: Callable[[str, int], Exception | None]) -> dict[str, int]:
        tries: dict[str, int] = {}

        def fetch(self: Place, target: Path, largest: int) -> None:
            tries[self.name] = tries.get(self.name, 0) + 1
            if (error := why(self.name, tries[self.name])) is not None:
                raise error
            REAL(self, target, largest)

        monkeypatch.setattr(Place, "_fetch", fetch)
        return tries

    return set_


@pytest.fixture
def clips(sounds: Path) -> list[Clip]:
    """Four sounds by their URIs."""
    return [Clip(c.id, Path(c.path.as_uri().replace("file:///", "file:/"))) for c in load_dataset(sounds).clips[:4]]


@pytest.fixture(scope="module")
def work() -> Embedding:
    return Embedding.of(Part.parse("mfcc"))


def run(work: Embedding, out: Path, clips: list[Clip]) -> list[shards.Made]:
    todo = shards.left(work, str(out), clips)
    return list(shards.local(work, str(out), [todo] if todo else [], workers=1))


def told(out: Path, table: str) -> set[str]:
    files = (storage.place(out) / table).below()
    return {line["id"] for f in files for line in shards.read_columns(f).to_pylist()}


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_passes_is_tried_again_at_once(error: Exception, failing: Any, tmp_path: Path, sounds: Path) -> None:
    source = sounds.parent / "low-0-0.wav"
    tries = failing(lambda _, count: error if count < 3 else None)
    storage.place(source.as_uri()).fetch(tmp_path / "here.wav")
    assert (tmp_path / "here.wav").read_bytes() == source.read_bytes()
    assert [*tries.values()] == [3]


@pytest.mark.parametrize("error", [*PASSING, *LASTING], ids=str)
def test_what_does_not_pass_is_said(error: Exception, failing: Any, tmp_path: Path) -> None:
    tries = failing(lambda *_: error)
    with pytest.raises(AudioError, match="not fetched") as found:
        storage.place("file:///a.wav").fetch(tmp_path / "here.wav")
    assert isinstance(found.value, UnreachedError) == (error in PASSING)
    assert [*tries.values()] == [3 if error in PASSING else 1]


def test_one_that_is_refused_is_left_to_do(work: Embedding, clips: list[Clip], failing: Any, tmp_path: Path) -> None:
    broken = Path(str(clips[3].path).replace("low", "gone"))
    given = [*clips[:3], Clip("gone.wav", broken)]
    failing(lambda name, _: PermissionError(13, "403") if clips[1].path.name in name else None)
    (made,) = run(work, tmp_path / "out", given)
    assert {(e.path, isinstance(e, Unreached)) for e in made.excluded} == {(clips[1].id, True), ("gone.wav", False)}
    assert told(tmp_path / "out", "errors") == {"gone.wav"}
    failing(lambda *_: None)
    (made,) = run(work, tmp_path / "out", given)
    assert (made.clips, made.excluded) == (1, ())
    assert told(tmp_path / "out", "embeddings") == {c.id for c in clips[:3]}
    assert run(work, tmp_path / "out", given) == []


def test_a_store_that_does_not_answer_is_not_asked_for_every_sound(
    work: Embedding, clips: list[Clip], failing: Any, tmp_path: Path
) -> None:
    many = [Clip(f"{i}.wav", clips[0].path.with_name(f"{i}.wav")) for i in range(30)]
    tries = failing(lambda *_: TimeoutError("timed out"))
    (made,) = run(work, tmp_path / "out", many)
    assert len(tries) == shards.SEVERAL
    assert shards.all_unreached(made)
    assert told(tmp_path / "out", "errors") == set()


def test_the_command_ends_in_words_and_goes_on_later(sounds: Path, failing: Any, tmp_path: Path) -> None:
    table = tmp_path / "clips.csv"
    lines = [c.path.as_uri() for c in load_dataset(sounds).clips[:8]]
    table.write_text("path\n" + "\n".join(lines) + "\n")
    command = ["embed", str(table), "-b", "mfcc", "-o", f"{tmp_path}/out/"]
    failing(lambda *_: OSError("503"))
    found = CliRunner().invoke(main, command)
    assert found.exit_code != 0
    assert "503" in found.output
    assert "run the same command again" in found.output
    assert "Traceback" not in found.output
    failing(lambda *_: None)
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, found.output
    assert "from 8 clips" in found.output


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Names of files that cannot be opened now, as on a share that fails."""
    names: set[str] = set()
    real = Path.stat

    def stat(self: Path, **how: Any) -> Any:
        if self.name in names:
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(self, **how)

    monkeypatch.setattr(Path, "stat", stat)
    yield names
    names.clear()


def test_so_it_is_with_files_on_a_share(work: Embedding, sounds: Path, closed: set[str], tmp_path: Path) -> None:
    clips = list(load_dataset(sounds).clips[:3])
    closed.add(clips[0].path.name)
    (made,) = run(work, tmp_path / "out", clips)
    assert [(e.path, type(e), e.reason) for e in made.excluded] == [
        (clips[0].id, Unreached, "unreadable: Stale file handle")
    ]
    closed.clear()
    (made,) = run(work, tmp_path / "out", clips)
    assert (made.clips, made.excluded) == (1, ())
