"""The live stream: the robot hands frames in and reads results, and neither ever waits for the network, a disk or another reader.

    stream = LiveStream(LiveModel(session, spec, bundle.identity), LiveSettings(thresholds))
    with stream:
        stream.submit(frame_HWC, distance_m=counter)      # in the control loop; returns at once
        newest = stream.latest()                          # so does this
        for result in stream.results(): ...               # in another thread

The newest frame of each camera waits, the one it replaces is counted as dropped. One worker serves up to four cameras with one model.
What happens to every frame is in `accounting`, exactly; what a supervisor must know comes as events.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import PixelOrder
from edge_sdk.contract.yuv import STUDIO, YuvColours, are_colours
from edge_sdk.errors import InputError
from edge_sdk.live.buffers import FrameBuffers
from edge_sdk.live.camera import Cameras, ReadableSource
from edge_sdk.live.crew import Crew
from edge_sdk.live.frames import checked_layout, copy_frame, finite_or_none
from edge_sdk.live.intake import Intake
from edge_sdk.live.models import ModelDesk, SelfTest, Serving, SwapOutcome, SwapReport, measure_batch, try_model
from edge_sdk.live.outbox import Outbox, Reader
from edge_sdk.live.result import (
    MAX_CAMERAS,
    EventKind,
    Latest,
    LiveEvent,
    LiveModel,
    LiveResult,
    LiveSettings,
    LiveState,
    LiveStatus,
)
from edge_sdk.live.slot import LiveAccounting, total
from edge_sdk.live.worker import FrameCheck, Surroundings, one_line
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.throughput import join_or_leave

logger = logging.getLogger(__name__)

RESULTS_DEPTH = 16  # results waiting for a reader: 0.6 s at 25 frames/s, and 100 MB of pictures at 1080p
EVENTS_DEPTH = 256
STOP_S = 2.0
WORKER_SHARE = 0.75  # of the time to stop; the rest is for callbacks and cameras
ORDERS: tuple[str, ...] = get_args(PixelOrder)
FUTURE_NS = 1_000_000_000  # a frame captured later than now by more was not stamped with the monotonic clock

EVENT_OF_OUTCOME: dict[SwapOutcome, EventKind] = {
    "refused": "swap_refused", "on_probation": "swapped", "kept": "swap_kept", "reverted": "swap_reverted",
}  # fmt: skip


class LiveStream:
    """Results of live cameras; see the module. Has one life: start, pause and resume as often as needed, stop.

    Args:
        model: The model that serves first; its owner tested it. Sessions belong to the caller, who closes them: a replaced one after the
            event `swap_kept`, a new one after `swap_refused` or `swap_reverted`.
        settings: May be changed later with `configure`.
        num_cameras: One to four; they are numbered from 0.
        odometer: Where readings come from; None makes an empty one, which `submit(distance_m=...)` fills.
        checks: For each camera a check of its pictures; its flags come with the results.
        keep_images: Whether results hold their picture; the pictures of observations need it.
        began_ns: The monotonic instant from which frames' times count; None for now. A run that goes on began earlier.

    Raises:
        ValueError: If there are no or too many cameras, or not as many checks.
    """

    def __init__(
        self,
        model: LiveModel,
        settings: LiveSettings | None = None,
        *,
        num_cameras: int = 1,
        odometer: OdometerFeed | None = None,
        checks: Sequence[FrameCheck | None] | None = None,
        keep_images: bool = True,
        began_ns: int | None = None,
    ) -> None:
        if not 1 <= num_cameras <= MAX_CAMERAS:
            raise ValueError(f"{num_cameras} cameras; a stream takes 1 to {MAX_CAMERAS}")
        checks = [None] * num_cameras if checks is None else checks
        if len(checks) != num_cameras:
            raise ValueError(f"{len(checks)} picture checks for {num_cameras} cameras; give one for each, or None for it")
        self.odometer = odometer or OdometerFeed()
        self._intake = Intake(num_cameras, started_ns=time.monotonic_ns() if began_ns is None else began_ns)
        self._buffers = FrameBuffers(num_cameras)
        self._desk = ModelDesk(Serving(model, settings or LiveSettings()), self._on_swap)
        self._results: Outbox[LiveResult] = Outbox("live-result")
        self._events: Outbox[LiveEvent] = Outbox("live-event")
        self._latest: list[LiveResult | None] = [None] * num_cameras
        self._cameras = Cameras(self._intake, num_cameras, no_frame_s=lambda: self._desk.serving.settings.no_frame_s, tell=self._tell)
        around = Surroundings(self.odometer, checks, self._cameras.state, self._publish, keep_images)
        self._crew = Crew(self._intake, self._desk, around, self._tell)
        self._life = threading.RLock()  # of start, pause and stop among themselves; submit, latest and swap never take it
        self._phase: LiveState = "new"

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
        """Hand in a frame; returns at once with its sequence number, whatever becomes of it.

        Args:
            frame: uint8, (H, W, 3) or, in the 4:2:0 orders, (H * 3 / 2, W), any strides; copied, so the caller may use the array again.
            camera: Which camera, from 0.
            distance_m: The counter when the frame was captured, in metres; a bad value is counted by `odometer` and not used.
            pan_deg: Where the camera looks, to be carried along; NaN counts as not given.
            tilt_deg: The same, up and down.
            time_ns: When it was captured, `time.monotonic_ns()`; None for now.
            order: `bgr` for frames as OpenCV gives them; `i420` or `nv12` for those of a decoder or a Jetson's camera, which are half as
                large to copy and need not be turned into RGB first.
            colours: What the numbers of a 4:2:0 frame mean.

        Raises:
            FrameShapeError: If it is not a uint8 array of such a shape. One of a size that is not taken raises nothing and is counted
                as `bad_shape`: cameras give such frames while they start.
            InputError: If there is no such camera, order or matrix of colours, or `time_ns` lies in the future: another clock than the
                monotonic one.
        """
        now_ns = time.monotonic_ns()
        captured_ns = now_ns if time_ns is None else int(time_ns)
        self._check_camera(camera)
        if captured_ns > now_ns + FUTURE_NS:
            raise InputError(f"time_ns is {(captured_ns - now_ns) / 1e9:.0f} s in the future; give time.monotonic_ns(), not the wall clock")
        if order not in ORDERS:
            raise InputError(f"channel order {order!r}; give one of {', '.join(ORDERS)}")
        if not are_colours(colours):
            raise InputError(f"colours {colours!r}; give YuvColours('bt601' or 'bt709', full_range=True or False)")
        fits = checked_layout(frame, order)
        if distance_m is not None:
            self.odometer.push(distance_m, captured_ns)
        if not fits or not self._intake.is_open:  # let in since then: it came during the pause all the same
            return self._intake.reject(camera, "paused" if fits else "bad_shape", captured_ns=captured_ns)
        buffer = self._buffers.take(camera, frame.shape)
        lies = copy_frame(frame, buffer, order)
        pan_deg, tilt_deg = finite_or_none(pan_deg), finite_or_none(tilt_deg)
        return self._intake.put(camera, buffer, captured_ns=captured_ns, order=lies, colours=colours, pan_deg=pan_deg, tilt_deg=tilt_deg)

    def latest(self, camera: int = 0) -> Latest:
        """The newest result with scores of a camera, and how old its frame is now; returns at once.

        Raises:
            InputError: If there is no such camera.
        """
        self._check_camera(camera)
        result = self._latest[camera]
        age_ms = None if result is None else max(time.monotonic_ns() - result.captured_ns, 0) / 1e6
        return Latest(result, age_ms, self._cameras.state(camera))

    # Reading results

    def results(self, depth: int = RESULTS_DEPTH) -> Reader[LiveResult]:
        """An iterator over the results from now on, which ends when the stream stops; a slow reader loses the oldest, counted in `lost`."""
        return self._results.reader(depth)

    def on_result(self, callback: Callable[[LiveResult], object], *, depth: int = RESULTS_DEPTH) -> None:
        """Call a function with every result, in a thread of its own; the same holds for slow ones."""
        self._results.call(callback, depth)

    def on_event(self, callback: Callable[[LiveEvent], object]) -> None:
        """Call a function with every event, in a thread of its own."""
        self._events.call(callback, EVENTS_DEPTH)

    # Life

    def start(self) -> None:
        """Let frames in and begin; the model is warmed up first, in the state `loading`, while the newest frame waits.

        Raises:
            RuntimeError: If the stream was started before.
        """
        with self._life:
            if self._phase != "new":
                raise RuntimeError("a live stream has one life; make another one")
            self._phase = "running"
            self._buffers.start()
            self._intake.open()
            self._crew.start(len(self._cameras))

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the model is warmed up; False if it is not in time."""
        return self._crew.ready.wait(timeout_s)

    def attach(self, source: ReadableSource, camera: int = 0) -> None:
        """Take a camera's frames from a live source, in a thread of its own. The caller closes the source.

        Raises:
            ValueError: If there is no such camera or it has a source.
        """
        with self._life:
            self._cameras.attach(source, camera)

    def pause(self) -> None:
        """Let no frames in until `resume`; the waiting ones are dropped as `paused`, the one being worked on ends as usual."""
        with self._life:
            if self._phase == "running":
                self._phase = "paused"
                self._intake.close("paused")

    def resume(self) -> None:
        """Let frames in again."""
        with self._life:
            if self._phase == "paused":
                self._phase = "running"
                self._intake.open()

    def stop(self, timeout_s: float = STOP_S) -> LiveState:
        """End within `timeout_s`, also if the network, a camera or a callback hangs: such a thread is left behind.

        Returns:
            `stopped`, or `abandoned` if the worker hung; its frame is counted as dropped with that reason.
        """
        with self._life:
            if self._phase in ("stopped", "abandoned"):
                return self._phase
            begin = time.monotonic()
            self._intake.end()
            self._cameras.stop()
            self._buffers.stop()
            self._phase = "stopped" if self._crew.stop(timeout_s * WORKER_SHARE) else "abandoned"
            self._results.close()
            self._events.close()
            rest = [*self._cameras.threads, *self._results.threads, *self._events.threads, self._crew.watcher, self._buffers.thread]
            join_or_leave(rest, timeout_s=max(timeout_s - (time.monotonic() - begin), 0.1))
            return self._phase

    def __enter__(self) -> "LiveStream":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # Model and settings

    def configure(self, settings: LiveSettings) -> None:
        """Change the settings from the next frame on."""
        self._desk.configure(settings)

    def swap(self, model: LiveModel, settings: LiveSettings | None = None, *, self_test: SelfTest | None = None) -> SwapReport:
        """Exchange the model between two frames; meanwhile the present one goes on serving.

        The new one is tried in the caller's thread and then serves on probation (see `models.py`). If the present one is stuck, its
        worker is left behind and a new one begins.

        Args:
            model: The new model.
            settings: Its settings (thresholds belong to a model); None keeps the present ones.
            self_test: Runs the bundle's golden frames on its session; without it one run on a black picture must do.

        Returns:
            The outcome so far: `on_probation`, or `refused` with the reason, and the present model stays.
        """
        settings = settings or self._desk.serving.settings
        try:
            try_model(model, self_test)
            batch = measure_batch(model, len(self._cameras)) if settings.batch == "auto" else 1
        except Exception as error:  # whatever a new model does wrong, the present one serves
            return self._desk.refuse(model, one_line(error))
        report = self._desk.swap(Serving(model, settings, batch), "tried and let in")
        self._crew.replace_if_stuck("it hung when the model was exchanged")
        return report

    @property
    def swaps(self) -> tuple[SwapReport, ...]:
        """The newest exchanges of models and what came of them, oldest first."""
        return self._desk.history

    @property
    def settings(self) -> LiveSettings:
        """The settings of the next frame."""
        return self._desk.serving.settings

    # What is going on

    @property
    def state(self) -> LiveState:
        """What the stream is doing, at this instant."""
        if self._phase not in ("running", "paused"):
            return self._phase
        if self._crew.failed:
            return "failed"
        if self._crew.stuck:
            return "stuck"
        return "loading" if self._phase == "running" and not self._crew.ready.is_set() else self._phase

    @property
    def accounting(self) -> LiveAccounting:
        """What became of all frames, at this instant."""
        return total(self._intake.accounting())

    @property
    def status(self) -> LiveStatus:
        """Everything a supervisor asks for."""
        parts, model = self._intake.accounting(), self._desk.serving.model
        return LiveStatus(
            state=self.state,
            model=model.identity,
            provider=model.session.provider,
            working_s=self._crew.working_s,
            accounting=total(parts),
            cameras=self._cameras.statuses(parts),
            results_lost=self._results.lost,
            callback_errors=self._results.callback_errors + self._events.callback_errors,
            workers_abandoned=self._crew.abandoned,
        )

    def _check_camera(self, camera: int) -> None:
        if camera not in self._cameras:
            raise InputError(f"camera {camera}; this stream has cameras 0 to {len(self._cameras) - 1}")

    def _publish(self, result: LiveResult) -> None:
        if result.dropped is None:
            self._latest[result.camera] = result
        self._results.put(result)

    def _tell(self, kind: EventKind, reason: str) -> None:
        self._events.put(LiveEvent(kind, time.monotonic_ns(), reason))

    def _on_swap(self, report: SwapReport) -> None:
        self._tell(EVENT_OF_OUTCOME[report.outcome], f"{report.before} -> {report.after}: {report.reason}")
