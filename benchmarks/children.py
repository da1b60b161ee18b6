"""Child processes that are measured from outside: what a start costs and what a process holds cannot be seen from within a warm one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.errors import BenchmarkError

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 3600.0
T = TypeVar("T")


def child_says(kind: type[T], module: str, *arguments: str, root: Path = ROOT, timeout_s: float = TIMEOUT_S) -> T:
    """Run a module of a checkout with this interpreter; its last line on stdout is JSON of `kind`.

    Raises:
        BenchmarkError: If it fails, in its own last words.
    """
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, timeout=timeout_s, check=False, env={**os.environ, "PYTHONPATH": path}, cwd=root
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{module} gave no answer in {timeout_s:g} s; is the machine busy?") from error
    if done.returncode != 0:
        raise BenchmarkError(_last_words(done.stderr) or f"{module} ended with {done.returncode}")
    try:
        return msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=kind)
    except (msgspec.DecodeError, IndexError) as error:
        raise BenchmarkError(f"{module} said nothing that can be understood; run 'python -m {module}' to see why") from error


def _last_words(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ")[:300] if lines else ""
