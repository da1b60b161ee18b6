"""A live inspection in one call: what `sewer-edge run rtsp://...` does, for programs.

inspection, written = inspect_live(["rtsp://10.0.0.7/stream1"], duration_s=600)
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from edge_sdk.bundle import Bundle
from edge_sdk.camera import open_live
from edge_sdk.camera.live_camera import NO_FRAME_TIMEOUT_S
from edge_sdk.errors import InputError, OutputError
from edge_sdk.inspect_film import RESULTS
from edge_sdk.inspector import Inspector, ThresholdChoice
from edge_sdk.live.result import MAX_CAMERAS
from edge_sdk.live_inspection import LiveInspection
from edge_sdk.live_run.odometer_tail import OdometerTail
from edge_sdk.live_run.stopping import StopSignals
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.pictures import FOLDER
from edge_sdk.records import Inspection, Observation
from edge_sdk.report import write_reports
from edge_sdk.runtime.links import Provider, Say
from edge_sdk.supervision import Notifier, Snapshot

LOOK_EVERY_S = 0.25


def inspect_live(
    uris: Sequence[str | int],
    *,
    bundle: Bundle | None = None,
    odometer: Path | None = None,
    odometer_unit: str | None = None,
    fps: float | None = None,
    no_frame_timeout_s: float = NO_FRAME_TIMEOUT_S,
    out: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    threads: int | None = None,
    precision: str = "auto",
    require: Provider | None = None,
    thresholds: ThresholdChoice = "frozen",
    duration_s: float | None = None,
    metrics_port: int | None = None,
    ended: threading.Event | None = None,
    on_observation: Callable[[Observation], object] | None = None,
    on_status: Callable[[Snapshot], object] | None = None,
    say: Say = lambda line: None,
) -> tuple[Inspection, dict[str, Path]]:
    """Inspect live cameras until told to stop, and write the reports.

    Args:
        uris: Addresses of one to four cameras, as `open_live` takes them; one that is absent is asked again for ever.
        bundle: The model; None for the shipped one.
        odometer: A CSV file to which another program appends readings.
        odometer_unit: Unit of the counter where its column does not say it.
        fps: Asked of a V4L2 or CSI camera.
        no_frame_timeout_s: Without a frame for so long a camera is lost (0.5 to 60).
        out: The run's folder; None makes `live-<UTC time>`, so that a restart of the robot begins another run.
        overwrite: Write into `out` even if it is not empty.
        resume: Go on with the run that lies in `out`, whether it broke off or was stopped, and begin one where there is none; `out` must
            be given. What a service that is started again with the same command needs.
        threads: Threads for one inference; None takes every core.
        precision: Which graph to run.
        require: The one runtime to take, or none at all.
        thresholds: The manifest's, or those tuned to the very graph.
        duration_s: Stop after so long; None goes on until told.
        metrics_port: Serve metrics and health on 127.0.0.1.
        ended: Set it to stop. SIGINT and SIGTERM do so too while this runs in the main thread; after SIGTERM the run is `interrupted`.
        on_observation: Told of each observation once it is on the disk.
        on_status: Told of the run four times a second.
        say: Told, in one line each, what takes long, what is broken, and what runs.

    Returns:
        The record, and where each report lies. A run that was stopped is `complete`, with what was not seen in its gaps; one that SIGTERM
        ended is `interrupted`: whoever sends that says nothing of the inspection.

    Raises:
        EdgeSdkError: If an address, odometer, bundle, port or folder cannot be used, or the disk does not take the record.
    """
    if not 1 <= len(uris) <= MAX_CAMERAS:
        raise InputError(f"{len(uris)} cameras; give 1 to {MAX_CAMERAS}")
    if resume and (out is None or overwrite):
        raise InputError("to go on with a run name its folder with --out, and do not --overwrite it")
    ended = ended or threading.Event()
    out = out or Path(f"live-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}")
    _check_folder(out, in_use=overwrite or resume)
    with ExitStack() as stack:
        sources = [stack.enter_context(open_live(uri, fps=fps, no_frame_timeout_s=no_frame_timeout_s)) for uri in uris]
        feed = OdometerFeed(odometer.name) if odometer else None
        tail = OdometerTail(odometer, feed, unit=odometer_unit) if odometer and feed else None
        inspector = stack.enter_context(
            Inspector(bundle or Bundle.open(), precision=precision, threads=threads, require=require, thresholds=thresholds, say=say)
        )
        signals = stack.enter_context(StopSignals())
        live = LiveInspection(
            inspector, out=out, source=sources, odometer=feed, metrics_port=metrics_port, notifier=Notifier.from_environment(),
            overwrite=overwrite, resume=resume,
        )  # fmt: skip
        if on_observation is not None:
            live.on_observation(on_observation)
        try:
            _forget_results(out, pictures=not resume)  # those of earlier lives are this run's own
        except OutputError:
            live.stop()
            raise
        if tail is not None:
            stack.enter_context(tail)
        with live:
            _wait(live, ended, signals, duration_s, on_status)
            inspection = live.stop(interrupted_by=signals.interrupted_by)
        return inspection, write_reports(inspection, out)


def _wait(
    live: LiveInspection,
    ended: threading.Event,
    signals: StopSignals,
    duration_s: float | None,
    on_status: Callable[[Snapshot], object] | None,
) -> None:
    end_s = None if duration_s is None else time.monotonic() + duration_s
    while not signals.came:
        left_s = LOOK_EVERY_S if end_s is None else min(LOOK_EVERY_S, end_s - time.monotonic())
        if left_s <= 0 or ended.wait(left_s):
            return
        if on_status is not None:
            on_status(live.status)
    ended.set()  # for whoever else waits for it


def _check_folder(out: Path, *, in_use: bool) -> None:
    try:
        if out.exists() and any(out.iterdir()) and not in_use:
            raise OutputError(f"{out} is not empty; choose another --out, go on with its run by --resume, or give --overwrite")
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror}; choose another --out") from error


def _forget_results(out: Path, *, pictures: bool) -> None:
    """Delete what an earlier run or life left, once the folder is ours: an old report beside a run that goes on would mislead."""
    try:
        for old in (*(out / name for name in RESULTS), *((out / FOLDER).glob("*.jpg") if pictures else ())):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror}; choose another --out") from error
