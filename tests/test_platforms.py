"""What Windows and macOS do otherwise, told by their branches: neither system is at hand where this is written."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import pytest

from earmark.cli import _options
from earmark.core import atomic, paths
from earmark.core.errors import DataError

OTHERS = ("darwin", "win32")
MARK = "earmark.json"


@pytest.fixture(params=["linux", *OTHERS])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each system in turn. On others than Linux the C library must not be asked: Windows has none of that name."""
    if request.param != "linux":
        monkeypatch.setattr(sys, "platform", request.param)
        monkeypatch.setattr(ctypes, "CDLL", lambda *_: pytest.fail("asked for the C library of Linux"))
    return str(request.param)


def folder(path: Path, content: str) -> Path:
    """A folder with the file in it by which models are known."""
    path.mkdir(parents=True)
    (path / MARK).write_text(content)
    return path


def refused(*when: str) -> Callable[[Any, Any], Any]:
    """A rename that fails for files or folders of some names, as Windows has it while somebody reads them."""
    real = os.rename

    def rename(self: Path, target: Any) -> Path:
        if self.name in when:
            raise PermissionError(13, "The process cannot access the file because it is being used", str(self))
        real(self, target)
        return Path(target)

    return rename


class TestSwap:
    def test_the_new_one_takes_the_place(self, system: str, tmp_path: Path) -> None:
        part, target = folder(tmp_path / "part", "new"), folder(tmp_path / "m", "old")
        atomic.swap(part, target)
        assert (target / MARK).read_text() == "new"
        assert [p.name for p in tmp_path.iterdir()] == ["m"]

    def test_a_first_one(self, system: str, tmp_path: Path) -> None:
        atomic.swap(folder(tmp_path / "part", "new"), tmp_path / "m")
        assert (tmp_path / "m" / MARK).read_text() == "new"

    @pytest.mark.parametrize("system", OTHERS, indirect=True)
    @pytest.mark.parametrize("held", ["part", "m"])
    def test_what_is_open_elsewhere_stays_as_it_was(
        self, system: str, held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        part, target = folder(tmp_path / "part", "new"), folder(tmp_path / "m", "old")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", refused(held))
            with pytest.raises(PermissionError):
                atomic.swap(part, target)
        assert (target / MARK).read_text() == "old"
        assert not (tmp_path / ".m-old").exists()
        atomic.swap(part, target)
        assert (target / MARK).read_text() == "new"

    def test_a_kill_between_the_two_renames(self, system: str, tmp_path: Path) -> None:
        folder(tmp_path / ".m-old", "old")
        assert atomic.restored(tmp_path / "m")
        assert (tmp_path / "m" / MARK).read_text() == "old"

    @pytest.mark.parametrize("system", OTHERS, indirect=True)
    def test_a_kill_while_it_tidies_up(self, system: str, tmp_path: Path) -> None:
        folder(tmp_path / ".m-old", "older still")
        folder(tmp_path / "m", "old")
        atomic.swap(folder(tmp_path / "part", "new"), tmp_path / "m")
        assert [p.name for p in tmp_path.iterdir()] == ["m"]
        assert (tmp_path / "m" / MARK).read_text() == "new"

    @pytest.mark.parametrize("library", [SimpleNamespace(), SimpleNamespace(renameat2=lambda *_: -1)])
    def test_a_linux_or_a_disk_that_cannot_exchange(
        self, library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(ctypes, "CDLL", lambda *_: library)
        part, target = folder(tmp_path / "part", "new"), folder(tmp_path / "m", "old")
        atomic.swap(part, target)
        assert (target / MARK).read_text() == "new"
        assert [p.name for p in tmp_path.iterdir()] == ["m"]


def _denied(*_: Any) -> None:
    raise PermissionError(13, "Access is denied")


def test_a_file_that_is_open_elsewhere_stays_and_nothing_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")
    with monkeypatch.context() as patch, pytest.raises(PermissionError):  # noqa: PT012
        patch.setattr(Path, "replace", _denied)
        with atomic.whole(tmp_path / "a") as out:
            out.write(b"new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_a_file_is_closed_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows renames no open file."""
    seen: list[bool] = []
    real = Path.replace
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda self, to: seen.append(out.closed) or real(self, to))
        with atomic.whole(tmp_path / "a") as out:
            out.write(b"new")
    assert seen == [True]


def test_a_shard_that_is_open_elsewhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow.fs", reason="pyarrow is not installed (extra 'train' or 'ray')")
    from earmark.embeddings.store import place

    (tmp_path / "a").write_text("new")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _denied)
        with pytest.raises(DataError, match=r"cannot be read or written.*Access is denied"):
            place(tmp_path / "out" / "a").put(tmp_path / "a")
    assert [(p.name, p.read_text()) for p in (tmp_path / "out").iterdir()] == [("a", "old")]


class TestAllocators:
    def test_elsewhere_than_on_glibc_nothing_is_asked(self, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
        heap = pytest.importorskip("earmark.heads._heap")
        if system == "linux":
            monkeypatch.setattr(ctypes, "CDLL", lambda *_: SimpleNamespace())  # musl has no mallopt
        with heap.kept():
            pass

    def test_glibc_is_set_back_also_after_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from earmark.heads import _heap

        calls: list[tuple[int, ...]] = []
        library = SimpleNamespace(mallopt=lambda *a: calls.append(a), malloc_trim=lambda *a: calls.append(a))
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(ctypes, "CDLL", lambda *_: library)
        with pytest.raises(ZeroDivisionError), _heap.kept():
            _ = 1 / 0
        assert [len(call) for call in calls[:2]] == [2, 2]
        assert calls[2:] == [(_heap._MMAP_THRESHOLD, 32 << 20), (_heap._TRIM_THRESHOLD, 64 << 20), (0,)]


LOCAL = ["C:\\x\\a.wav", "C:/x/a.wav", "C://x/a.wav", "c:a.wav", "C:", "\\\\server\\share\\a.wav", "//server/share/a.wav",
         "\\\\?\\C:\\x", "x\\a.wav", "gtzan:C:/data", "gtzan:C:\\data", "gtzan:/data/genres", "", "://"]  # fmt: skip
REMOTE = [
    "s3://bucket/a b/c.wav",
    "S3://bucket/C:/x.wav",
    "gs://b/x#1.wav?endpoint_override=h:1&scheme=http",
    "file:///x/y",
]


@pytest.mark.parametrize("name", LOCAL)
def test_a_drive_is_no_store(name: str) -> None:
    for spelled in (name, PureWindowsPath(name), PurePosixPath(name)):
        if not isinstance(spelled, str) and name.startswith("gtzan:"):
            continue  # the name of a data set goes before it becomes a path
        assert not paths.is_remote(spelled)
        assert paths.spelled(spelled) == str(spelled)


@pytest.mark.parametrize("uri", REMOTE)
@pytest.mark.parametrize("kind", [str, PurePosixPath, PureWindowsPath])
def test_a_store_is_no_drive(uri: str, kind: type[str] | type[PurePath]) -> None:
    assert paths.is_remote(kind(uri))
    assert paths.spelled(kind(uri)) == uri


def test_a_sound_on_a_drive_is_a_sound_and_no_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux a file may have such a name, so that the branch runs."""
    monkeypatch.chdir(tmp_path)
    Path("C:a.wav").write_bytes(b"")
    assert [clip.path for clip in _options.open_sounds(("C:a.wav",)).clips] == [Path("C:a.wav")]
    assert not _options.is_folder("C://out/rows.npz")
    assert _options.is_folder("s3://out/rows.npz")
