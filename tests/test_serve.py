"""The API: its answers are the model's, its refusals are clear, its limits hold."""

from __future__ import annotations

import base64
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

import earmark
from earmark.serve import schema
from earmark.serve.app import create_app
from earmark.serve.limits import Limits
from earmark.serve.upload import plain
from earmark.web.view import BANDS, COLUMNS, view
from serving import RATE, get, post, running, tone, write_tones


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    table = write_tones(folder / "tones")
    earmark.train(table, "mfcc(seconds=0.5):mean/logreg", folder / "tones-model", folds=3)
    return folder / "tones-model"


@pytest.fixture(scope="module")
def sound(model: Path) -> Path:
    return model.parent / "tones" / "mid" / "0-1.wav"


@pytest.fixture(scope="module")
def served(model: Path) -> Iterator[str]:
    loaded = earmark.load_model(model)
    limits = Limits(bytes=2 * 2**20, seconds=60, workers=2, waiting=8)
    with running(create_app({"tones": loaded, "again": loaded}, limits=limits)) as address:
        yield address


def encoded(samples: np.ndarray, form: str, subtype: str | None = None, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form, subtype=subtype)
    return out.getvalue()


def adts(samples: np.ndarray) -> bytes:
    """Bare AAC: no header that says how long it is."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return out.getvalue()


def refusal(answer: httpx.Response) -> dict[str, str]:
    """The body of an error, which must be whole."""
    told = schema.Refusal.model_validate_json(answer.content).error
    assert all((told.code, told.message, told.found, told.do)), told
    return told.model_dump()


def head_of(address: str, head: str) -> socket.socket:
    """A raw connection on which the head of a request was sent."""
    host, port = address.removeprefix("http://").split(":")
    link = socket.create_connection((host, int(port)), timeout=20)
    link.sendall(head.replace("\n", "\r\n").encode())
    return link


def read_all(link: socket.socket) -> str:
    parts = []
    while part := link.recv(65536):
        parts.append(part)
    return b"".join(parts).decode()


class TestAnswers:
    @pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
    @pytest.mark.parametrize("way", ["form", "body"])
    def test_scores_are_those_of_predict(self, served: str, model: Path, tmp_path: Path, kind: str, way: str) -> None:
        content = encoded(tone(660, 2.3), kind)
        (tmp_path / "sound").write_bytes(content)
        wanted = earmark.load_model(model).predict(tmp_path / "sound")
        if way == "form":
            answer = post(f"{served}/api/predict", files={"file": ("a.wav", content)})
        else:
            answer = post(f"{served}/api/predict", content=content)
        told = schema.Answer.model_validate_json(answer.content)
        assert told.label == wanted.label == "mid"
        assert told.scores == pytest.approx(dict(wanted.scores), abs=1e-4)
        assert told.set == list(wanted.set)
        assert told.unknown == wanted.unknown
        assert told.seconds == pytest.approx(2.3, abs=0.1)

    def test_timeline(self, served: str, model: Path, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "two.wav", np.concatenate([tone(220, 3), tone(2000, 3)]), RATE)
        wanted = earmark.load_model(model).timeline(tmp_path / "two.wav", seconds=1.0)
        answer = post(
            f"{served}/api/predict?timeline=true&seconds=1&model=again", content=(tmp_path / "two.wav").read_bytes()
        )
        told = schema.Answer.model_validate_json(answer.content)
        assert told.model == "again"
        assert told.timeline is not None
        assert [(p.start, p.end, p.label) for p in told.timeline] == [(p.start, p.end, p.label) for p in wanted]
        for piece, right in zip(told.timeline, wanted, strict=True):
            assert piece.scores == pytest.approx(dict(right.scores), abs=1e-4)

    def test_a_timeline_never_has_more_than_2000_pieces(self, served: str, sound: Path) -> None:
        content = encoded(tone(660, 59), "FLAC")
        answer = post(f"{served}/api/predict?timeline=1&seconds=0.05", content=content, timeout=60)
        assert len(answer.json()["timeline"]) == pytest.approx(59 / 0.05, abs=20)
        assert answer.json()["alpha"] == pytest.approx(0.1)
        plain_ = post(f"{served}/api/predict?set=false", content=sound.read_bytes()).json()
        assert plain_["set"] is None
        wide = post(f"{served}/api/predict?alpha=0.01", content=sound.read_bytes()).json()
        assert wide["alpha"] == 0.01
        assert wide["set"] == ["mid", *wide["set"][1:]]
        assert len(wide["set"]) == 3  # 18 groups cannot promise one miss in a hundred: nothing is excluded
        assert plain_["alpha"] is None

    def test_view(self, served: str, sound: Path) -> None:
        answer = post(f"{served}/api/predict?view=true", content=sound.read_bytes())
        picture = schema.Answer.model_validate_json(answer.content).view
        assert picture is not None
        mel = np.frombuffer(base64.b64decode(picture.mel), np.uint8).reshape(picture.columns, picture.bands)
        outline = np.frombuffer(base64.b64decode(picture.outline), np.int8).reshape(picture.columns, 2)
        assert mel.max() == 255
        assert abs(int(outline.max()) - 127 * 0.4) < 20
        assert picture.columns * picture.step == pytest.approx(picture.seconds, abs=2 * picture.step)

    def test_models(self, served: str) -> None:
        told = schema.Models.model_validate_json(get(f"{served}/api/models").content)
        assert [m.name for m in told.models] == ["tones", "again"]
        assert told.limits.seconds == 60
        one = schema.Facts.model_validate_json(get(f"{served}/api/model?model=again").content)
        assert one.labels == ["high", "low", "mid"]
        accuracy = one.measured.scores["accuracy"]
        assert accuracy.low is not None
        assert accuracy.value is not None
        assert accuracy.low <= accuracy.value
        assert one.measured.protocol == "groups"
        assert one.measured.meaning.startswith("A group")
        assert one.parts[0].name == "mfcc"
        assert one.calibration is not None
        assert one.calibration.alpha == 0.1
        assert one.unknown_rate is not None

    def test_state_metrics_and_headers(self, served: str, sound: Path) -> None:
        assert get(f"{served}/healthz").json() == {"status": "alive"}
        assert get(f"{served}/readyz").json() == {"status": "ready"}
        post(f"{served}/api/predict", content=sound.read_bytes())
        text = get(f"{served}/metrics").text
        assert re.search(r'earmark_labels_total\{label="mid",model="tones"\} [1-9]', text)
        assert re.search(r'earmark_requests_total\{method="POST",path="/api/predict",status="200"\} [1-9]', text)
        page = get(f"{served}/")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert get(f"{served}/", headers={"if-none-match": page.headers["etag"]}).status_code == 304
        assert "access-control-allow-origin" not in page.headers


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            (b"", 422, "empty"),
            (b"hello, I am no sound", 415, "unreadable"),
            (b"PK\x03\x04" + bytes(2000), 415, "unreadable"),
            (b"RIFF\xff\xff\xff\xffWAVEfmt ", 415, "unreadable"),
            (b"fLaC" + bytes(200), 415, "unreadable"),
            (encoded(np.zeros(RATE), "WAV"), 422, "silent"),
            (encoded(tone(440, 0.02), "WAV"), 422, "too_short"),
            (encoded(tone(440, 0.02)[:0], "WAV"), 422, "empty"),
        ],
    )
    def test_what_is_no_sound(self, served: str, content: bytes, status: int, code: str) -> None:
        for sent in ({"files": {"file": ("x.wav", content)}}, {"content": content}):
            answer = post(f"{served}/api/predict", **sent)  # type: ignore[arg-type]
            assert (answer.status_code, refusal(answer)["code"]) == (status, code)

    @pytest.mark.parametrize(
        ("path", "sent", "status", "code"),
        [
            ("predict?model=nix", {"content": b"x"}, 404, "no_such_model"),
            ("predict?timeline=perhaps", {"content": b"x"}, 422, "wrong_option"),
            ("predict?seconds=0", {"content": b"x"}, 422, "wrong_option"),
            ("predict?seconds=nan", {"content": b"x"}, 422, "wrong_option"),
            ("predict", {"json": {"file": "a.wav"}}, 415, "not_a_sound"),
            ("predict", {"files": {"sound": ("a.wav", b"x")}}, 422, "empty"),
            ("predict", {"files": [("file", ("a", b"x")), ("file", ("b", b"x"))]}, 400, "bad_form"),
            ("predict", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "bad_form"),
            ("nix", {"content": b"x"}, 404, "not_found"),
            ("models", {"content": b"x"}, 405, "wrong_method"),
        ],
    )
    def test_wrong_requests(self, served: str, path: str, sent: dict[str, object], status: int, code: str) -> None:
        answer = post(f"{served}/api/{path}", **sent)  # type: ignore[arg-type]
        assert (answer.status_code, refusal(answer)["code"]) == (status, code)

    def test_names_are_only_shown(self, served: str, sound: Path) -> None:
        name = "../../etc/\\..\\<b>pass\x07wd</b>.wav"
        answer = post(f"{served}/api/predict", files={"file": (name, sound.read_bytes())})
        assert answer.json()["file"] == "b>.wav"
        assert plain("..\\..\\boot.ini") == "boot.ini"
        assert plain("a\n\x00b\u202ec.wav") == "abc.wav"
        assert plain("../") == "sound"
        assert len(plain("x" * 5000)) == 200

    def test_an_upload_of_10_gb_is_refused_before_it_is_read(self, served: str) -> None:
        head = "POST /api/predict HTTP/1.1\nHost: x\nContent-Length: 10000000000\n\n"
        with head_of(served, head) as link:
            began = time.monotonic()
            link.sendall(b"RIFF")
            told = read_all(link)
        assert told.startswith("HTTP/1.1 413")
        assert "9537 MiB; wanted at most 2 MiB" in told
        assert time.monotonic() - began < 10

    def test_more_bytes_than_were_told_are_refused_while_they_come(self, served: str) -> None:
        def body() -> Iterator[bytes]:
            for _ in range(100):
                yield bytes(2**16)

        answer = post(f"{served}/api/predict", content=body())
        assert (answer.status_code, refusal(answer)["code"]) == (413, "too_many_bytes")

    @pytest.mark.parametrize(
        "make",
        [
            lambda: encoded(np.zeros(8000 * 7200, np.int16), "FLAC", rate=8000),
            lambda: encoded(0.1 * np.ones(8000 * 90), "OGG", rate=8000),
            lambda: encoded(tone(440, 90), "MP3"),
            lambda: adts(tone(440, 90)),
        ],
        ids=["2 h in a small FLAC", "Ogg", "MP3", "AAC without a length"],
    )
    def test_small_files_that_hold_too_much(self, served: str, make) -> None:  # type: ignore[no-untyped-def]
        content = make()
        assert len(content) < 2 * 2**20
        answer = post(f"{served}/api/predict", content=content, timeout=60)
        assert (answer.status_code, refusal(answer)["code"]) == (413, "too_long")

    def test_damaged_files_are_answered_or_refused(self, served: str) -> None:
        """Never a fault of the server, whatever bytes come; 1500 such files were tried when this was written."""
        draw = np.random.default_rng(0)
        whole = [encoded(tone(660, 0.5), form) for form in ("WAV", "FLAC", "OGG", "MP3", "AIFF", "W64")]
        whole.append(adts(tone(660, 0.5)))
        for k in range(70):
            content = bytearray(whole[k % len(whole)])
            for at in draw.integers(0, min(len(content), (64, 512, 10**6)[k % 3]), size=(1, 5, 30)[k // 3 % 3]):
                content[at] = draw.choice([0, 255, int(draw.integers(256))])
            answer = post(f"{served}/api/predict?view=true&timeline=true", content=bytes(content))
            assert answer.status_code in (200, 413, 415, 422), (k, answer.text)

    def test_a_fault_is_told_with_a_number(
        self, model: Path, sound: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fault(*args: object) -> None:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr("earmark.serve.app.answer", fault)
        with running(create_app({"m": earmark.load_model(model)})) as address:
            answer = post(f"{address}/api/predict", content=sound.read_bytes())
        assert (answer.status_code, refusal(answer)["code"]) == (500, "fault")
        assert answer.headers["x-request-id"] in answer.text
        assert "secret" not in answer.text
        assert "ZeroDivisionError" in caplog.text

    def test_a_header_that_claims_hours(self, served: str) -> None:
        content = bytearray(encoded(tone(440, 1), "FLAC"))
        content[21] |= 0x0F  # total samples, 36 bits of the stream's facts
        content[22:26] = b"\xff\xff\xff\xff"
        answer = post(f"{served}/api/predict", content=bytes(content))
        assert (answer.status_code, refusal(answer)["code"]) == (413, "too_long")


class TestLimits:
    def test_slow_clients(self, model: Path) -> None:
        limits = Limits(patience=0.5, pace=1e6)
        with running(create_app({"m": earmark.load_model(model)}, limits=limits)) as address:
            with head_of(address, "POST /api/predict HTTP/1.1\nHost: x\nContent-Length: 1000\n\n") as link:
                link.sendall(b"RIFF")
                told = read_all(link)
            assert told.startswith("HTTP/1.1 408")
            assert "4 bytes in" in told

    def test_a_connection_that_says_nothing_is_closed(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("earmark.web.server.HEADER_SECONDS", 0.3)
        with running(create_app({"m": earmark.load_model(model)})) as address:
            with head_of(address, "POST /api/pred") as link:
                assert link.recv(10) == b""
            with head_of(address, "GET /healthz HTTP/1.1\nHost: x\n\n") as link:
                told = b""
                while not told.endswith(b'{"status":"alive"}'):
                    told += link.recv(65536)
                link.sendall(b"GET /health")
                assert link.recv(10) == b""

    def test_a_full_line_and_work_that_takes_too_long(
        self, model: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go, begun = threading.Event(), threading.Event()

        def stuck(*args: object) -> None:
            begun.set()
            go.wait(10)
            args[-1].check()  # type: ignore[attr-defined]

        monkeypatch.setattr("earmark.serve.app.answer", stuck)
        limits = Limits(workers=1, waiting=1, timeout=2)
        found: list[httpx.Response] = []

        def ask(address: str) -> None:
            found.append(post(f"{address}/api/predict", content=sound.read_bytes(), timeout=20))

        with running(create_app({"m": earmark.load_model(model)}, limits=limits)) as address:
            threads = [threading.Thread(target=ask, args=(address,)) for _ in range(2)]
            threads[0].start()
            assert begun.wait(5)
            threads[1].start()
            time.sleep(0.3)
            third = post(f"{address}/api/predict", content=sound.read_bytes())
            assert (third.status_code, refusal(third)["code"]) == (503, "busy")
            assert int(third.headers["retry-after"]) >= 1
            assert get(f"{address}/healthz").status_code == 200
            assert get(f"{address}/readyz").status_code == 503
            for thread in threads:
                thread.join(20)
            assert [(r.status_code, refusal(r)["code"]) for r in found] == [(504, "took_too_long"), (503, "busy")]
            go.set()

    def test_what_nobody_waits_for_is_dropped(self, model: Path, sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[object] = []
        begun = threading.Event()

        def slow(*args: object) -> None:
            begun.set()
            try:
                for _ in range(100):
                    time.sleep(0.05)
                    args[-1].check()  # type: ignore[attr-defined]
            except earmark.EarmarkError as error:
                told.append(error)
                raise

        monkeypatch.setattr("earmark.serve.app.answer", slow)
        with running(create_app({"m": earmark.load_model(model)})) as address:
            with pytest.raises(httpx.ReadTimeout):
                post(f"{address}/api/predict", content=sound.read_bytes(), timeout=0.5)
            assert begun.is_set()
            time.sleep(1)
            assert len(told) == 1
            assert "earmark_inside 0.0" in get(f"{address}/metrics").text

    def test_key(self, model: Path, sound: Path) -> None:
        with running(create_app({"m": earmark.load_model(model)}, key="sésame")) as address:
            for path in ("api/models", "metrics"):
                assert get(f"{address}/{path}").status_code == 401
                assert get(f"{address}/{path}", headers={"x-api-key": "wrong"}).status_code == 401
                answer = get(f"{address}/{path}", headers={"authorization": "Bearer sésame".encode()})
                assert answer.status_code == 200
            refused = post(f"{address}/api/predict", content=sound.read_bytes())
            assert (refused.status_code, refusal(refused)["code"]) == (401, "no_key")
            assert refused.headers["www-authenticate"] == "Bearer"
            assert get(f"{address}/").status_code == get(f"{address}/healthz").status_code == 200

    def test_requests_at_work_end_before_the_server_does(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        begun = threading.Event()
        said = {"label": "x", "score": 1.0, "seconds": 1.0, "unknown": False}

        def slow(*args: object) -> dict[str, object]:
            begun.set()
            time.sleep(1)
            return said

        monkeypatch.setattr("earmark.serve.app.answer", slow)
        found: list[httpx.Response] = []
        with running(create_app({"m": earmark.load_model(model)})) as address:
            thread = threading.Thread(
                target=lambda: found.append(post(f"{address}/api/predict", content=b"x", timeout=10))
            )
            thread.start()
            assert begun.wait(5)
        thread.join(10)
        assert found[0].json() == said


def test_views_are_small_whatever_the_length(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.concatenate([tone(300, 100), tone(3000, 100)]), RATE)
    seen = view(str(tmp_path / "long.flac"))
    assert COLUMNS <= len(seen.mel) <= 2 * COLUMNS
    assert seen.mel.shape[1] == BANDS
    assert len(seen.outline) == len(seen.mel)
    assert seen.seconds == pytest.approx(200)
    half = len(seen.mel) // 2
    loudest = seen.mel.argmax(axis=1)
    assert np.all(loudest[: half - 3] < BANDS // 3)
    assert np.all(loudest[half + 3 : -3] > BANDS // 2)
    assert np.all(seen.outline[:-1, 1] > 30)
    soundfile.write(tmp_path / "short.wav", tone(300, 0.2), RATE)
    assert view(str(tmp_path / "short.wav")).seconds == pytest.approx(0.2)


def test_the_command_needs_no_training_packages_and_stops_when_told(model: Path, sound: Path) -> None:
    """In a process that cannot import the extra 'train': start, answer, log, stop on SIGTERM."""
    code = (
        "import sys\n"
        "for m in ('torch','sklearn','scipy','skorch','onnx','skl2onnx','matplotlib','jinja2','markupsafe','pyarrow','pandas'):\n"
        "    sys.modules[m] = None\n"
        "from earmark.cli import main\n"
        "main(['serve', 'one=' + sys.argv[1], sys.argv[1], '--port', '0', '--grace', '5'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(model)], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.search(r"http://\S+/", first)
        assert found, first + process.stderr.read()
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"{found[0]}readyz", timeout=5):
                    break
            except OSError:
                time.sleep(0.1)
        request = urllib.request.Request(f"{found[0]}api/predict?model=one&view=1", sound.read_bytes())
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer)["label"] == "mid"
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    lines = [json.loads(line) for line in rest.splitlines()]
    (told,) = [line for line in lines if line.get("path") == "/api/predict"]
    assert told["status"] == 200
    assert told["label"] == "mid"
    assert told["bytes"] == sound.stat().st_size
    assert process.returncode in (0, -signal.SIGTERM)  # uvicorn ends by the signal it caught
