"""The real drive as a live stream, at its own 1 frame/s and at 25, with the counter as it was and with a counter that lies.

Skipped where SEWER_EDGE_REAL_DRIVE names no folder (frames/, odometer.csv in feet). What is checked does not depend on what the model
finds: the counter's rule is told again here in a few lines, and every result, gap and observation is held against it.
"""

import csv
import math
import os
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_sdk import Bundle, Inspector, LiveInspection, OdometerFeed
from edge_sdk.live.outbox import Reader
from edge_sdk.live.result import LiveResult
from edge_sdk.odometer import Chainage
from edge_sdk.records import Inspection, Observation
from live_scripts import ready

FOLDER = os.environ.get("SEWER_EDGE_REAL_DRIVE")
pytestmark = [pytest.mark.real, pytest.mark.skipif(FOLDER is None, reason="SEWER_EDGE_REAL_DRIVE is not set")]
FOOT_M, NS, SAME_S, NEAR_S = 0.3048, 1_000_000_000, 1e-3, 1.0
EASY = 0.4  # a threshold at which the shipped model finds something often enough to hold places against the counter
FAULTS = ("late", "jump", "reset", "backward", "nan", "infinite", "huge", "future", "duplicate") * 2 + ("stale",)


class Push(NamedTuple):
    """A reading as the robot sends it: after which frame, what it says, and when it was read (seconds from the drive's start)."""

    frame: int
    value_m: float
    at_s: float


class Used(NamedTuple):
    """A reading that counts, in its run of the counter."""

    at_ns: int
    value_m: float
    segment: int


