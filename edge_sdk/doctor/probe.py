"""Asking a library what it is, in a child process with a time limit: a broken GPU library ends a process, or hangs in its driver.

Nothing but the standard library is imported here: the doctor must come even where numpy is what is broken.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

TIMEOUT_S = 60.0


class Answer(NamedTuple):
    """What a probe said: its JSON value, or None and why not, in one line."""

    value: Any
    trouble: str | None


def ask(code: str, *, timeout_s: float = TIMEOUT_S) -> Answer:
    """Run Python code in a child; its last line of output must be JSON.

    Args:
        code: The program.
        timeout_s: The child is killed after this.
    """
    environment = {"ORT_DISABLE_TELEMETRY": "1", **os.environ, "PYTHONPATH": os.pathsep.join(_search_path())}  # see edge_sdk.runtime
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own lines
            [sys.executable, "-c", code], capture_output=True, timeout=timeout_s, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        return Answer(None, f"no answer in {timeout_s:g} s")
    except OSError as error:
        return Answer(None, f"no child process: {error.strerror}")
    if done.returncode == 0:
        try:
            return Answer(json.loads(done.stdout.decode("utf-8", "replace").strip().splitlines()[-1]), None)
        except (ValueError, IndexError):
            return Answer(None, "it said nothing that can be understood")
    return Answer(None, _last_words(done.stderr) if done.returncode > 0 else f"crashed with {signal.Signals(-done.returncode).name}")


def _search_path() -> list[str]:
    """This process's module path; what is relative to a working folder that was deleted is left out."""
    try:
        here = Path.cwd()
    except OSError:
        return [entry for entry in sys.path if Path(entry).is_absolute()]
    return [str(here / entry) for entry in sys.path]  # "" is the working folder


def output_of(*command: str, timeout_s: float = 10.0) -> str | None:
    """What a program prints on stdout; None if it is not there, fails or takes too long."""
    try:
        done = subprocess.run(list(command), capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def _last_words(stderr: bytes) -> str:
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "failed without a word"
