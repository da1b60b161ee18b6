"""The inspector: the one place where bundle, session, stream, tracking, localisation and records meet.

    inspector = Inspector(Bundle.open())
    with open_source("film.mp4") as source:
        run = inspector.run(source, out=Path("inspection"))
        for observation in run: ...
    run.inspection      # the whole record, also after an early stop

A bundle that fails its golden frames on this machine never serves. Which runtime and which graph run is decided here, once, and recorded.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from edge_sdk.bundle import Bundle
from edge_sdk.camera import FrameSource
from edge_sdk.contract.manifest import Graph
from edge_sdk.errors import ContractError
from edge_sdk.odometer import Odometer
from edge_sdk.run import Run
from edge_sdk.run_record import ProviderWatch, RunContext
from edge_sdk.runtime import Session
from edge_sdk.runtime.chain import ChainSession
from edge_sdk.runtime.choose import GraphChooser
from edge_sdk.runtime.links import LINKS, Provider, Say, links
from edge_sdk.runtime.shared import SharedSession
from edge_sdk.runtime.workers import Workers
from edge_sdk.stream import FrameResult
from edge_sdk.throughput import Mode
from edge_sdk.tracking import TrackingPolicy

if TYPE_CHECKING:
    from edge_sdk.live_inspection import LiveInspection

ThresholdChoice = Literal["frozen", "tuned"]


class Inspector:
    """A verified model, ready to look at films.

    Args:
        bundle: An opened bundle.
        precision: Which of its graphs to run: `auto`, `int8`, or one of the manifest's precisions.
        threads: Threads for one inference; None lets the runtime take every core.
        policy: When scores become observations.
        require: The one runtime to take (`tensorrt`, `cuda`, `openvino`, `cpu`), or none at all; None takes the best that works.
        thresholds: `frozen` are the manifest's, the same for every precision; `tuned` those fitted to the very graph.
        mode: How films will be run, see `run`. Made for `throughput`, the graph is loaded once, for one thread, and shared by all workers,
            and `auto` takes the graph that is quickest so.
        say: Told, in one line each, what takes long, what is broken, and what runs.

    Raises:
        RuntimeUnavailableError: If no runtime loads the graph.
        InferenceError: If the golden frames do not give the expected scores here.
        BundleError: If the bundle has no such graph or thresholds, or none that agrees with the trained model.
        InputError: If there is no such precision or runtime.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str = "auto",
        threads: int | None = None,
        policy: TrackingPolicy | None = None,
        require: Provider | None = None,
        thresholds: ThresholdChoice = "frozen",
        mode: Mode = "latency",
        say: Say = lambda line: None,
    ) -> None:
        self.bundle, self.policy, self.mode = bundle, policy or TrackingPolicy(), mode
        self._precision, self._threads, self._require, self._thresholds, self._say = precision, threads, require, thresholds, say
        at_start = 1 if mode == "throughput" else threads
        chooser = GraphChooser(bundle, precision, threads=at_start, say=say)
        self.session = ChainSession(bundle, links(require), chooser, threads=threads, threads_at_start=at_start, say=say)
        self.self_test = self.session.self_test
        try:
            self.graph: Graph = graph_with_thresholds(self.session.graph, thresholds)
        except ContractError:
            self.session.close()
            raise
        say(f"{bundle.identity} runs as {self.session.precision} on {self.session.provider}: {self.session.precision_reason}")

    def run(
        self,
        source: FrameSource,
        *,
        odometer: Odometer | None = None,
        out: Path | None = None,
        on_frame: Callable[[FrameResult], None] | None = None,
        mode: Mode | None = None,
    ) -> Run:
        """Look at every frame of a source.

        Args:
            source: An open source.
            odometer: Where the camera was; without it observations have times only.
            out: Folder for the observations' pictures; None keeps none.
            on_frame: Called with each frame's result, for progress, films and logs.
            mode: `throughput` gives the most frames per second: one frame on each core, results in the same order. Only
                where the CPU serves; on a GPU it is the same as `latency`. None takes what the inspector was made for.

        Returns:
            A run to iterate over for observations, as they close.
        """
        watch = ProviderWatch(self.session)
        context = RunContext(
            bundle=self.bundle, graph=self.graph, session=self.session, self_test=self.self_test, policy=self.policy, watch=watch,
            mode=(mode or self.mode) if self.on_cpu else "latency", new_session=self.sessions_for_workers(),
        )  # fmt: skip

        def heed(result: FrameResult) -> None:
            watch.add(result)
            if on_frame is not None:
                on_frame(result)

        return Run(context, source, odometer=odometer, out=out, on_frame=heed)

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU serves."""
        return self.session.link is not None and self.session.link.on_cpu

    def live(self, out: Path, **options: Any) -> "LiveInspection":
        """Look at live cameras: `LiveInspection(self, out=out, ...)`, whose options these are."""
        from edge_sdk.live_inspection import LiveInspection  # which knows inspectors

        return LiveInspection(self, out=out, **options)

    def like(self, bundle: Bundle) -> "Inspector":
        """An inspector of another bundle with the same options, tested by its golden frames.

        Raises:
            EdgeSdkError: As the constructor.
        """
        return Inspector(
            bundle, precision=self._precision, threads=self._threads, policy=self.policy, require=self._require,
            thresholds=self._thresholds, mode=self.mode, say=self._say,
        )  # fmt: skip

    def close(self) -> None:
        """Free the session."""
        self.session.close()

    def sessions_for_workers(self) -> Callable[[], Session]:
        """Makes the sessions of mode `throughput`: a hold on what serves, or one of their own where that is not one for several threads."""
        return Workers(self.session, lambda provider: worker_sessions(self.bundle, self.graph, provider=provider)).session

    def __enter__(self) -> "Inspector":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def graph_with_thresholds(graph: Graph, choice: ThresholdChoice) -> Graph:
    """The graph as it is, or with the thresholds fitted to it in place of the frozen ones.

    Raises:
        ContractError: If none were fitted.
    """
    if choice == "frozen":
        return graph
    if graph.tuned_thresholds is None:
        raise ContractError(f"the bundle has no tuned thresholds for {graph.precision}; run it with the frozen ones")
    return msgspec.structs.replace(graph, thresholds=graph.tuned_thresholds, threshold_origin="tuned-on-validation")


def session_from_bundle(bundle: Bundle, graph: Graph, *, threads: int | None = None, provider: Provider = "cpu") -> Session:
    """One of a bundle's graphs on one runtime, without chain and golden frames: for measurements that name what they ran on.

    Raises:
        RuntimeUnavailableError: If that runtime does not load it.
    """
    return LINKS[provider].create(partial(bundle.read, graph.file), precision=graph.precision, threads=threads, say=lambda line: None)


def worker_sessions(bundle: Bundle, graph: Graph, *, provider: Provider = "cpu") -> Callable[[], Session]:
    """Makes the sessions of mode `throughput`'s workers, of one thread each; those on the CPU share one copy of the weights.

    What it returns raises RuntimeUnavailableError if that runtime does not load the graph.
    """

    def create() -> Session:
        return session_from_bundle(bundle, graph, threads=1, provider=provider)

    return SharedSession(create).handle if LINKS[provider].on_cpu else create
