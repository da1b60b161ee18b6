"""Builds an engine in a child process, watched: a limit on time, one on memory, killed when no longer wanted.

The limits are watched from here. RLIMIT_AS would be wrong: CUDA reserves tens of gigabytes of addresses that it never touches. On a Jetson
GPU and CPU share the memory and the GPU's part is not in the child's, so what the machine has left is watched as well.
"""

import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from edge_sdk.errors import EngineError
from edge_sdk.runtime.engine import BuiltEngine
from edge_sdk.runtime.engine_options import EngineOptions
from edge_sdk.runtime.engine_worker import Request

POLL_S = 0.2
SAY_EVERY_S = 10.0
EXIT_S = 10.0  # between the end of the child's stdout and its own
# The child sees the modules its parent sees, and not whatever lies in the working folder.
START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from edge_sdk.runtime.engine_worker import main; sys.exit(main(*map(int, sys.argv[2:])))"
)


class BuildLimits(NamedTuple):
    """When a build is given up: after `time_s`, above `memory_mb` resident, or when the machine has less than `reserve_mb` left."""

    time_s: float = 1800.0
    memory_mb: int = 6144
    reserve_mb: int = 128


DEFAULT_LIMITS = BuildLimits()


def engine_in_child(
    onnx_bytes: bytes,
    options: EngineOptions,
    *,
    timings: bytes = b"",
    limits: BuildLimits = DEFAULT_LIMITS,
    say: Callable[[str], None] = lambda line: None,
    stopped: Callable[[], bool] = lambda: False,
) -> BuiltEngine:
    """`engine_from_onnx`, with a crash, a hang or a want of memory turned into our error.

    Args:
        onnx_bytes: A graph of this project's interface.
        options: How to build.
        timings: Kernel timings of an earlier build on this device.
        limits: When to give up.
        say: Gets a line now and then.
        stopped: Asked a few times a second; True ends the build.

    Raises:
        EngineError: If no engine came out, whatever the reason.
    """
    sha256 = hashlib.sha256(onnx_bytes).hexdigest()
    head = msgspec.json.encode(Request(options, sha256, len(onnx_bytes), len(timings)))
    try:
        with _scratch() as request, _scratch() as result, _scratch() as stderr:
            request.write(head + b"\n" + onnx_bytes + timings)
            request.flush()
            request.seek(0)
            last = _outcome(_started(request, result, stderr), options, limits, say, stopped)
            if "error" in last:
                raise _failure(last, stderr)
            result.seek(0)
            return BuiltEngine(result.read(last["plan"]), result.read(last["timings"]))
    except OSError as error:
        raise EngineError(f"the engine's builder cannot be started: {error.strerror}", reason="build") from error
    except subprocess.TimeoutExpired as error:
        raise EngineError("the engine's builder hangs at its end; try again", reason="crashed") from error


def _started(request: IO[bytes], result: IO[bytes], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    fds = (request.fileno(), result.fileno())
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
        [sys.executable, "-c", START, json.dumps(sys.path), *map(str, (*fds, os.getpid()))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        pass_fds=fds,
        start_new_session=True,  # ^C in the terminal reaches the parent alone, which then ends the child
    )


def _outcome(
    child: subprocess.Popen[bytes],
    options: EngineOptions,
    limits: BuildLimits,
    say: Callable[[str], None],
    stopped: Callable[[], bool],
) -> dict[str, Any]:
    """The child's last word, or how it ended without one. It is gone afterwards: after its word nothing of it is needed."""
    start = said = time.monotonic()
    try:
        for line in _lines(child):
            now, resident_mb = time.monotonic(), _resident_mb(child.pid)
            message = json.loads(line or "{}")
            if "plan" in message or "error" in message:
                return dict(message)
            if "say" in message:
                say(f"{options.precision} engine: {message['say']}")
            elif now - said >= SAY_EVERY_S:
                said = now
                say(f"{options.precision} engine: {now - start:.0f} s, {resident_mb} MB")
            _check(now - start, resident_mb, limits, stopped)
        return {"error": _death(child.wait(EXIT_S)), "reason": "crashed"}
    finally:
        _kill(child)


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """The child's lines as they come, None whenever there is none for `POLL_S`; ends with the child's stdout."""
    assert child.stdout is not None
    rest = b""
    while True:
        if not select.select([child.stdout], [], [], POLL_S)[0]:
            yield None
            continue
        data = os.read(child.stdout.fileno(), 65536)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode() for line in whole)


def _check(elapsed_s: float, resident_mb: int, limits: BuildLimits, stopped: Callable[[], bool]) -> None:
    if stopped():
        raise EngineError("the engine's build was stopped", reason="stopped")
    if elapsed_s > limits.time_s:
        raise EngineError(
            f"the engine was not built in {limits.time_s:g} s; raise --timeout-s or lower --optimisation-level", reason="timeout"
        )
    if resident_mb > limits.memory_mb:
        raise EngineError(
            f"the engine's build took {resident_mb} MB, allowed are {limits.memory_mb}; lower --workspace-mb", reason="memory"
        )
    available_mb = _available_mb()
    if available_mb is not None and available_mb < limits.reserve_mb:
        raise EngineError(f"the engine's build left {available_mb} MB on this machine; close other programs", reason="memory")


def _failure(last: dict[str, Any], stderr: IO[bytes]) -> EngineError:
    """The child's reason; after a crash with the last line of its stderr, which is all there is to go by."""
    text = str(last["error"])
    if last["reason"] == "crashed":
        stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - 4096))
        lines = stderr.read().decode("utf-8", "replace").strip().splitlines()
        text += f" ({' '.join(lines[-1].split())[:200]})" if lines else ""
    return EngineError(text, reason=str(last["reason"]))


def _death(code: int) -> str:
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return f"the engine's builder ended {how} before it was done; see that driver, CUDA and TensorRT belong together"


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started."""
    if child.returncode is None:  # not yet waited for, so the number is still its own
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _scratch() -> IO[bytes]:
    """A nameless file, in memory where the system can: the disk of a robot may be full or read-only."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("sewer-edge-engine"), "w+b")
    return tempfile.TemporaryFile()


def _resident_mb(pid: int) -> int:
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") // 1024


def _available_mb() -> int | None:
    kilobytes = _kilobytes(Path("/proc/meminfo"), "MemAvailable:")
    return kilobytes // 1024 if kilobytes else None


def _kilobytes(path: Path, field: str) -> int:
    """A field of a file in /proc; 0 where there is none (no Linux, or the process has just ended)."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)
