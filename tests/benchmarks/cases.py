"""Records and things to measure for the tests of the benchmarks."""

from pathlib import Path

import cv2
import msgspec
import numpy as np

import tiny
from benchmarks.distribution import distribution_of
from benchmarks.fingerprint import fingerprint
from benchmarks.record import BundleRef, Measurement, append_record
from benchmarks.state import State

QUIET = State(load=0.1, threads=3, clock_mhz=2000, temperature_c=40.0, throttled=0)
BUNDLE = BundleRef(identity="tiny-1.0.0-abc", sha256="a" * 64, precision="fp32", graph_sha256="b" * 64)


def record(name: str = "inference", *, times_ms: list[float] | None = None, **changes: object) -> Measurement:
    """A record of a quiet machine; `changes` replace fields."""
    settings = {"provider": "cpu", "runs_on": "CPUExecutionProvider", "precision": "fp32", "threads": 1, "size": "720x576", "kind": "stage"}
    made = Measurement(
        verb="latency", name=name, created_utc="2026-01-01T00:00:00+00:00", code="0", fingerprint=fingerprint(), before=QUIET, after=QUIET,
        bundle=BUNDLE, settings=settings, distribution=distribution_of(times_ms, warm_up=5) if times_ms else None,
        rounds=tuple(times_ms or ()),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def write(path: Path, *records: Measurement) -> Path:
    for item in records:
        append_record(path, item)
    return path


def tiny_film(path: Path, num: int = 12) -> Path:
    """Frames of grey with a red field that comes and goes."""
    frames = [tiny.painted(tiny.RED if 4 <= i % 10 <= 6 else tiny.GREY) for i in range(num)]
    return tiny.write_film(path, frames)


def png(colour: tuple[int, int, int]) -> bytes:
    return cv2.imencode(".png", np.ascontiguousarray(tiny.painted(colour)[..., ::-1]))[1].tobytes()
