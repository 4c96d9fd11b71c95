"""The review: what there is to look at, what was decided, the table that follows, and the page in a real browser."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import soundfile
from click.testing import CliRunner

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from earmark import audits, load_dataset
from earmark.cli import main
from earmark.core.errors import DataError
from earmark.data.clips import Dataset
from earmark.label.app import create_app
from earmark.label.items import Item, items, read_audit
from earmark.label.journal import Change, Journal
from earmark.label.neighbours import neighbours
from earmark.report import audit as report
from serving import RATE, browser, get, post, running, serious_findings, tone, write_tones

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones with a wrong label, a copy under another label, a damaged file, and a part of a file; audited."""
    folder = tmp_path_factory.mktemp("reviewed")
    table = write_tones(folder)
    shutil.copy(folder / "mid" / "1-0.wav", folder / "high" / "copy.wav")
    soundfile.write(folder / "low" / "wrong.wav", tone(1900, 1.3, seed=5), RATE)
    (folder / "low" / "broken.wav").write_bytes(b"RIFF, or so it says")
    soundfile.write(folder / "high" / "all.aiff", tone(2000, 3, seed=6), RATE)
    lines = table.read_text().splitlines()
    lines[0] += ",start,duration"
    lines[1:] = [line + ",," for line in lines[1:]]
    lines += ["high/copy.wav,high,maker 9,,", "low/wrong.wav,low,maker 8,,", "low/broken.wav,low,maker 7,,"]
    lines += ["high/all.aiff,high,maker 6,1,1.5"]
    table.write_text("\n".join(lines) + "\n")
    found = audits.audit(load_dataset(table), backbones=["mfcc(seconds=0.5)"], confounds=False)
    report.write(found, folder / "audit")
    return table


@pytest.fixture
def dataset(data: Path) -> Dataset:
    return load_dataset(data)


@pytest.fixture
def found(data: Path, dataset: Dataset) -> tuple[Item, ...]:
    return items(dataset, read_audit(data.parent / "audit", dataset))


