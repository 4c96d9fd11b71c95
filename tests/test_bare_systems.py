"""No home, no entry in /etc/passwd, full disks: told in words, and nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import earmark
from earmark.cli import main
from earmark.core import paths, progress, room
from earmark.core.errors import DataError
from earmark.serve import upload
from earmark.serve.app import create_app
from serving import get, post, running

if sys.platform == "win32":
    pytest.skip("users and limits are others there", allow_module_level=True)

NOBODY = """
import pwd, sys
def none(uid): raise KeyError(uid)
pwd.getpwuid = none
from earmark.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/ (two classes of tones in noise) and a model of it."""
    folder = tmp_path_factory.mktemp("bare")
    random = np.random.default_rng(0)
    for k, label in enumerate(("low", "high")):
        (folder / "data" / label).mkdir(parents=True)
        for n in range(5):
            tone = 0.3 * np.sin(2 * np.pi * 300 * 2**k * (1 + 0.02 * n) * np.arange(16000) / 16000)
            soundfile.write(folder / "data" / label / f"{n}.wav", tone + random.normal(0, 0.03, 16000), 16000)
    earmark.train(folder / "data", "mfcc/lda", folder / "model", folds=2)
    return folder


def said(args: list[str], cwd: Path, env: dict[str, str], limit: int | None = None) -> subprocess.CompletedProcess[str]:
    import resource

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "EARMARK_HOME", "TMPDIR")}
    return subprocess.run(
        [sys.executable, "-c", NOBODY, *args],
        cwd=cwd, env=kept | {"OMP_NUM_THREADS": "1"} | env, preexec_fn=limited, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_home_and_user_entry_a_temporary_folder_is_used_and_said_once(trained: Path, tmp_path: Path) -> None:
    done = said(["compare", "data", "-r", "mfcc/lda", "--folds", "2"], trained, {"TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    made = tmp_path / f"earmark-{os.getuid()}"
    assert done.stderr.count("EARMARK_HOME") == 1
    assert str(made) in done.stderr
    assert (made / "embeddings" / "CACHEDIR.TAG").is_file()
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    given = said(["cache", "info"], trained, {"XDG_CACHE_HOME": str(tmp_path / "xdg")})
    assert (given.returncode, "EARMARK_HOME" in given.stderr) == (0, False)


def test_a_home_of_no_use_and_a_strangers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker run --user 12345` gives the home /, in which nothing can be made."""
    monkeypatch.delenv("EARMARK_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(paths.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))  # no folder can be made in a file, not even by root
    paths._homeless.cache_clear()
    assert paths.home() == tmp_path / f"earmark-{os.getuid()}"
    paths._homeless.cache_clear()
    (tmp_path / f"earmark-{os.getuid()}").chmod(0o777)  # anybody could have put weights there
    assert paths.home() != tmp_path / f"earmark-{os.getuid()}"
    assert paths.home().parent == tmp_path
    paths._homeless.cache_clear()
    (tmp_path / "own" / ".cache" / "earmark").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "own"))
    assert paths.home() == tmp_path / "own" / ".cache" / "earmark"


def test_a_tilde_without_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="found no home folder that ~ could stand for"):
        paths.expanded("~nobody-of-that-name/x")


@pytest.mark.parametrize(
    "args", [["embed", "data", "-b", "mfcc", "-o", "x.npz"], ["train", "data", "-r", "mfcc/lda", "-o", "m"]]
)
def test_a_full_disk_is_told_and_leaves_nothing(trained: Path, tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "data").symlink_to(trained / "data")
    done = said(args, tmp_path, {"EARMARK_HOME": str(tmp_path / "home")}, limit=700)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "ulimit -f" in done.stderr
    assert {p.name for p in tmp_path.iterdir()} <= {"data", "home"}


def test_which_folder_is_full_and_how_to_choose_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.tempfile, "tempdir", str(tmp_path))
    inside = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))
    assert room.is_full(inside)
    assert f"The temporary folder {tmp_path} is full; TMPDIR=" in room.advice(inside)
    assert room.advice(OSError(errno.ENOSPC, "No space left", "/elsewhere/out.csv")) == ""
    nowhere = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    assert room.is_full(nowhere)
    assert "TMPDIR" in room.advice(nowhere)
    assert not room.is_full(OSError(errno.ENOENT, "no such file"))


@pytest.mark.parametrize("number", sorted(room.FULL))
@pytest.mark.parametrize("form", [False, True])
def test_an_upload_without_room_is_507(trained: Path, monkeypatch: pytest.MonkeyPatch, number: int, form: bool) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with running(create_app({"m": earmark.load_model(trained / "model")})) as address:
        if form:
            monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", full)
            answer = post(f"{address}/api/predict", files={"file": b"RIFF"})
        else:
            monkeypatch.setattr(upload.tempfile, "SpooledTemporaryFile", full)
            answer = post(f"{address}/api/predict", content=b"RIFF")
        assert answer.status_code == 507
        assert answer.json()["error"]["code"] == "no_room"
        assert get(f"{address}/healthz").status_code == 200


def test_alpha_is_chosen_when_predicting(trained: Path) -> None:
    sound, model = trained / "data" / "low" / "0.wav", earmark.load_model(trained / "model")
    for alpha in ("0.1", "0.45", "0.9"):
        done = CliRunner().invoke(
            main, ["predict", str(trained / "model"), str(sound), "--format", "jsonl", "--alpha", alpha]
        )
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        wanted = model.calibration.sets([[told["scores"][c] for c in model.classes]], float(alpha))[0]
        assert tuple(told["set"]) == wanted
    with pytest.raises(DataError, match="wanted a number between 0 and 1"):
        model.with_alpha(1.0)


def test_one_long_sound_tells_how_many_seconds_are_done(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[float] = []
    real = progress.seconds

    def spied(label: str, total: float | None) -> object:
        from contextlib import contextmanager

        @contextmanager
        def shown():  # type: ignore[no-untyped-def]
            with real(label, total):
                yield done.append

        assert total == pytest.approx(95, abs=0.01)
        return shown()

    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 8000 * 95), 8000)
    monkeypatch.setattr(progress, "seconds", spied)
    told = CliRunner().invoke(main, ["predict", str(trained / "model"), str(tmp_path / "long.wav"), "--format", "csv"])
    assert told.exit_code == 0, told.output
    assert done == sorted(done)
    assert len(done) > 2
    assert done[-1] == pytest.approx(95, abs=0.1)
