"""The inspector: the one place where bundle, session, stream, tracking, localisation and records meet.

    inspector = Inspector(Bundle.open())
    with open_source("film.mp4") as source:
        run = inspector.run(source, out=Path("inspection"))
        for observation in run: ...
    run.inspection      # the whole record, also after an early stop

A bundle that fails its golden frames on this machine never serves.
"""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from edge_sdk.bundle import Bundle
from edge_sdk.camera import FrameSource
from edge_sdk.contract.golden import GoldenReport, run_golden
from edge_sdk.contract.manifest import Graph
from edge_sdk.errors import InferenceError
from edge_sdk.odometer import Odometer
from edge_sdk.run import Run
from edge_sdk.run_record import RunContext
from edge_sdk.runtime import Session
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import TrackingPolicy


class Inspector:
    """A verified model, ready to look at films.

    Args:
        bundle: An opened bundle.
        precision: Which of its graphs to run; None takes the first.
        threads: Threads for one inference; None lets the runtime take every core.
        policy: When scores become observations.

    Raises:
        RuntimeUnavailableError: If no runtime loads the graph.
        InferenceError: If the golden frames do not give the expected scores here.
    """

    def __init__(
        self, bundle: Bundle, *, precision: str | None = None, threads: int | None = None, policy: TrackingPolicy | None = None
    ) -> None:
        self.bundle, self.policy = bundle, policy or TrackingPolicy()
        self.graph: Graph = bundle.manifest.graph(precision) if precision else bundle.manifest.graphs[0]
        self.session: Session = session_from_bundle(bundle, self.graph, threads=threads)
        self.self_test = self_test(bundle, self.session)
        if not self.self_test.passed:
            self.session.close()
            raise InferenceError(
                f"{bundle.identity}: the golden frames differ by {self.self_test.max_abs_dp:.3f} in score, at most "
                f"{self.self_test.tolerance:.3f} is allowed; this model must not serve on this machine ({self.session.provider})"
            )

    def run(
        self,
        source: FrameSource,
        *,
        odometer: Odometer | None = None,
        out: Path | None = None,
        on_frame: Callable[[FrameResult], None] | None = None,
    ) -> Run:
        """Look at every frame of a source.

        Args:
            source: An open source.
            odometer: Where the camera was; without it observations have times only.
            out: Folder for the observations' pictures; None keeps none.
            on_frame: Called with each frame's result, for progress, films and logs.

        Returns:
            A run to iterate over for observations, as they close.
        """
        context = RunContext(bundle=self.bundle, graph=self.graph, session=self.session, self_test=self.self_test, policy=self.policy)
        return Run(context, source, odometer=odometer, out=out, on_frame=on_frame)

    def close(self) -> None:
        """Free the session."""
        self.session.close()

    def __enter__(self) -> "Inspector":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def session_from_bundle(bundle: Bundle, graph: Graph, *, threads: int | None = None) -> Session:
    """Load one of a bundle's graphs on the runtime of this machine (ONNX Runtime on the CPU so far)."""
    from edge_sdk.runtime.onnx import OnnxSession  # here, so that `import edge_sdk` stays quick and works without onnxruntime

    return OnnxSession(bundle.read(graph.file), precision=graph.precision, threads=threads)


def self_test(bundle: Bundle, session: Session) -> GoldenReport:
    """Run the bundle's golden frames on this machine."""
    return run_golden(bundle.golden(), bundle.read, session.run, spec=bundle.manifest.preprocess, precision=session.precision)
