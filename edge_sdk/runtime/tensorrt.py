"""TensorRT: the quickest runtime on NVIDIA devices, from 8.5 to 11, by features and never by version.

The ONNX graph is the artefact; an engine is a cache entry built on the device it runs on. Only the calls that every version has are
used: tensor names and `execute_async_v3`. A device is found before a Builder or Runtime is made: without one they may end the process.
Versions were read by introspection of 8.6.0, 10.0.1, 10.16.1 and 11.4.0; every branch runs in the tests against a stand-in, and
*nothing here was measured on hardware* (no Jetson, no GPU) except where a record of the benchmarks says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import Outputs
from edge_sdk.errors import EngineError, InferenceError, RuntimeUnavailableError
from edge_sdk.runtime.owner_thread import OwnerThread
from edge_sdk.runtime.session import checked_outputs

if TYPE_CHECKING:
    from edge_sdk.runtime.engine_execution import EngineExecution

BAD_VERSIONS = ("10.1.0", "10.2.0")  # ultralytics bans both for wrong engines (deployment notes, section e)
LOAD_TIMEOUT_S = 120.0  # the first CUDA call on a Jetson alone takes seconds; a load that takes minutes hangs
RUN_TIMEOUT_S = 30.0

logger = logging.getLogger(__name__)


class TensorRtSession:
    """An engine on TensorRT; see `Session`. Calls may come from any thread, one at a time is served.

    `cuda_graph` says whether a CUDA graph is in use, `cuda_graph_reason` why not. With a graph, frames run in batches of exactly the
    engine's `opt_batch` (1: live film), the last one padded: a context must not be touched once its graph is captured. Without, up to
    `max_batch` at a time.

    Args:
        plan: A serialised engine. It is native code: give only what this device built, as `engine_cache` makes sure of.
        precision: The graph's precision, for the record.
        cuda_graph: Whether to try a CUDA graph.
        num_slots: Pinned buffers in turn, 2 or 3: the next batch is copied while the last one runs.
        warm_up: Runs before the session is ready; the first ones are tens of times slower.
        run_timeout_s: After this the GPU counts as hung.

    Raises:
        EngineError: If there is no device, no TensorRT, or the plan does not load, does not warm up or has another interface.
    """

    def __init__(
        self,
        plan: bytes,
        *,
        precision: str,
        cuda_graph: bool = True,
        num_slots: int = 2,
        warm_up: int = 10,
        run_timeout_s: float = RUN_TIMEOUT_S,
    ) -> None:
        from edge_sdk.runtime.engine_execution import EngineExecution

        self.precision, self.threads = precision, 0
        self._run_timeout_s = run_timeout_s
        self._owner: OwnerThread | None = OwnerThread("tensorrt")
        try:
            self._execution = self._owner.call(
                lambda: EngineExecution(plan, cuda_graph=cuda_graph, num_slots=num_slots, warm_up=warm_up), LOAD_TIMEOUT_S
            )
        except BaseException as error:
            self._owner.close(0.1)
            if isinstance(error, EngineError) or not isinstance(error, Exception):
                raise
            raise EngineError(f"the engine does not load: {one_line(error)}; build it again on this device", reason="load") from error
        self.provider = f"TensorRT {self._execution.version}"
        self.cuda_graph, self.cuda_graph_reason = self._execution.uses_graph, self._execution.graph_reason
        if cuda_graph and not self.cuda_graph:
            logger.info("no CUDA graph: %s", self.cuda_graph_reason)

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Run the engine; see `Session.run`."""
        if self._owner is None:
            raise InferenceError("the session is closed")
        execution: EngineExecution = self._execution
        try:
            logits_NC, maps_NChw = self._owner.call(lambda: execution.run(images_NHWC), self._run_timeout_s)
        except InferenceError:
            raise
        except Exception as error:  # TensorRT and each CUDA library raise classes of their own
            shape = getattr(images_NHWC, "shape", None)
            raise InferenceError(f"{self.provider} failed on a batch of shape {shape}: {one_line(error)}") from error
        return checked_outputs(logits_NC, maps_NChw, len(images_NHWC))

    def close(self) -> None:
        """Free engine and context; further runs are an error."""
        if (owner := self._owner) is None:
            return
        self._owner = None
        execution = self._execution
        del self._execution
        try:
            owner.call(execution.close, self._run_timeout_s)
        except Exception as error:  # nobody can act on it, and the process may go on with another session
            logger.warning("TensorRT did not close cleanly: %s", one_line(error))
        owner.close()


def session_from_onnx(
    onnx_bytes: bytes, *, precision: str, cache_dir: Path | None = None, say: Callable[[str], None] = logger.info
) -> TensorRtSession:
    """A session for this device: its engine from the cache, or built now, which takes minutes.

    Args:
        onnx_bytes: A graph of this project's interface.
        precision: The graph's precision.
        cache_dir: Where engines are kept; None for the user's cache folder.
        say: Gets a line now and then while an engine is built.

    Raises:
        RuntimeUnavailableError: With the reason, whatever it is: another runtime can serve.
    """
    # These build on this module; imported here they leave it at the bottom.
    from edge_sdk.runtime.engine_cache import EngineCache, default_cache_dir
    from edge_sdk.runtime.engine_options import EngineOptions
    from edge_sdk.runtime.engine_plan import plan_for

    try:
        cache, options = EngineCache(cache_dir or default_cache_dir()), EngineOptions(precision)
        plan = plan_for(onnx_bytes, options, cache=cache, say=say)
        try:
            return TensorRtSession(plan.data, precision=precision)
        except EngineError as error:
            if plan.origin == "built" or error.reason != "load":
                raise
            say(f"{error}; building it again")
            cache.refuse(plan.key, str(error))
        return TensorRtSession(plan_for(onnx_bytes, options, cache=cache, say=say).data, precision=precision)
    except RuntimeUnavailableError:
        raise
    except Exception as error:
        raise EngineError(f"TensorRT cannot serve {precision}: {one_line(error)}", reason="load") from error


def load_tensorrt() -> ModuleType:
    """The `tensorrt` library.

    Raises:
        EngineError: If it is not installed, does not load, or is a version known to build wrong engines.
    """
    try:
        trt = import_module("tensorrt")
    except Exception as error:  # besides ImportError: OSError of a missing libnvinfer, AttributeError of a numpy it cannot use
        raise EngineError(
            f"TensorRT cannot be imported ({one_line(error)}); a virtual environment needs --system-site-packages to see JetPack's",
            reason="no_tensorrt",
        ) from error
    version = str(trt.__version__)
    if any(version == bad or version.startswith(f"{bad}.") for bad in BAD_VERSIONS):
        raise EngineError(f"TensorRT {version} is known to build wrong engines; install 10.3 or newer, or 8.6", reason="bad_version")
    return trt


@lru_cache(maxsize=2)
def tensorrt_log(trt: ModuleType) -> Any:
    """The one logger a process may give TensorRT: to Python's logging, with the last errors kept for our messages."""

    class Log(trt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors = [*self.errors[-4:], message]
                logger.error("%s", message)
            elif severity == trt.ILogger.WARNING:
                logger.debug("%s", message)

        def taken(self) -> str:
            """The first error since the last call: the later ones only follow from it."""
            text, self.errors = (one_line(self.errors[0]) if self.errors else "no reason given"), []
            return text

    return Log()


def one_line(error: object) -> str:
    """An error's text on one line of at most 300 characters."""
    return " ".join(str(error).split())[:300] or type(error).__name__
