"""The runtime chain: a session that outlives its runtime.

TensorRT, then ONNX Runtime on CUDA, then OpenVINO, then ONNX Runtime on the CPU: the first that can be imported, created, warmed up and
gives the golden frames' scores serves. It serves until it fails, then the next one does; there is no climbing back within a run. Every
try is recorded with its stage and reason, and `provider` always names what runs: a robot must never be slow, or wrong, without a word.

A change during a run keeps the graph, since thresholds and temperature belong to it; every graph of a bundle runs on the CPU.
"""

import gc
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import Outputs
from edge_sdk.contract.manifest import Graph
from edge_sdk.errors import CorruptBundleError, InferenceError, RuntimeUnavailableError
from edge_sdk.records import ProviderAttempt
from edge_sdk.runtime.failure import (
    ABSENT,
    BUNDLE_ALTERED,
    LOST,
    NO_GRAPH,
    OF_THE_LINK,
    OUT_OF_MEMORY,
    LinkFailure,
    failure_from_error,
    one_line,
)
from edge_sdk.runtime.links import Link, Say
from edge_sdk.runtime.session import Session, checked_outputs
from edge_sdk.runtime.shared import SharedSession
from edge_sdk.runtime.start import Serving, start

logger = logging.getLogger(__name__)

REST_S = 10.0  # between attempts to bring back a last runtime that found no memory to start again
MAX_FAILURES_IN_A_ROW = 3  # a burst of bad frames passes; a runtime that answers four in a row with errors will not recover


class Choice(NamedTuple):
    """The graphs to try on a link, best first, and why in this order."""

    graphs: tuple[Graph, ...]
    reason: str