def digests(folder: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


class TestItems:
    def test_what_the_audit_found_is_there(self, dataset: Dataset, found: tuple[Item, ...]) -> None:
        named = {item.key: item for item in found}
        wrong = named["label low/wrong.wav"]
        assert (wrong.kind, wrong.proposed) == ("labels", "high")
        assert "sounds like “high”" in wrong.text
        (pair,) = [i for i in found if i.kind == "duplicates"]
        assert {dataset.clips[i].id for i in pair.clips} == {"mid/1-0.wav", "high/copy.wav"}
        assert pair.text == "the same file, byte for byte; two labels; two groups"
        assert "unreadable" in named["file low/broken.wav"].text

    def test_every_clip_without_an_audit(self, dataset: Dataset) -> None:
        assert [i.clips for i in items(dataset, None)] == [(i,) for i in range(len(dataset.clips))]

    def test_audits_that_do_not_fit(self, dataset: Dataset, data: Path, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="earmark audit DATA -o"):
            read_audit(tmp_path, dataset)
        (tmp_path / "audit.json").write_text("[]")
        with pytest.raises(DataError, match="is no audit"):
            read_audit(tmp_path, dataset)
        with pytest.raises(DataError, match="speaks of 40 clips"):
            read_audit(data.parent / "audit", Dataset("other", ()))


class TestJournal:
    def test_decisions_become_a_table_that_is_a_data_set(
        self, dataset: Dataset, found: tuple[Item, ...], tmp_path: Path
    ) -> None:
        journal = Journal(dataset, tmp_path, by="Ada")
        named = {item.key: item for item in found}
        journal.decide(named["label low/wrong.wav"], "relabel", [Change("low/wrong.wav", label="high")])
        journal.decide(named["file low/broken.wav"], "exclude", [Change("low/broken.wav", exclude="unreadable")])
        (pair,) = [i for i in found if i.kind == "duplicates"]
        journal.decide(pair, "group", [Change(dataset.clips[i].id, group="one") for i in pair.clips])
        again = load_dataset(tmp_path / "reviewed.csv")
        by_name = {c.path.resolve(): c for c in again.clips}
        assert len(again.clips) == len(dataset.clips) - 1
        for clip in dataset.clips:
            if clip.id == "low/broken.wav":
                assert clip.path.resolve() not in by_name
                continue
            now = by_name[clip.path.resolve()]
            assert now.label == ("high" if clip.id == "low/wrong.wav" else clip.label)
            assert now.group == ("one" if clip.id in ("mid/1-0.wav", "high/copy.wav") else clip.group)
            assert (now.start, now.duration) == (clip.start, clip.duration)
        with (tmp_path / "reviewed.csv").open() as file:
            embeddings = {Path(r["path"]).name: r for r in csv.DictReader(file)}
        assert embeddings["wrong.wav"]["given_label"] == "low"
        assert embeddings["wrong.wav"]["reviewed"] == "yes"
        assert embeddings["0-0.wav"]["reviewed"] == ""
        assert not list(tmp_path.glob("*.part"))

    def test_undo_and_going_on_by_another(self, dataset: Dataset, found: tuple[Item, ...], tmp_path: Path) -> None:
        first = Journal(dataset, tmp_path, by="Ada")
        item = next(i for i in found if i.kind == "labels")
        clip = dataset.clips[item.clips[0]].id
        first.decide(item, "relabel", [Change(clip, label="high")])
        first.decide(item, "relabel", [Change(clip, label="mid")])
        second = Journal(dataset, tmp_path, by="Bo")
        assert second.states()[clip].label == "mid"
        undone = second.undo()
        assert undone is not None
        assert (undone.by, undone.changes[0].label) == ("Ada", "mid")
        first.sync()  # both servers see it
        assert first.states()[clip].label == second.states()[clip].label == "high"
        second.undo()
        assert second.undo() is None
        assert second.states()[clip].seen is False
        assert [json.loads(x).get("by") for x in first.log.read_text().splitlines()] == ["Ada", "Ada", "Bo", "Bo"]

    def test_a_line_that_is_half_written_waits(self, dataset: Dataset, found: tuple[Item, ...], tmp_path: Path) -> None:
        journal = Journal(dataset, tmp_path)
        journal.decide(found[0], "keep", [])
        whole = journal.log.read_bytes()
        other = Journal(dataset, tmp_path)
        with journal.log.open("ab") as file:
            file.write(whole[:20])
        other.sync()
        assert len(other.decisions) == 1
        with journal.log.open("ab") as file:
            file.write(whole[20:].replace(b'"id": "', b'"id": "2'))
        other.sync()
        assert len(other.decisions) == 2

    def test_files_that_are_not_ours_stay(self, dataset: Dataset, tmp_path: Path) -> None:
        (tmp_path / "reviewed.csv").write_text("path,label\nmine.wav,dog\n")
        with pytest.raises(DataError, match="was not written by a review"):
            Journal(dataset, tmp_path)
        assert (tmp_path / "reviewed.csv").read_text().startswith("path,label\nmine")
        (tmp_path / "reviewed.csv").unlink()
        (tmp_path / "review.jsonl").write_text("my diary\n")
        with pytest.raises(DataError, match="was not written by a review"):
            Journal(dataset, tmp_path)
        (tmp_path / "review.jsonl").write_text('{"id": broken\n')
        with pytest.raises(DataError, match="damaged"):
            Journal(dataset, tmp_path)

    @pytest.mark.parametrize(
        "change",
        [
            Change("mid/0-0.wav", label="x"),
            Change("low/wrong.wav", label=" "),
            Change("low/wrong.wav", label="a\nb"),
            Change("low/wrong.wav", group="x" * 201),
        ],
    )
    def test_decisions_that_make_no_sense(
        self, dataset: Dataset, found: tuple[Item, ...], tmp_path: Path, change: Change
    ) -> None:
        journal = Journal(dataset, tmp_path)
        item = next(i for i in found if i.key == "label low/wrong.wav")
        with pytest.raises(DataError, match="found"):
            journal.decide(item, "relabel", [change])
        assert not journal.log.exists()


def test_neighbours_are_the_clips_that_sound_alike(dataset: Dataset) -> None:
    near = neighbours(dataset, ["mfcc(seconds=0.5)"], None)
    assert near is not None
    place = {c.id: i for i, c in enumerate(dataset.clips)}
    best = near.of(place["high/copy.wav"], range(len(dataset.clips)))
    assert best[0][0] == place["mid/1-0.wav"]
    assert best[0][1] == pytest.approx(1, abs=1e-5)
    assert near.of(place["low/broken.wav"], range(5)) == []


class TestServer:
    @pytest.fixture
    def address(self, dataset: Dataset, found: tuple[Item, ...], tmp_path: Path) -> Iterator[str]:
        app = create_app(dataset, found, Journal(dataset, tmp_path / "out"))
        with running(app) as where:
            yield f"{where}/{app.state.token}"

    def test_only_this_page_may_ask(self, address: str, found: tuple[Item, ...]) -> None:
        said = {"item": found[0].key, "what": "keep", "changes": []}
        base = address.rsplit("/", 1)[0]
        for path in ("", "state", "sound/0", "wrong/state", "page/review.js", "openapi.json"):
            assert get(f"{base}/{path}").status_code == 404
        assert post(f"{base}/decide", json=said).status_code == 404
        assert get(f"{address}/state", headers={"host": "evil.example"}).status_code == 404
        cross = post(f"{address}/decide", json=said, headers={"origin": "http://evil.example"})
        assert cross.status_code == 403
        assert get(f"{address}/state").json()["decisions"] == 0
        own = post(f"{address}/decide", json=said, headers={"origin": base})
        assert own.json()["decisions"] == 1
        page = get(f"{address}/")
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in page.headers["content-security-policy"]

    def test_sounds_by_number(self, address: str, dataset: Dataset, tmp_path: Path) -> None:
        place = {c.id: i for i, c in enumerate(dataset.clips)}
        whole = get(f"{address}/sound/{place['mid/0-0.wav']}")
        assert whole.content == (dataset.clips[place["mid/0-0.wav"]].path).read_bytes()
        part = get(f"{address}/sound/{place['mid/0-0.wav']}", headers={"range": "bytes=0-9"})
        assert (part.status_code, len(part.content)) == (206, 10)
        (number,) = [i for i, c in enumerate(dataset.clips) if c.start]
        (tmp_path / "x.wav").write_bytes(get(f"{address}/sound/{number}").content)
        assert soundfile.info(tmp_path / "x.wav").duration == pytest.approx(1.5)
        assert get(f"{address}/view/{number}").json()["seconds"] == pytest.approx(1.5)
        assert get(f"{address}/view/{place['low/broken.wav']}").status_code == 415
        for wrong in ("999", "-1", "..%2f..%2fetc%2fpasswd"):
            assert get(f"{address}/sound/{wrong}").status_code in (404, 422)

    def test_nonsense_is_told(self, address: str, found: tuple[Item, ...]) -> None:
        for said in (
            {"item": "nix", "what": "keep", "changes": []},
            {"item": found[0].key, "what": "relabel", "changes": [{"clip": found[0].clips[0], "label": "a\nb"}]},
            {"item": found[0].key},
        ):
            assert post(f"{address}/decide", json=said).status_code == 422


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


class TestPage:
    @pytest.fixture
    def page(self, chromium: Browser, dataset: Dataset, found: tuple[Item, ...], tmp_path: Path) -> Iterator[Page]:
        near = neighbours(dataset, ["mfcc(seconds=0.5)"], None)
        app = create_app(dataset, found, Journal(dataset, tmp_path / "out", by="Ada"), near)
        errors: list[str] = []
        with running(app) as where:
            context = chromium.new_context(bypass_csp=True, viewport={"width": 1280, "height": 850})
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on(
                "request", lambda r: None if r.url.startswith(f"{where}/{app.state.token}/") else errors.append(r.url)
            )
            page.goto(f"{where}/{app.state.token}/")
            page.wait_for_selector("#acts button")
            yield page
            context.close()
        assert not errors

    def labels(self, folder: Path) -> dict[str, str]:
        with (folder / "out" / "reviewed.csv").open() as file:
            return {Path(r["path"]).name: r["label"] for r in csv.DictReader(file)}

    def test_a_review_with_the_keyboard_alone(self, page: Page, data: Path, tmp_path: Path) -> None:
        before = digests(data.parent)
        while "wrong.wav" not in page.inner_text("#item"):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(50)
        assert page.inner_text("#item h2").startswith("Labelled “low”, sounds like “high”")
        page.wait_for_selector("#near .sound .stage")
        page.keyboard.press("r")
        page.wait_for_selector("#say:has-text('relabel: done')")
        assert self.labels(tmp_path)["wrong.wav"] == "high"
        page.keyboard.press("u")
        page.wait_for_selector("#say:has-text('Undone')")
        assert "wrong.wav" in page.inner_text("#item")
        assert self.labels(tmp_path)["wrong.wav"] == "low"
        page.keyboard.press("l")
        page.keyboard.type("sparrow")  # also keys that are commands elsewhere
        page.keyboard.press("Enter")
        page.wait_for_selector("#say:has-text('relabel: done')")
        assert self.labels(tmp_path)["wrong.wav"] == "sparrow"

        page.click("nav button:has-text('Duplicates')")
        page.locator(".stage canvas.mel").nth(1).wait_for()
        page.keyboard.press("g")
        page.wait_for_selector("#say:has-text('group: done')")
        page.click("nav button:has-text('Files')")
        assert "unreadable" in page.inner_text("#item h2").lower()
        page.keyboard.press("x")
        page.wait_for_selector("nav button:has-text('Files') .count:text('done')")
        assert "broken.wav" not in self.labels(tmp_path)
        page.reload()
        page.wait_for_selector("#acts button")
        assert page.inner_text("#ahead").startswith("3 of ")
        assert digests(data.parent) == before

    def test_keys_can_be_turned_off_and_space_plays(self, page: Page, tmp_path: Path) -> None:
        page.locator("#item audio").first.evaluate("a => { a.muted = true; }")
        page.wait_for_selector(".stage .over")
        page.locator("#item").focus()
        page.keyboard.press("Space")
        page.wait_for_selector("#item .cursor:not([hidden])", state="attached")
        page.uncheck("#keys")
        page.locator("#item").focus()
        page.keyboard.press("x")
        page.wait_for_timeout(200)
        assert not (tmp_path / "out" / "review.jsonl").exists()

    def test_accessibility(self, page: Page) -> None:
        for kind in ("Labels", "Duplicates", "Files"):
            page.click(f"nav button:has-text('{kind}')")
            page.wait_for_timeout(300)
            assert not serious_findings(page), kind
        page.set_viewport_size({"width": 390, "height": 800})
        page.emulate_media(color_scheme="dark")
        page.click("nav button:has-text('Labels')")
        page.wait_for_selector("#near .stage")
        assert not serious_findings(page)
        assert page.locator("html").evaluate("e => e.scrollWidth") <= 390


def test_the_command_prints_an_address_and_stops_when_told(data: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for m in ('torch','sklearn','scipy','matplotlib','jinja2','pyarrow'):\n"
        "    sys.modules[m] = None\n"
        "from earmark.cli import main\n"
        "main()\n"
    )
    audit = str(data.parent / "audit")
    asked = [sys.executable, "-c", code, "review", str(data), "--audit", audit, "--out", str(tmp_path), "--no-cache"]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stdout.readline())
        assert address, process.communicate()[1]
        with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
            told = client.get(f"{address[0]}state").json()
        assert told["near"] is True
        assert {i["kind"] for i in told["items"]} >= {"labels", "duplicates", "files"}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()


def test_errors_of_the_command(data: Path, tmp_path: Path) -> None:
    out = CliRunner().invoke(main, ["review", str(data)])
    assert (out.exit_code, "wanted a folder for review.jsonl" in out.output) == (1, True)
    out = CliRunner().invoke(main, ["review", str(data), "--audit", str(tmp_path)])
    assert (out.exit_code, "earmark audit DATA" in out.output) == (1, True)
