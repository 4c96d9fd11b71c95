"""The page in a real browser: every way in, what it says, the keyboard, and what a screen reader meets."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

import earmark
from earmark.models.model import Model
from earmark.serve.app import create_app
from serving import RATE, browser, running, serious_findings, tone, write_tones

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

WAIT = 20_000  # milliseconds


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("paged")
    table = write_tones(folder / "tones")
    earmark.train(table, "mfcc(seconds=0.5):mean/logreg", folder / "tones-model", folds=3)
    return earmark.load_model(folder / "tones-model")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def address(model: Model) -> Iterator[str]:
    with running(create_app({"tones": model})) as where:
        yield where


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sound in many formats, and files that are none."""
    import av

    folder = tmp_path_factory.mktemp("files")
    sound = tone(660, 2.5)
    for name in ("a.wav", "a.mp3", "a.flac", "a.ogg", "<img src=x onerror=alert(1)>.wav"):
        soundfile.write(folder / name, sound, RATE, format=name.rsplit(".", 1)[1])
    with av.open(folder / "a.m4a", "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    (folder / "broken.wav").write_bytes(b"RIFF, or so it says")
    (folder / "nothing.wav").write_bytes(b"")
    return folder


@contextmanager
def opened(
    chromium: Browser, address: str, *, width: int = 1280, dark: bool = False, bypass: bool = False
) -> Iterator[Page]:
    """A page on ``address``. It must load nothing from elsewhere and raise no error."""
    context = chromium.new_context(
        viewport={"width": width, "height": 850}, color_scheme="dark" if dark else "light", bypass_csp=bypass
    )
    page = context.new_page()
    page.set_default_timeout(WAIT)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    here = (address.removesuffix("/docs"), "blob:", "data:")
    page.on("request", lambda r: None if r.url.startswith(here) else errors.append(r.url))
    page.goto(address)
    try:
        yield page
        assert not errors
    finally:
        context.close()


def answered(page: Page, count: int) -> None:
    """Wait until ``count`` sounds are done or could not be used."""
    page.wait_for_selector(f"#list li:nth-child({count})")
    page.locator("#list button:is(.waiting, .sent)").first.wait_for(state="detached")


def test_every_format_and_the_table(chromium: Browser, address: str, files: Path, model: Model, tmp_path: Path) -> None:
    names = [
        "a.wav",
        "a.mp3",
        "a.m4a",
        "a.flac",
        "a.ogg",
        "broken.wav",
        "nothing.wav",
        "<img src=x onerror=alert(1)>.wav",
    ]
    with opened(chromium, address) as page:
        page.set_input_files("#files", [files / n for n in names])
        answered(page, len(names))
        for k, name in enumerate(names, 1):
            page.click(f"#list li:nth-child({k}) button")
            title = page.inner_text("#detail-title")
            if name in ("broken.wav", "nothing.wav"):
                assert title == "This sound could not be used"
                assert page.inner_text("#detail .note")
                continue
            assert title in ("mid", "Unknown")  # an encoder takes away what the training sounds had
            assert page.inner_text("#detail .file").startswith(name)
            assert page.locator("#detail audio").evaluate(
                "a => a.readyState > 0 || new Promise(done => { a.onloadedmetadata = () => done(true); a.onerror = () => done(false); })"
            )
        assert page.locator("#list img").count() == 0
        with page.expect_download() as coming:
            page.click("#csv")
        coming.value.save_as(tmp_path / "earmark.csv")
    with (tmp_path / "earmark.csv").open(newline="") as file:
        embeddings = {embedding["path"]: embedding for embedding in csv.DictReader(file)}
    assert list(embeddings) == names
    wanted = model.predict(files / "a.m4a")
    assert {c: float(embeddings["a.m4a"][c]) for c in model.classes} == pytest.approx(dict(wanted.scores), abs=1e-4)
    assert embeddings["a.m4a"]["set"] == "|".join(wanted.set)
    assert {
        embedding["label"] for name, embedding in embeddings.items() if name not in ("broken.wav", "nothing.wav")
    } == {"mid"}
    assert embeddings["broken.wav"]["problem"].startswith("unreadable")


def test_twenty_minutes(chromium: Browser, address: str, tmp_path: Path) -> None:
    rate = 8000
    sound = np.concatenate([tone(220, 600, rate=rate), tone(2000, 600, rate=rate)])
    soundfile.write(tmp_path / "long.flac", sound, rate)
    with opened(chromium, address) as page:
        page.set_input_files("#files", tmp_path / "long.flac")
        page.locator("#list button.done, #list button.unknown").first.wait_for(timeout=60_000)
        assert "20:00" in page.inner_text("#detail .file")
        page.click("summary:has-text('What it predicts when')")
        assert page.locator("#detail .stage canvas").count() == 4
        over = page.locator(".stage .over").bounding_box()
        assert over
        page.mouse.click(over["x"] + over["width"] * 0.75, over["y"] + 40)
        page.wait_for_selector(".cursor output:text-matches('^(14:5|15:0)')")


def test_a_file_that_comes_before_the_models_are_known(chromium: Browser, address: str, files: Path) -> None:
    with opened(chromium, address) as page:
        held: list[Route] = []
        page.route("**/api/models", lambda route: held.append(route))
        page.reload()
        page.set_input_files("#files", files / "a.wav")
        page.wait_for_timeout(200)
        assert page.locator("#list li").count() == 0
        held[0].continue_()
        answered(page, 1)
        assert page.inner_text("#list .name") == "a.wav"
        assert page.locator("#list button:is(.done, .unknown)").count() == 1


def test_record(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as page:
        page.click("#record")
        page.wait_for_selector("#record:text('0:01')")
        assert page.get_attribute("#record", "aria-pressed") == "true"
        page.click("#record")
        answered(page, 1)
        assert page.inner_text("#list .name").startswith("recording ")
        assert page.locator("#list button.failed").count() == 0
        assert page.inner_text("#record") == "Record"


def test_drop_and_playback(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as page:
        page.locator("body").evaluate(
            """body => {
              const rate = 8000, data = new DataView(new ArrayBuffer(44 + 2 * rate * 3));
              const put = (at, text) => [...text].forEach((c, i) => data.setUint8(at + i, c.charCodeAt(0)));
              put(0, "RIFF"); data.setUint32(4, 36 + 2 * rate * 3, true); put(8, "WAVEfmt ");
              data.setUint32(16, 16, true); data.setUint16(20, 1, true); data.setUint16(22, 1, true);
              data.setUint32(24, rate, true); data.setUint32(28, 2 * rate, true); data.setUint16(32, 2, true);
              data.setUint16(34, 16, true); put(36, "data"); data.setUint32(40, 2 * rate * 3, true);
              for (let i = 0; i < rate * 3; i += 1) data.setInt16(44 + 2 * i, 9000 * Math.sin(i / 2) + 900 * Math.random(), true);
              const given = new DataTransfer();
              given.items.add(new File([data.buffer], "dropped.wav", { type: "audio/wav" }));
              body.dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));
            }"""
        )
        answered(page, 1)
        assert page.locator(".stage .cursor").is_hidden()
        page.locator("audio").evaluate("a => { a.muted = true; return a.play(); }")
        page.wait_for_selector(".cursor output:text-matches('^[1-3]')")


def test_the_keyboard_alone(chromium: Browser, address: str, files: Path) -> None:
    with opened(chromium, address) as page:
        # From the beginning: a browser that is told to wait for a chooser does so a moment later.
        page.on("filechooser", lambda chooser: chooser.set_files([files / "a.wav", files / "broken.wav"]))
        page.wait_for_selector("#trust:not([hidden])")

        def focused() -> str:
            found: str = page.locator(":focus").evaluate("e => e.id || e.className || e.tagName")
            return found

        page.keyboard.press("Tab")
        assert focused() == "skip"
        page.keyboard.press("Tab")
        assert focused() == "trust"
        page.keyboard.press("Enter")
        assert page.locator("#facts").is_visible()
        assert "95 % confidence" in page.inner_text("#facts")
        page.keyboard.press("Escape")
        assert page.locator("#facts").is_hidden()
        assert focused() == "trust"
        page.keyboard.press("Tab")
        assert focused() == "choose"
        page.keyboard.press("Enter")
        answered(page, 2)
        page.focus("#csv")
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.inner_text("#detail-title") == "This sound could not be used"
        assert focused() == "detail"
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        assert page.inner_text("#detail-title") == "mid"
        assert page.inner_text("#say").startswith("Done: 1 answered, 1 could not be used")


def test_unknown_is_said_plainly(chromium: Browser, address: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    clicks = np.where(draw.random(RATE * 2) < 0.001, 0.9, 0.0)
    soundfile.write(tmp_path / "clicks.wav", clicks, RATE)
    with opened(chromium, address) as page:
        page.set_input_files("#files", tmp_path / "clicks.wav")
        answered(page, 1)
        assert page.inner_text("#detail-title") == "Unknown"
        assert "unlike the sounds the model was trained on" in page.inner_text("#detail .note")
        assert page.inner_text("#list .said") == "unknown"


def test_progress_is_shown_and_cancel_ends_the_work(
    chromium: Browser, model: Model, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def slow(*args: Any) -> None:
        args[-1].expect(10.0, 2)
        args[-1].at(5.0)
        try:
            while True:
                time.sleep(0.02)
                args[-1].check()
        finally:
            ended.set()

    monkeypatch.setattr("earmark.serve.app.answer", slow)
    with running(create_app({"m": model})) as where, opened(chromium, where) as page:
        page.set_input_files("#files", files / "a.wav")
        page.wait_for_selector("#detail .doing:text('listening') progress[value='0.25']")
        page.click("#detail .cancel")
        assert ended.wait(1)
        page.wait_for_selector("#list button.cancelled")
        assert page.inner_text("#detail-title") == "Cancelled"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_accessibility_and_phone_width(chromium: Browser, address: str, files: Path, width: int, dark: bool) -> None:
    with opened(chromium, address, width=width, dark=dark, bypass=True) as page:
        page.wait_for_selector("#trust:not([hidden])")
        assert not serious_findings(page)
        page.set_input_files("#files", [files / "a.wav", files / "broken.wav", files / "a.m4a"])
        answered(page, 3)
        assert not serious_findings(page)
        page.click("#list li:nth-child(2) button")
        assert not serious_findings(page)
        page.click("#trust")
        assert not serious_findings(page)
        assert page.locator("html").evaluate("e => e.scrollWidth") <= width


def test_a_server_with_a_key(chromium: Browser, model: Model, files: Path) -> None:
    with running(create_app({"one": model, "two": model}, key="sesame")) as where, opened(chromium, where) as page:
        page.fill("#key", "sesame")
        page.keyboard.press("Enter")
        page.wait_for_selector("#trust:not([hidden])")
        page.select_option("#model", "two")
        page.set_input_files("#files", files / "a.wav")
        answered(page, 1)
        assert "predicted by two" in page.inner_text("#detail .file")


def test_the_description_of_the_api(chromium: Browser, address: str) -> None:
    with opened(chromium, f"{address}/docs", width=390, bypass=True) as page:
        page.wait_for_selector("#schemas section")
        titles = page.locator("#operations h3").all_inner_texts()
        assert "POST /api/predict" in titles
        assert page.locator("#operations section:has-text('/api/predict') code:text-is('alpha')").count() == 1
        assert not serious_findings(page)
        assert page.locator("html").evaluate("e => e.scrollWidth") <= 390
