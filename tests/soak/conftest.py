"""How long a soak lasts: the figures of a change request unless more is asked for (a night: `--soak-minutes 480`)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from soak.plan import Plan

MINUTES = 10.0
SHARE = {"steady": 1.0, "reload": 0.3, "consumers": 0.3}  # of the minutes


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak-minutes", type=float, default=MINUTES, help=f"how long the soak with a camera lasts ({MINUTES:g})")
    parser.addoption("--soak-out", type=Path, help="folder for the figures of soaks; else they go with the test's folder")


@pytest.fixture
def soak_s(request: pytest.FixtureRequest) -> Callable[[str], float]:
    """Seconds that a soak lasts, by its kind."""
    minutes = request.config.getoption("--soak-minutes", default=MINUTES)
    return lambda kind: 60 * minutes * SHARE[kind]


@pytest.fixture
def soak_out(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a soak's figures go."""
    folder = Path(request.config.getoption("--soak-out", default=None) or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def tiny_plan(tmp_path: Path, bundle_path: Path, trust: Path) -> Callable[..., Plan]:
    """A plan with the tiny model."""
    return lambda **fields: Plan(out=str(tmp_path / "run"), bundle=str(bundle_path), key=str(trust), **fields)
