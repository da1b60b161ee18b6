"""The robot's package on the Pythons and library versions that robots have: install the wheel, run the demo drive's model.

Needs python3.10, python3.11 and python3.12 on the PATH (each is skipped where it is missing) and a package index.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tiny
from edge_sdk.records import inspection_from_json

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow

# JetPack 6 stands for the oldest: Python 3.10, numpy 1.26, OpenCV 4.8.
ENVIRONMENTS = [
    ("python3.10", ["numpy==1.26.4", "opencv-python-headless==4.8.1.78"]),
    ("python3.10", []),
    ("python3.11", []),
    ("python3.12", ["numpy==1.26.4"]),
    ("python3.12", []),
]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)], cwd=ROOT, check=True)
    (path,) = out.glob("*.whl")
    return path


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "", **(env or {})})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("python", "pins"), ENVIRONMENTS, ids=lambda value: value if isinstance(value, str) else "+".join(value) or "newest"
)
def test_the_wheel_installs_and_passes_its_golden_frames(python: str, pins: list[str], wheel: Path, tmp_path: Path) -> None:
    if shutil.which(python) is None:
        pytest.skip(f"{python} is not on the PATH")
    run(python, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv/bin/python", "-m", "pip", "install", "--quiet", wheel, *pins)

    check_model_and_film(tmp_path / "venv/bin/sewer-edge", tmp_path)


def check_model_and_film(sewer_edge: Path, tmp_path: Path, env: dict[str, str] | None = None) -> None:
    """The golden frames pass, a film is read, placed and reported, and an annotated film is written."""
    assert "passed" in run(sewer_edge, "selftest", env=env)
    film = tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.GREY, height=288, width=352)] * 20)
    (tmp_path / "odometer.csv").write_text("frame,distance_m\n0,0\n19,0.2\n")
    run(sewer_edge, "run", film, "--odometer", tmp_path / "odometer.csv", "--out", tmp_path / "out", env=env)
    inspection = inspection_from_json((tmp_path / "out" / "report.json").read_bytes())
    assert (inspection.status, inspection.accounting.processed) == ("complete", 20)
    assert (tmp_path / "out" / "annotated.mp4").stat().st_size > 0


def test_system_packages_survive_the_install(wheel: Path, tmp_path: Path) -> None:
    """As on a Jetson: cv2 and numpy belong to the system, cv2 without any trace in pip's records."""
    python = "python3.10"
    if shutil.which(python) is None:
        pytest.skip(f"{python} is not on the PATH")
    system = {"PYTHONUSERBASE": str(tmp_path / "system"), "PYTHONNOUSERSITE": ""}
    run(python, "-m", "pip", "install", "--quiet", "--user", "numpy==1.26.4", "opencv-python-headless==4.8.1.78", env=system)
    for record in (tmp_path / "system").rglob("opencv_python_headless-*.dist-info"):
        shutil.rmtree(record)
    run(python, "-m", "venv", "--system-site-packages", tmp_path / "venv", env=system)
    pip = [tmp_path / "venv/bin/python", "-m", "pip", "install", "--quiet"]

    run(*pip, "--no-deps", wheel, env=system)
    run(*pip, "onnxruntime", "pyyaml", "msgspec", "cryptography", env=system)

    where = "import cv2, numpy; print(cv2.__version__, numpy.__version__, cv2.__file__, numpy.__file__)"
    versions = run(tmp_path / "venv/bin/python", "-c", where, env=system)
    assert versions.startswith("4.8.1 1.26.4") and versions.count(str(tmp_path / "system")) == 2
    check_model_and_film(tmp_path / "venv/bin/sewer-edge", tmp_path, env=system)
