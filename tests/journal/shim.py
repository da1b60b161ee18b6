"""Compiles `faults.c` and runs children under it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

HERE = Path(__file__).parent


@contextmanager
def memory_folder(otherwise: Path) -> Iterator[Path]:
    """A folder in memory where there is such a place: hundreds of runs that wait for a real disk prove nothing more."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield otherwise
        return
    with TemporaryDirectory(dir=memory) as name:
        yield Path(name)


def build_shim(folder: Path) -> Path:
    """The shared library; skips the test where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    library = folder / "journal_faults.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "faults.c"), "-ldl"], check=True)
    return library


def run_child(shim: Path, folder: Path, mode: str, *numbers: int, trace: Path | None = None) -> list[dict[str, Any]]:
    """Run a mode of `fault_child.py` with faults below `folder`; returns its JSON lines."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{HERE.parent}", "LD_PRELOAD": str(shim)}
    environment |= {"JOURNAL_FAULTS_ROOT": str(folder.resolve()), **({"JOURNAL_FAULTS_TRACE": str(trace)} if trace else {})}
    command = [sys.executable, str(HERE / "fault_child.py"), mode, str(folder.resolve()), *map(str, numbers)]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert child.returncode == 0, child.stderr
    return [json.loads(line) for line in child.stdout.splitlines()]
