"""The child process that builds an engine: what crashes, hangs or eats memory here does not take the robot with it.

It reads the request from one file descriptor, writes the result to another and says lines of JSON on stdout:
{"say": text}, then {"plan": bytes, "timings": bytes} or {"error": text, "reason": word}. A new engine is loaded and run once before it
is handed over: a plan in the cache has therefore run on this very device and software.
"""

import ctypes
import hashlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable

import msgspec

from edge_sdk.errors import ContractError, EdgeSdkError, EngineError
from edge_sdk.runtime.engine_options import EngineOptions
from edge_sdk.runtime.tensorrt import one_line

PR_SET_PDEATHSIG = 1  # prctl(2)


class Request(msgspec.Struct, frozen=True):
    """The head of what the parent writes, one line of JSON; the graph and the timings follow as bytes."""

    options: EngineOptions
    onnx_sha256: str
    onnx_bytes: int
    timings_bytes: int


def main(request_fd: int, result_fd: int, parent: int) -> int:
    """Build what is asked for; 0 if the result is written, 1 if a reason was said."""
    tell = _teller()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not fill the disk
    _die_with(parent)
    try:
        with os.fdopen(request_fd, "rb") as file:
            request = msgspec.json.decode(file.readline(), type=Request)
            onnx, timings = file.read(request.onnx_bytes), file.read(request.timings_bytes)
        if hashlib.sha256(onnx).hexdigest() != request.onnx_sha256:
            raise EngineError("the graph did not reach the builder whole; try again", reason="build")
        plan, timings = build(onnx, request.options, timings, lambda line: tell(say=line))
        with os.fdopen(result_fd, "wb") as file:
            file.write(plan + timings)
    except EngineError as error:
        tell(error=str(error), reason=error.reason)
    except ContractError as error:
        tell(error=str(error), reason="contract")
    except MemoryError:
        tell(error="not enough memory to build an engine; close other programs or lower --workspace-mb", reason="memory")
    except Exception as error:  # TensorRT and the CUDA libraries raise classes of their own
        text = str(error) if isinstance(error, EdgeSdkError) else f"{type(error).__name__}: {one_line(error)}"
        tell(error=f"the engine cannot be built: {text}", reason="build")
    else:
        tell(plan=len(plan), timings=len(timings))
        return 0
    return 1


def build(onnx: bytes, options: EngineOptions, timings: bytes, say: Callable[[str], None]) -> tuple[bytes, bytes]:
    """Check the graph against the contract, build, and run the engine once."""
    from edge_sdk.runtime.engine import engine_from_onnx
    from edge_sdk.runtime.engine_execution import EngineExecution
    from edge_sdk.runtime.onnx import OnnxSession

    OnnxSession(onnx, threads=1, spinning=False).close()
    say("the graph is this project's")
    built = engine_from_onnx(onnx, options, timings=timings)
    say(f"built, {len(built.plan) / 1e6:.1f} MB")
    EngineExecution(built.plan, cuda_graph=False, num_slots=1, warm_up=1).close()
    say("loaded and run once")
    return built


def _teller() -> Callable[..., None]:
    """A writer of lines on the real stdout; native libraries that print find stderr in its place."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**message: object) -> None:
        lines.write(json.dumps(message) + "\n")
        lines.flush()

    return tell


def _die_with(parent: int) -> None:
    """A build nobody waits for would keep GPU and memory for minutes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # gone before the line above
            sys.exit(1)
