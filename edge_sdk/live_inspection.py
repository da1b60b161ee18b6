"""A live inspection: where stream, quality, tracking, journal and supervision meet, on a robot that must not wait for any of them.

    with LiveInspection(inspector, out=Path("shift-7"), odometer=OdometerFeed()) as live:
        live.on_observation(print)                                  # each once it is on the disk for good
        while driving:
            live.submit(frame_HWC, distance_m=counter)              # returns at once, whatever disk and network do
            newest = live.latest()                                  # so does this
    live.inspection                                                 # the whole record, from the journal

A robot that does not own its camera gives `source=open_live("rtsp://...")` in place of calling `submit`. What was not seen, and why, is
in the record's gaps; the journal in `out` survives a kill, and `sewer-edge report` makes the report from it. With `resume=True` the next
start in the same folder goes on with the run, and what lies between is a gap.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.camera.frame import PixelOrder
from edge_sdk.camera.live import LiveSource
from edge_sdk.contract.yuv import STUDIO, YuvColours
from edge_sdk.inspector import Inspector
from edge_sdk.live.models import SwapReport
from edge_sdk.live.outbox import Reader
from edge_sdk.live.result import Latest, LiveSettings
from edge_sdk.live_run.life import LiveRun
from edge_sdk.live_run.thresholds import thresholds_given
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.records import Inspection, Observation
from edge_sdk.supervision import Limits, Notifier, Snapshot
from edge_sdk.tracking import TrackingPolicy

FLUSH_S = 10.0
OBSERVATIONS_DEPTH = 4096


class LiveInspection:
    """One live run, with one life; see the module. A context manager: start at the beginning, stop at the end.

    Args:
        inspector: A tested model; the caller closes it, after `stop`.
        out: The run's folder: journal, pictures, status file. One process at a time.
        cameras: How many cameras the robot hands frames in for (1 to 4); with `source` as many as there are sources.
        source: Live sources to read in threads, in the order of the cameras; the caller closes them.
        odometer: Where readings come from; None makes a feed that `submit(distance_m=...)` fills.
        name: What is inspected, for the record; None takes the sources' addresses, without credentials.
        settings: Thresholds (empty: the model's), policy (the inspector's where not given) and time limits.
        pictures: Whether observations get pictures.
        metrics_port: Serve metrics and health on 127.0.0.1; None opens no socket.
        notifier: The service manager, as `Notifier.from_environment()`; None for none.
        limits: When the supervisor calls something lacking.
        overwrite: Delete the journal of an earlier run that lies in `out`.
        resume: Go on with the run that lies in `out`, whether it broke off or was stopped; begin one where there is none.

    Raises:
        OutputError: If the folder cannot be used, or another process writes in it, or holds another run.
        ValueError: If there are no or too many cameras, or both `overwrite` and `resume` are asked for.
    """

    def __init__(
        self,
        inspector: Inspector,
        *,
        out: Path,
        cameras: int = 1,
        source: LiveSource | Sequence[LiveSource] | None = None,
        odometer: OdometerFeed | None = None,
        name: str | None = None,
        settings: LiveSettings | None = None,
        pictures: bool = True,
        metrics_port: int | None = None,
        notifier: Notifier | None = None,
        limits: Limits | None = None,
        overwrite: bool = False,
        resume: bool = False,
    ) -> None:
        sources = () if source is None else tuple(source) if isinstance(source, Sequence) else (source,)
        self._run = LiveRun(
            inspector, out=Path(out), cameras=cameras, sources=sources, odometer=odometer, name=name, settings=settings,
            pictures=pictures, metrics_port=metrics_port, notifier=notifier, limits=limits, overwrite=overwrite, resume=resume,
        )  # fmt: skip
        self.odometer, self.stream = self._run.odometer, self._run.stream

    # In the control loop

    def submit(
        self,
        frame: NDArray[np.uint8],
        *,
        camera: int = 0,
        distance_m: float | None = None,
        pan_deg: float | None = None,
        tilt_deg: float | None = None,
        time_ns: int | None = None,
        order: PixelOrder = "rgb",
        colours: YuvColours = STUDIO,
    ) -> int:
        """Hand in a frame; returns at once with its number. See `LiveStream.submit`."""
        return self.stream.submit(
            frame, camera=camera, distance_m=distance_m, pan_deg=pan_deg, tilt_deg=tilt_deg, time_ns=time_ns, order=order, colours=colours
        )

    def latest(self, camera: int = 0) -> Latest:
        """The newest result of a camera and how old it is; returns at once. See `LiveStream.latest`."""
        return self.stream.latest(camera)

    # Observations

    def on_observation(self, callback: Callable[[Observation], object]) -> None:
        """Call a function with each observation once it is on the disk, in a thread of its own; a revised one comes again."""
        self._run.acknowledged.call(callback, OBSERVATIONS_DEPTH)

    def observations(self) -> Reader[Observation]:
        """An iterator over observations from now on, each once it is on the disk; it ends when the run does."""
        return self._run.acknowledged.reader(OBSERVATIONS_DEPTH)

    # Life

    def start(self) -> None:
        """Begin: frames are let in, sources are read, the supervisor looks.

        Raises:
            InputError: If the metrics port cannot be used; the run is then over.
            RuntimeError: If it was started before.
        """
        self._run.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the model is warmed up; False if it is not in time."""
        return self.stream.wait_ready(timeout_s)

    def pause(self) -> None:
        """Let no frames in until `resume`; the stretch is a gap of reason `paused`."""
        self.stream.pause()

    def resume(self) -> None:
        """Let frames in again."""
        self.stream.resume()

    def stop(self, *, flush_s: float = FLUSH_S, interrupted_by: str | None = None) -> Inspection:
        """End the run within 2 s, and bring what waits to the disk within `flush_s` more; a second call gives the same record.

        The record is then read back from the journal: of a week's million entries in 5 s (x86). A run that was never started leaves its
        folder as it was, and its record says so.

        Args:
            flush_s: How long the disk may take.
            interrupted_by: What ended the run though nobody had said that it was over, in words for the record, which is `interrupted`
                then; None: it is over.

        Raises:
            OutputError: If the disk did not take the end of the run in time; what was acknowledged is kept.
        """
        return self._run.stop(flush_s, interrupted_by)

    @property
    def inspection(self) -> Inspection:
        """The record of the ended run.

        Raises:
            RuntimeError: If it has not ended.
        """
        if self._run.inspection is None:
            raise RuntimeError("the inspection goes on; call stop() first")
        return self._run.inspection

    def __enter__(self) -> "LiveInspection":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        broke = error is not None and isinstance(error, Exception)  # Ctrl-C and `sys.exit` are words of somebody
        self.stop(interrupted_by=f"the program that drives the inspection broke off ({type(error).__name__})" if broke else None)

    # Model and settings

    def set_thresholds(self, thresholds: Mapping[str, float] | Sequence[float]) -> None:
        """Other thresholds from the next frame on: by code (the others stay), or one for each class.

        An observation that is open goes on while its score reaches the new threshold's share that keeps it alive; its record names the
        threshold that opened it.

        Raises:
            InputError: If there is no such code, not one for each class, or one is not from 0 to 1.
        """
        present = self.stream.settings
        self.stream.configure(msgspec.structs.replace(present, thresholds=thresholds_given(thresholds, present.thresholds)))

    def set_policy(self, policy: TrackingPolicy) -> None:
        """Another tracking policy from the next frame on. Open observations are closed: they are made of the old one's metres."""
        self.stream.configure(msgspec.structs.replace(self.stream.settings, policy=policy))

    def swap(self, bundle: Bundle) -> SwapReport:
        """Exchange the model between two frames: tested by its golden frames here, on probation, and back by itself if it does not do.

        Takes as long as loading it does; call it from another thread than the control loop's. Open observations are closed at the first
        frame of the new model: scores of two models do not compare.

        Returns:
            `on_probation`, or `refused` with the reason, and the present model stays.
        """
        return self._run.exchange.swap(bundle, during=self._run.supervisor.reloading())

    # What is going on

    @property
    def status(self) -> Snapshot:
        """Everything a supervisor asks for, at this instant; it looks at the folder, so not for the control loop."""
        return self._run.status

    @property
    def metrics_port(self) -> int | None:
        """Where the metrics are served; None if they are not."""
        endpoint = self._run.supervisor.endpoint
        return endpoint.port if endpoint else None