@pytest.fixture(scope="module")
def drive() -> tuple[list[NDArray[np.uint8]], list[float]]:
    folder = Path(str(FOLDER))
    with (folder / "odometer.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    pictures = [cv2.imread(str(folder / "frames" / row["file"])) for row in rows]
    return [np.asarray(picture, np.uint8) for picture in pictures], [float(row["counter_ft"]) * FOOT_M for row in rows]


def pushes(counter_m: list[float], fps: float, seed: int | None) -> list[Push]:
    """The counter's readings: each with its frame, or, with a seed, a little before it, and every fault in some order at some place."""
    if seed is None:
        return [Push(i, value_m, i / fps) for i, value_m in enumerate(counter_m)]
    random, sent, offset_m, silent_until = np.random.default_rng(seed), [], 0.0, -1.0
    faults = dict(zip(random.choice(np.arange(5, len(counter_m) - 5), len(FAULTS), replace=False), random.permutation(FAULTS), strict=True))
    for i, true_m in enumerate(counter_m):
        at_s, value_m = i / fps - random.uniform(0, 0.4) / fps, true_m + offset_m
        if at_s < silent_until:
            continue
        fault = faults.get(i, "")
        if fault == "stale":
            silent_until = at_s + random.uniform(1.2, 3.0)
            continue
        if fault == "reset":
            offset_m, value_m = -true_m, 0.0
        values = {"jump": value_m + 25.0, "backward": value_m - 0.2, "nan": math.nan, "infinite": -math.inf, "huge": 2e5}
        sent.append(Push(i + 3 * (fault == "late"), values.get(fault, value_m), at_s + 3600.0 * (fault == "future")))
        sent += sent[-1:] * (fault == "duplicate")
    return sorted(sent, key=lambda push: push.frame)  # what is late is sent after newer ones


def used(sent: list[Push], start_ns: int) -> tuple[list[Used], Counter[str]]:
    """The counter's rule once more: which readings count, and what is to be said of each."""
    kept: list[Used] = []
    flags: Counter[str] = Counter()
    for push in sent:
        at_ns, last = start_ns + round(push.at_s * NS), kept[-1] if kept else None
        if not abs(push.value_m) <= 1e5 or push.at_s > 3000:
            flags["rejected"] += 1
            continue
        if last is not None and at_ns <= last.at_ns:
            flags["late"] += 1
            continue
        step_m = 0.0 if last is None else push.value_m - last.value_m
        odd = last is not None and abs(step_m) > 0.25 + 0.5 * (at_ns - last.at_ns) / NS
        flags[("reset" if abs(push.value_m) < 0.01 else "jump") if odd else "backward" if step_m < -1e-3 else "ok"] += 1
        kept.append(Used(at_ns, push.value_m, (last.segment if last else 0) + odd))
    return kept, flags


class Filmed:
    """A live run over the drive with its own counter."""

    def __init__(self, folder: Path, counter_m: list[float], fps: float, seed: int | None, stack: ExitStack) -> None:
        self.sent = pushes(counter_m, fps, seed)
        inspector = stack.enter_context(Inspector(Bundle.open(), threads=1))
        self.live = LiveInspection(inspector, out=folder, odometer=OdometerFeed())
        self.live.set_thresholds([EASY] * 17)
        self.results: Reader[LiveResult] = self.live.stream.results(4096)
        ready(stack.enter_context(self.live))
        self.start_ns = 0

    def frame(self, number: int, picture_HWC: NDArray[np.uint8], due_ns: int) -> None:
        for push in self.sent:
            if push.frame == number:
                self.live.odometer.push(push.value_m, self.start_ns + round(push.at_s * NS))
        self.live.submit(picture_HWC, order="bgr", time_ns=due_ns)


def film(runs: list[Filmed], pictures: list[NDArray[np.uint8]], fps: float) -> None:
    """Give the frames out in real time, the same to every run."""
    start_ns = time.monotonic_ns() + NS // 10
    for run in runs:
        run.start_ns = start_ns
    for number, picture_HWC in enumerate(pictures):
        due_ns = start_ns + round(number / fps * NS)
        time.sleep(max(due_ns - time.monotonic_ns(), 0) / NS)
        for run in runs:
            run.frame(number, picture_HWC, due_ns)
    time.sleep(0.3)  # the last frame's inference


def check(run: Filmed, num_frames: int) -> str:
    """Everything the run claims, against the readings that were sent; returns its figures."""
    inspection, results = run.live.inspection, list(run.results)
    sent, flags = used([push for push in run.sent if push.frame < num_frames], run.start_ns)
    assert +Counter(run.live.odometer.flags) == flags
    counts = inspection.accounting
    assert counts.received == num_frames == counts.processed + sum(counts.dropped.values()), counts
    assert [result.seq for result in results] == sorted({result.seq for result in results}) and len(results) == counts.processed
    assert set(counts.dropped) <= {"superseded", "stopped"}
    for result in results:
        follows_the_counter(result.chainage, result.captured_ns, sent)
    gaps_are_where_no_place_is(inspection, results)
    for observation in inspection.observations:
        lies_on_the_counter(observation, results, inspection.model.look_ahead_m)
    return figures(inspection, results, flags)


def follows_the_counter(place: Chainage, at_ns: int, sent: list[Used]) -> None:
    """The reading of this instant; else the last one, or a place between it and the next, for a second at most; else none at all."""
    after = bisect_right([reading.at_ns for reading in sent], at_ns + SAME_S * NS)
    last = sent[after - 1] if after else None
    following = sent[after] if last and after < len(sent) and sent[after].segment == last.segment else None
    if last is None:
        assert place.value_m is None and place.quality == "none"
        return
    age_s = (at_ns - last.at_ns) / NS
    until_s = (following.at_ns - at_ns) / NS if following else math.inf
    if place.value_m is None:
        assert age_s > NEAR_S and place.quality == "stale"
        return
    assert min(age_s, until_s) <= NEAR_S, "a place was invented"
    between_m = last.value_m if following is None else last.value_m + age_s / (age_s + until_s) * (following.value_m - last.value_m)
    assert place.segment == last.segment
    assert any(place.value_m == pytest.approx(value_m, abs=1e-6) for value_m in ((last.value_m,) if age_s <= NEAR_S else ()) + (between_m,))
    assert (place.quality == "interpolated") == (age_s > SAME_S)


def gaps_are_where_no_place_is(inspection: Inspection, results: list[LiveResult]) -> None:
    gaps = [gap for gap in inspection.coverage.gaps if gap.reason == "no_chainage"]
    for result in results:
        inside = any(gap.from_s - 1e-3 <= result.time_s <= gap.to_s + 1e-3 for gap in inspection.coverage.gaps)
        within = any(gap.from_s + 1e-3 < result.time_s < gap.to_s - 1e-3 for gap in gaps)
        if result.chainage.value_m is None:
            assert inside, f"the frame at {result.time_s:.3f} s has no place and lies in no gap"
        elif not result.quality:
            assert not within or lone(result, results), f"the frame at {result.time_s:.3f} s has a place and lies in a gap"
    lost = [gap for gap in inspection.coverage.gaps if gap.reason == "camera_lost"]
    assert all(gap.to_s <= results[0].time_s + 1e-3 for gap in lost), "only the wait for the first frame may be one"
    nowhere = sum(result.chainage.value_m is None for result in results)
    assert bool(gaps) == bool(nowhere)


def lone(result: LiveResult, results: list[LiveResult]) -> bool:
    """One placed frame between two that are not does not end a gap."""
    i = results.index(result)
    return 0 < i < len(results) - 1 and results[i - 1].chainage.value_m is None and results[i + 1].chainage.value_m is None


def lies_on_the_counter(observation: Observation, results: list[LiveResult], look_ahead_m: float) -> None:
    """Where something was seen is a place of a frame it was seen in (or, of a long one, as far beyond as the camera looks)."""
    seen = [r.chainage for r in results if observation.time_s - 1e-3 <= r.time_s <= observation.time_to_s + 1e-3]
    places = [place.value_m for place in seen if place.value_m is not None]
    if observation.chainage_m is None:
        assert any(place.value_m is None for place in seen)
        return
    reached = [place + shift for place in places for shift in (0.0, look_ahead_m, -look_ahead_m)]
    ends = [observation.chainage_m] + ([observation.chainage_to_m] if observation.chainage_to_m is not None else [])
    for end_m in ends:
        of = places if observation.kind == "point" else reached
        assert any(end_m == pytest.approx(value_m, abs=0.0051) for value_m in of), observation
    best = next(result for result in results if result.seq == observation.frame_index)
    assert best.chainage.quality == observation.chainage_quality


def figures(inspection: Inspection, results: list[LiveResult], flags: Counter[str]) -> str:
    qualities = Counter(result.chainage.quality for result in results)
    p50, p99 = np.percentile([result.age_ms for result in results], [50, 99])
    gaps = Counter(gap.reason for gap in inspection.coverage.gaps)
    return (
        f"{inspection.accounting} readings {dict(flags)} places {dict(qualities)} gaps {dict(gaps)} "
        f"observations {len(inspection.observations)} age p50 {p50:.0f} ms, p99 {p99:.0f} ms"
    )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("seed", [None, 0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_at_25_frames_a_second_every_place_follows_the_counter(
    drive: tuple[list[NDArray[np.uint8]], list[float]], seed: int | None, tmp_path: Path, stack: ExitStack
) -> None:
    pictures, counter_m = drive
    run = Filmed(tmp_path / "run", counter_m, 25.0, seed, stack)

    film([run], pictures, 25.0)
    stack.close()

    print(f"25 frames/s, seed {seed}: {check(run, len(pictures))}")
    assert len(run.live.inspection.observations) >= 3, "nothing to hold against the counter"


@pytest.mark.slow
def test_at_its_own_second_a_frame_every_place_follows_the_counter(
    drive: tuple[list[NDArray[np.uint8]], list[float]], tmp_path: Path, stack: ExitStack
) -> None:
    """The whole 218 s in real time, four runs side by side: the counter as it was, and three that lie."""
    pictures, counter_m = drive
    seeds = (None, 0, 1, 2)
    runs = [Filmed(tmp_path / f"run-{seed}", counter_m, 1.0, seed, stack) for seed in seeds]

    film(runs, pictures, 1.0)
    stack.close()

    for seed, run in zip(seeds, runs, strict=True):
        print(f"1 frame/s, seed {seed}: {check(run, len(pictures))}")
        assert len(run.live.inspection.observations) >= 3 and run.live.inspection.accounting.processed > 0.9 * len(pictures)
