"""A small crawler program with the SDK inside: a control loop at 50 Hz, a camera thread, an odometer.

    python deploy/examples/crawler.py deploy/demo/drive.mp4 --odometer deploy/demo/odometer.csv --out shift-7

The film stands for the camera. Printed are the observations, once they are on the disk, and how late the control loop's ticks came.
"""
# ruff: noqa: T201

import argparse
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk import Bundle, EdgeSdkError, Inspector, Observation, OdometerFeed, write_reports
from edge_sdk.odometer_feed import readings_from_csv

TICK_S = 0.02


class Camera(threading.Thread):
    """Films: gives each picture of a film at its time, over and over."""

    def __init__(self, film: Path, take: Callable[[NDArray[np.uint8]], object]) -> None:
        super().__init__(daemon=True)
        self._film, self._take, self._ended = film, take, threading.Event()

    def run(self) -> None:
        """Film until stopped."""
        capture = cv2.VideoCapture(str(self._film))
        period_s, due_s = 1 / (capture.get(cv2.CAP_PROP_FPS) or 25.0), time.monotonic()
        while not self._ended.is_set():
            ok, frame_HWC = capture.read()
            if not ok:
                capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                continue
            due_s += period_s
            self._ended.wait(max(due_s - time.monotonic(), 0.0))
            self._take(np.asarray(frame_HWC, dtype=np.uint8))

    def stop(self) -> None:
        """Film no more."""
        self._ended.set()
        self.join()


def drive(film: Path, seconds: float, take: Callable[[NDArray[np.uint8]], object], tick: Callable[[float], object]) -> NDArray[np.float64]:
    """The control loop; returns how late each tick came, in milliseconds."""
    camera = Camera(film, take)
    camera.start()
    late_ms, begin_s = [], time.monotonic()
    for i in range(1, round(seconds / TICK_S)):
        due_s = begin_s + i * TICK_S
        time.sleep(max(due_s - time.monotonic(), 0.0))
        late_ms.append((time.monotonic() - due_s) * 1e3)
        tick(i * TICK_S)  # read the wheels, steer, drive
    camera.stop()
    return np.asarray(late_ms)


def drive_with_sdk(arguments: argparse.Namespace) -> NDArray[np.float64]:
    """The same drive with the SDK in it."""
    metres, times_ns = zip(*readings_from_csv(arguments.odometer, start_ns=0), strict=True)
    counter = OdometerFeed("wheels")
    with (
        Inspector(Bundle.open(), threads=arguments.threads) as inspector,
        inspector.live(arguments.out, odometer=counter, name="crawler", overwrite=True) as live,
    ):
        live.on_observation(say)
        live.wait_ready(60)

        def tick(now_s: float) -> None:
            counter.push(float(np.interp(now_s * 1e9, times_ns, metres)))
            live.latest()  # a robot would slow down where something is in view

        late_ms = drive(arguments.film, arguments.seconds, lambda frame: live.submit(frame, order="bgr"), tick)
    inspection, page = live.inspection, write_reports(live.inspection, arguments.out)["html"]
    print(f"{inspection.accounting.processed} frames inspected, {len(inspection.observations)} observations: {page}")
    return late_ms


def say(observation: Observation) -> None:
    """What a crawler's screen would show."""
    place = f"{observation.time_s:.1f} s" if observation.chainage_m is None else f"{observation.chainage_m:.2f} m"
    print(f"  {place}  {observation.class_.code} {observation.class_.label}, score {observation.score.peak:.2f}", flush=True)


def figures(what: str, late_ms: NDArray[np.float64]) -> None:
    """Lateness in three figures."""
    p50, p99 = np.percentile(late_ms, [50, 99])
    print(f"control loop {what}: {len(late_ms)} ticks, late by p50 {p50:.2f} ms, p99 {p99:.2f} ms, at most {late_ms.max():.2f} ms")


def main() -> None:
    """Drive without, then with the SDK."""
    parser = argparse.ArgumentParser(description="A small crawler program with the SDK inside.")
    parser.add_argument("film", type=Path)
    parser.add_argument("--odometer", type=Path, required=True, help="CSV with time_s and distance_m")
    parser.add_argument("--out", type=Path, default=Path("crawler-run"), help="the run's folder; what lies there is replaced")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each drive")
    parser.add_argument("--threads", type=int, help="of one inference; leave a core to the control loop")
    parser.add_argument("--without-sdk", action="store_true", help="only drive and film")
    arguments = parser.parse_args()
    without_ms = drive(arguments.film, arguments.seconds, lambda frame: None, lambda now_s: None)
    try:
        with_ms = None if arguments.without_sdk else drive_with_sdk(arguments)
    except EdgeSdkError as error:
        parser.exit(1, f"error: {error}\n")
    figures("without the SDK", without_ms)
    if with_ms is not None:
        figures("with the SDK   ", with_ms)


if __name__ == "__main__":
    main()
