"""The whole audit on a small made-up set with faults of every kind, and what it writes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from earmark.audits import Audit, audit
from earmark.audits.words import findings
from earmark.cli.audit import command
from earmark.core import manifest
from earmark.core.errors import DataError
from earmark.data.cache import Cache
from earmark.data.clips import Clip, Dataset
from earmark.data.duplicates import with_recordings
from earmark.data.load import load_dataset
from earmark.report.audit import write
from earmark.studies.compare import compare
from test_audit_duplicates import tune

RATE = 22_050
HEARD = ["mfcc(seconds=1)"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of ten clips by five "artists"; one broken file, one silent, a copy across labels, a twin."""
    root = tmp_path_factory.mktemp("set")
    embeddings = [("path", "label", "group")]
    for k, label in enumerate(("bell", "hum", "hiss")):
        (root / label).mkdir()
        for i in range(10):
            y = tune(100 * k + i, 1.6)
            rng = np.random.default_rng(i)
            y = y if k == 0 else (y * 0.3 + rng.normal(0, 0.05 * k, len(y)).astype(np.float32))
            soundfile.write(root / label / f"{i}.wav", (y * 20_000).clip(-32768, 32767).astype(np.int16), RATE)
            embeddings.append((f"{label}/{i}.wav", label, f"{label}-{i // 2}"))
    y, _ = soundfile.read(root / "bell" / "0.wav", dtype="float32")
    soundfile.write(root / "hum" / "copy <b>.ogg", 0.5 * y[4000:], RATE)
    (root / "hiss" / "twin.wav").write_bytes((root / "hiss" / "3.wav").read_bytes())
    (root / "hiss" / "broken.wav").write_text("not a sound")
    soundfile.write(root / "hiss" / "silent.wav", np.zeros(RATE), RATE)
    embeddings += [("hum/copy <b>.ogg", "hum", "x"), ("hiss/twin.wav", "hiss", "hiss-1")]
    embeddings += [("hiss/broken.wav", "hiss", "y"), ("hiss/silent.wav", "hiss", "z")]
    with (root / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows(embeddings)
    return root


@pytest.fixture(scope="module")
def found(folder: Path) -> Audit:
    return audit(load_dataset(folder / "clips.csv"), backbones=HEARD)


def test_findings(found: Audit) -> None:
    ids = [c.id for c in found.dataset.clips]
    assert [(ids[p.a], ids[p.b], p.kind) for p in found.pairs] == [
        ("bell/0.wav", "hum/copy <b>.ogg", "recording"),  # across labels first
        ("hiss/3.wav", "hiss/twin.wav", "file"),
    ]
    flags = {i: {f.kind for f in flags} for i, flags in zip(ids, found.flags, strict=True)}
    assert "unreadable" in flags["hiss/broken.wav"]
    assert "silent" in flags["hiss/silent.wav"]
    assert "label conflict" in flags["bell/0.wav"] & flags["hum/copy <b>.ogg"]
    assert found.conflict(found.pairs[0])
    assert found.cut_apart(found.pairs[0])
    assert not found.cut_apart(found.pairs[1])
    assert len(found.evaluated) == 32  # all but the broken and the silent one
    assert found.suspicion is not None
    named = {c.id: c.recording for c in with_recordings(found.dataset).clips if c.recording}
    assert named["hum/copy <b>.ogg"] == named["bell/0.wav"] == "bell/0.wav"
    assert named["hiss/twin.wav"] == named["hiss/3.wav"] == "hiss/3.wav"
    assert len(named) == 4


def test_files_written(found: Audit, folder: Path, tmp_path: Path) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    page = write(found, tmp_path / "out", command="earmark audit")
    assert {p.name for p in page.parent.iterdir()} == {"audit.html", "audit.json", "clips.csv", manifest.NAME}
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    data = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert data["counts"]["label_conflicts"] == 1
    assert len(data["files"]) == len(found.dataset.clips)
    with (tmp_path / "out" / "clips.csv").open(newline="") as file:
        embeddings = {"/".join(embedding["path"].split("/")[-2:]): embedding for embedding in csv.DictReader(file)}
    assert embeddings["hiss/twin.wav"]["exclude"] == "same file as hiss/3.wav"
    assert embeddings["hiss/broken.wav"]["exclude"].startswith("unreadable")
    assert embeddings["hiss/silent.wav"]["exclude"] == "silent"
    assert embeddings["hum/copy <b>.ogg"]["exclude"] == ""  # whose label is wrong, a person must say
    assert embeddings["hum/copy <b>.ogg"]["duplicate_group"] == embeddings["bell/0.wav"]["duplicate_group"] != ""
    again = load_dataset(tmp_path / "out" / "clips.csv")
    assert [(c.path.resolve(), c.label, c.group) for c in again.clips] == [
        (c.path.resolve(), c.label, c.group) for c in found.dataset.clips
    ]


def test_no_split_cuts_a_recording_apart(found: Audit, folder: Path, tmp_path: Path) -> None:
    """Neither of the data as they are nor of the table that the audit wrote."""
    write(found, tmp_path / "out")
    for table in (folder / "clips.csv", tmp_path / "out" / "clips.csv"):
        clips = tuple(c for c in load_dataset(table).clips if "silent" not in c.id)
        for protocol in ("clips", "groups"):
            evaluated = compare(Dataset("d", clips), [f"{HEARD[0]}/lda"], protocol=protocol, folds=3, seed=1)
            assert len(evaluated.dataset.excluded) == 1  # the broken file
            run = evaluated.runs[0]
            place = {
                name.split("/")[-1] if "copy" in name else "/".join(name.split("/")[-2:]): i
                for i, name in enumerate(run.ids)
            }
            for one, two in (("copy <b>.ogg", "bell/0.wav"), ("hiss/twin.wav", "hiss/3.wav")):
                assert run.fold[place[one]] == run.fold[place[two]]
                assert run.groups[place[one]] == run.groups[place[two]]
            assert any("4 clips hold 2 recordings" in note and "one side" in note for note in evaluated.notes)


def test_published_folds_that_cut_a_recording_apart_are_told(folder: Path) -> None:
    clips = [c for c in load_dataset(folder / "clips.csv").clips if c.id.startswith(("bell", "hum"))]
    data = Dataset("d", tuple(replace(c, fold="1" if i % 2 else "2") for i, c in enumerate(clips)))
    same = tuple(replace(c, fold="1") if c.id in ("bell/0.wav", "hum/copy <b>.ogg") else c for c in data.clips)
    apart = tuple(replace(c, fold="2") if c.id == "bell/0.wav" else c for c in same)
    for clips_, count in ((same, 0), (apart, 1)):
        heard = audit(Dataset("d", clips_), groups=False, labels=False, confounds=False)
        assert sum(map(heard.cut_by_folds, heard.pairs)) == count
        assert sum("published folds learn" in line for line in findings(heard)) == count
        notes = compare(Dataset("d", clips_), [f"{HEARD[0]}/lda"], protocol="published").notes
        assert sum("both sides" in n and "bell/0.wav and hum/copy <b>.ogg" in n for n in notes) == count


class Page(HTMLParser):
    """Addresses of the sounds, and whether tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.sounds: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "audio":
            self.sounds.append(str(dict(attrs)["src"]))
        if tag in ("p", "div", "section", "table", "ul"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "div", "section", "table", "ul"):
            assert self.open.pop() == tag


def test_page_plays_the_copies_and_escapes_names(found: Audit, tmp_path: Path) -> None:
    from urllib.parse import unquote

    html = write(found, tmp_path).read_text()
    page = Page()
    page.feed(html)
    assert page.open == []
    assert "copy <b>" not in html
    assert "copy &lt;b&gt;" in html
    assert len(page.sounds) >= 4
    assert all((tmp_path / unquote(s)).resolve().is_file() for s in page.sounds)
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_nothing_of_the_users_is_overwritten(found: Audit, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not written by an audit"):
        write(found, folder)
    assert not (folder / "audit.html").exists()
    write(found, tmp_path)
    write(found, tmp_path)  # its own output it may replace
    own = Dataset("d", (Clip("audit.json", tmp_path / "audit.json"),))
    with pytest.raises(DataError, match="own files"):
        write(audit(own), tmp_path)


def test_same_seed_same_files(folder: Path, tmp_path: Path) -> None:
    data, cache = load_dataset(folder / "clips.csv"), Cache(tmp_path / "home" / "embeddings")
    for name in ("a", "b"):
        write(audit(data, backbones=HEARD, cache=cache), tmp_path / name)
    one, two = (json.loads((tmp_path / n / "audit.json").read_text()) | {"seconds": 0} for n in ("a", "b"))
    assert one == two
    assert (tmp_path / "a" / "clips.csv").read_bytes() == (tmp_path / "b" / "clips.csv").read_bytes()


def test_without_labels_groups_or_weights(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clips = tuple(Clip(c.id, c.path) for c in load_dataset(folder / "clips.csv").clips[:6])
    plain = audit(Dataset("d", clips))
    assert plain.suspicion is None
    assert plain.confounds == ()
    assert "No clip has a label" in plain.notes[0]
    monkeypatch.setenv("EARMARK_HOME", str(tmp_path / "empty"))
    bare = audit(load_dataset(folder / "clips.csv"))
    assert bare.backbones == ()
    assert any("earmark weights" in note for note in bare.notes)
    assert "two labels" in write(bare, tmp_path / "out").read_text()


def test_command(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit"
    asked = [str(folder / "clips.csv"), "-o", str(out), "--no-groups", "--no-labels", "--no-cache"]
    result = CliRunner().invoke(command, asked)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("• 1 recording with two labels: bell/0.wav = hum/copy <b>.ogg")
    assert str(out / "audit.html") in result.output
    assert f"earmark review {folder / 'clips.csv'} --audit {out}" in result.output
    result = CliRunner().invoke(command, [*asked, "--json"])
    assert json.loads(result.stdout)["counts"]["duplicate_pairs"] == 2
    result = CliRunner().invoke(command, [str(folder / "clips.csv"), "-o", str(folder)])
    assert isinstance(result.exception, DataError)
