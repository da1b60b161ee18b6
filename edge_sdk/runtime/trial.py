"""A first try of a GPU runtime in a child process that may die.

Loading a model on a GPU runs a vendor's native code: drivers that do not fit, a broken installation or a damaged cache end the process
instead of raising. The child creates the session and runs a frame; if it comes back, the parent does the same. That a graph came through
on this machine, with this driver and library, is remembered, so that a robot pays for it once.

The child reads the graph from stdin and writes lines to stdout: `say <text>` for people, at the end `done` or `failed <json>`. Every
other line, and all of stderr, is the libraries' chatter; its end says most about a crash.
"""

import ctypes
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.runtime.failure import LOADER_CRASHED, LOADER_TIMED_OUT, LinkFailure, failure_from_error
from edge_sdk.runtime.links import LINKS, Link, Say
from edge_sdk.runtime.machine import fingerprint, version_of
from edge_sdk.runtime.remembered import recall, remember

MEMORY = "trials"
CHATTER_LINES = 3
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_DISTRIBUTIONS = {"tensorrt": ("tensorrt",), "cuda": ("onnxruntime-gpu", "onnxruntime")}


def try_in_child(link: Link, onnx_bytes: bytes, spec: PreprocessSpec, *, precision: str, say: Say) -> None:
    """Try a link in a child process, unless this graph has passed on this machine before.

    Raises:
        LinkFailure: With the child's own reason, or that it crashed or took too long.
    """
    key = _key(link, onnx_bytes, precision)
    if recall(MEMORY, key) == "passed":
        return
    command = [sys.executable, "-m", "edge_sdk.runtime.trial", link.name, precision, str(spec.height), str(spec.width)]
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100 - "" is the working directory
    environment = {**os.environ, "PYTHONPATH": path}
    say(f"trying {link.name} in a process of its own; the first time may take minutes")
    with _child(command, environment) as process:
        timer = threading.Timer(link.trial_s or 0.0, process.kill)
        timer.start()
        try:
            outcome = _listen(process, onnx_bytes, say)
            code = process.wait()
            expired = not timer.is_alive()
        finally:
            timer.cancel()
            process.kill()
    if expired:
        raise LinkFailure("create", LOADER_TIMED_OUT, f"loading it was stopped after {link.trial_s:g} s")
    if isinstance(outcome, LinkFailure):
        raise outcome
    if outcome is not None or code != 0:
        raise LinkFailure("create", LOADER_CRASHED, f"loading it ended a trial process with {_death(code)}: {outcome or 'no last words'}")
    remember(MEMORY, key, "passed")


def _child(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        )
    except OSError as error:
        raise LinkFailure("create", "no_trial", f"a trial process cannot be started: {error.strerror}") from error


def _listen(process: "subprocess.Popen[bytes]", onnx_bytes: bytes, say: Say) -> LinkFailure | str | None:
    """None if the child was done; else its failure, or its last words."""
    assert process.stdin is not None and process.stdout is not None
    for step in (lambda: process.stdin.write(onnx_bytes), process.stdin.close):
        with suppress(BrokenPipeError):  # died before it read: its exit code says so
            step()
    return _outcome(process.stdout, say)


def _outcome(stdout: IO[bytes], say: Say) -> LinkFailure | str | None:
    chatter: deque[str] = deque(maxlen=CHATTER_LINES)
    for raw in stdout:
        word, _, rest = raw.decode("utf-8", "replace").strip().partition(" ")
        if word == "done":
            return None
        if word == "failed":
            return LinkFailure(*json.loads(rest))
        if word == "say":
            say(rest)
        elif word:
            chatter.append(f"{word} {rest}")
    return " / ".join(chatter)


def _death(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _key(link: Link, onnx_bytes: bytes, precision: str) -> str:
    versions = version_of(*_DISTRIBUTIONS.get(link.name, ()))
    parts = (link.name, precision, fingerprint(), versions, hashlib.sha256(onnx_bytes).hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def main(arguments: Iterable[str]) -> None:
    """The child: create, run, report."""
    name, precision, height, width = arguments
    onnx_bytes = sys.stdin.buffer.read()  # first of all: the parent writes it before it listens
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed parent must not leave an engine build behind

    from edge_sdk.runtime.proof import warm_up

    try:
        session = LINKS[name].create(lambda: onnx_bytes, precision=precision, threads=None, say=lambda line: _tell(f"say {line}"))
        warm_up(session, PreprocessSpec(height=int(height), width=int(width)), num_runs=1)
    except Exception as error:  # whatever it is, the parent must hear it
        failure = failure_from_error(error, "create", otherwise="create_failed")
        _tell("failed " + json.dumps([failure.stage, failure.reason, failure.detail]))
    else:
        _tell("done")
    sys.stdout.flush()
    os._exit(0)  # vendors' libraries may crash while the interpreter ends; the question is answered


def _tell(line: str) -> None:
    print(f"\n{line}", flush=True)  # noqa: T201 - stdout is the wire to the parent


if __name__ == "__main__":
    main(sys.argv[1:])