class ChainSession:
    """A `Session` over a chain of runtimes. Run it from one thread; others may run what serves through a `handle`.

    Args:
        bundle: Gives the graphs' bytes, the geometry and the golden frames.
        links: The runtimes, best first.
        choose: The graphs to try on a link.
        threads: Threads for one inference on the CPU; None lets the runtime take every core.
        threads_at_start: The same for the runtime that begins, if it shall have others than one that takes over during a run.
        say: Told, in one line, of what takes long and of what is broken.

    Attributes:
        attempts: Every try so far, in order.
        graph: The graph that runs.
        self_test: What the golden frames gave on the runtime that began.
        precision_reason: Why this graph.
        is_loading: Whether a runtime is being started just now, which may take minutes; to be read from any thread.

    Raises:
        InferenceError: If runtimes load the model, but none gives the golden frames' scores.
        RuntimeUnavailableError: If no runtime loads it.
        BundleError: If a graph is not this SDK's, or the bundle was altered on the disk since it was opened.
    """

    def __init__(
        self,
        bundle: Bundle,
        links: Iterable[Link],
        choose: Callable[[Link], Choice],
        *,
        threads: int | None = None,
        threads_at_start: int | None = None,
        say: Say = lambda line: None,
    ) -> None:
        self._bundle, self._threads, self._say = bundle, threads_at_start or threads, say
        self._left = deque(links)  # what was taken is not tried again
        self._in_a_row = 0
        self._retried = self._stays = False
        self._lost: LinkFailure | None = None  # what took the GPU from this process
        self._resting: Serving | None = None  # the last runtime, while it cannot be started again
        self._rests_until_s = 0.0
        self._shared: SharedSession | None = None  # what serves, if several threads may run it
        self.attempts: list[ProviderAttempt] = []
        self.precision_reason = ""
        self.is_loading = self._has_served = False
        serving = self._next(choose)
        if serving is None:
            self._raise_unavailable()
        self._threads, self._has_served = threads, True
        self.graph, self.self_test = serving.graph, serving.report
        self._serve(serving)

    @property
    def provider(self) -> str:
        """What runs, or ran last, as the runtime reports it; `none` once every runtime has failed."""
        return self._provider

    @property
    def link(self) -> Link | None:
        """The link that serves; None once every runtime has failed."""
        return self._serving.link if self._serving else None

    @property
    def precision(self) -> str:
        """The precision of the graph that runs."""
        return self.graph.precision

    @property
    def threads(self) -> int:
        """Threads of one inference; 0 where the runtime decides."""
        return self._session_threads

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Run the graph; see `Session.run`. After a failure that will not pass, the next call runs on the next runtime.

        Out of memory is tried once more, after freeing what the session holds.
        """
        try:
            outputs = self._run(images_NHWC)
        except InferenceError as error:
            failure = failure_from_error(error, "run", otherwise="inference_failed")
            if failure.reason == OUT_OF_MEMORY and not self._retried:
                return self._run_after_freeing(images_NHWC, failure)
            self._in_a_row += 1
            if failure.reason in LOST | {OUT_OF_MEMORY} or self._in_a_row > MAX_FAILURES_IN_A_ROW:
                self._fall(self._serving, failure)
            raise
        self._in_a_row = 0
        return outputs

    def handle(self) -> Session | None:
        """A hold on what serves, for another thread to run and to close; None unless it is on the CPU and of one thread.

        The session is freed when the chain and all who hold it have closed it. What fails on a handle is its holder's affair; the chain
        hears of it by `give_up`.
        """
        shared = self._shared  # which another thread may let go of
        return None if shared is None else shared.join()

    def give_up(self, error: InferenceError) -> None:
        """Go on to the next runtime: those who run this one through a handle get nothing but errors. Nothing of the chain may run then.

        The next has as many threads, so that it can be shared as well.
        """
        serving = self._serving
        if serving is not None:
            self._threads = self._session_threads or self._threads
            self._fall(serving, failure_from_error(error, "run", otherwise="inference_failed"))

    def close(self) -> None:
        """Free the session, unless somebody has a `handle` on it; further runs are an error."""
        self._left.clear()
        self._resting = None
        self._release()
        self._bundle = self._bundle.without_files()

    def _run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        if self._resting is not None and time.monotonic() >= self._rests_until_s:
            self._start_again(self._resting)
        if self._serving is None:
            raise InferenceError("no runtime is left that runs this model; see the record, and 'sewer-edge doctor'")
        try:
            return checked_outputs(*self._serving.session.run(images_NHWC), len(images_NHWC))
        except InferenceError:
            raise
        except Exception as error:  # a runtime's own exception must cost a frame, not the inspection
            raise InferenceError(f"{self.provider} failed: {one_line(str(error)) or type(error).__name__}") from error

    def _run_after_freeing(self, images_NHWC: NDArray[np.uint8], failure: LinkFailure) -> Outputs:
        """The one retry a session out of memory gets."""
        serving, self._retried = self._serving, True
        self._release()
        gc.collect()
        if serving is not None:
            self._start_again(serving)
        try:
            return self._run(images_NHWC)
        except InferenceError as error:
            again = failure_from_error(error, "run", otherwise="inference_failed")
            self._fall(serving, again if again.reason in LOST else failure)
            raise InferenceError(failure.detail) from None

    def _start_again(self, serving: Serving) -> None:
        """Start a runtime that was freed; the last one rests if it finds no room, for there may be some later."""
        self._resting = None
        try:
            self._serve(self._started(serving.link, serving.graph))
        except LinkFailure:
            if not self._left:
                self._resting, self._rests_until_s = serving, time.monotonic() + REST_S

    def _fall(self, serving: Serving | None, failure: LinkFailure) -> None:
        """Give a runtime up for the next, with the same graph. The last one stays: what it fails on is dropped and counted."""
        if serving is None or self._stays:
            return
        self._record(serving.link, serving.graph, failure)
        if failure.reason in LOST:
            self._lost = failure
        self._in_a_row, self._stays = 0, not self._left
        if self._left:
            self._release()
            gc.collect()  # the next runtime needs the room
            self._serve(self._next(lambda link: Choice((serving.graph,), self.precision_reason)))
            logger.warning("%s gave up (%s): inference goes on with %s", serving.link.name, failure.detail, self.provider)

    def _serve(self, serving: Serving | None) -> None:
        if serving is not None and serving.link.on_cpu and serving.session.threads == 1:
            session = serving.session
            self._shared = SharedSession(lambda: session)
            serving = serving._replace(session=self._shared.handle())
        self._serving = serving
        self._provider = serving.session.provider if serving else "none"
        self._session_threads = serving.session.threads if serving else 0

    def _release(self) -> None:
        if self._serving is not None and self._lost is None:  # a lost GPU's memory cannot be freed; trying may hang
            with suppress(Exception):  # the reason why it goes is recorded already
                self._serving.session.close()
        self._serving = self._shared = None

    def _next(self, choose: Callable[[Link], Choice]) -> Serving | None:
        """The first of the links left that holds."""
        while self._left:
            serving = self._hold(self._left.popleft(), choose)
            if serving is not None:
                return serving
        return None

    def _hold(self, link: Link, choose: Callable[[Link], Choice]) -> Serving | None:
        failure = self._barred(link)
        if failure is not None:
            self._record(link, None, failure)
            return None
        choice = choose(link)
        if not choice.graphs:
            self._record(link, None, LinkFailure("create", NO_GRAPH, choice.reason))
        for graph in choice.graphs:
            outcome = self._start(link, graph)
            if isinstance(outcome, Serving):
                self.precision_reason = choice.reason
                return outcome
            if outcome.reason in OF_THE_LINK:
                return None
        return None

    def _start(self, link: Link, graph: Graph) -> Serving | LinkFailure:
        try:
            serving = self._started(link, graph)
        except LinkFailure as failure:
            self._record(link, graph, failure)
            return failure
        self._record(link, graph, None)
        return serving

    def _started(self, link: Link, graph: Graph) -> Serving:
        self.is_loading = True
        try:
            return start(link, graph, self._bundle, threads=self._threads, say=self._say)
        except CorruptBundleError as error:
            if not self._has_served:
                raise
            raise LinkFailure("create", BUNDLE_ALTERED, str(error)) from error  # of a run that goes on: it costs frames, which are counted
        finally:
            self.is_loading = False

    def _barred(self, link: Link) -> LinkFailure | None:
        """Why a link need not be tried."""
        if self._lost is not None and link.trial_s is not None:
            return LinkFailure("create", self._lost.reason, f"the GPU is lost to this process, restart it: {self._lost.detail}")
        return link.missing()

    def _record(self, link: Link, graph: Graph | None, failure: LinkFailure | None) -> None:
        precision = graph.precision if graph else None
        where = (failure.stage, failure.reason, failure.detail) if failure else (None, None, "")
        attempt = ProviderAttempt(provider=link.name, precision=precision, stage=where[0], reason=where[1], detail=where[2])
        self.attempts.append(attempt)
        if attempt.reason is not None and attempt.reason not in ABSENT:
            self._say(attempt_in_words(attempt))

    def _raise_unavailable(self) -> NoReturn:
        """One line: the golden frames' verdict where it came to that, else what each runtime said."""
        verdict = next((attempt for attempt in reversed(self.attempts) if attempt.stage == "self_test"), None)
        if verdict is not None:
            raise InferenceError(f"{self._bundle.identity}: {verdict.detail}")
        said = "; ".join(map(attempt_in_words, self.attempts))
        raise RuntimeUnavailableError(f"{self._bundle.identity}: no runtime takes this model ({said}); run 'sewer-edge doctor'")


def attempt_in_words(attempt: ProviderAttempt) -> str:
    """One line on a try: `cuda fp16 failed at create, out_of_memory: ...`, or that it serves."""
    what = " ".join(filter(None, (attempt.provider, attempt.precision)))
    if attempt.stage is None:
        return f"{what} serves"
    return f"{what} failed at {attempt.stage.replace('_', '-')}, {attempt.reason}: {attempt.detail}"
