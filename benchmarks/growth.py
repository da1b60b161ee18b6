"""`growth`: does the report's time grow with the number of observations as it should, in proportion?

python -m benchmarks growth [--most 10000] [--quick] [--out results.jsonl]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.latency import samples_of
from benchmarks.measuring import Bench
from benchmarks.options import add_out, bare_bench, number_of
from edge_sdk import __version__
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.records import (
    RECORD_SCHEMA_VERSION,
    Accounting,
    Code,
    Coverage,
    Inspection,
    ModelRecord,
    Observation,
    Score,
    SourceRecord,
)
from edge_sdk.report import write_reports

LEAST = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Up to how many."""
    add_out(parser)
    parser.add_argument("--most", type=int, help="observations in the longest run (10000; --quick: 1000)")
    parser.add_argument("--repeats", type=int, help="of each (5; --quick: 2)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0."""
    most = number_of(arguments, "most", full=10_000, quick=1000, least=LEAST)
    repeats = number_of(arguments, "repeats", full=5, quick=2)
    bench = bare_bench(arguments, "growth")
    nums = [LEAST * 10**power for power in range(8) if LEAST * 10**power <= most]
    measure(bench, nums, repeats=repeats)
    return 0


def measure(bench: Bench, nums: list[int], *, repeats: int) -> None:
    """A record for each number, the last one with the exponent of all: 1 is in proportion."""
    medians: list[float] = []
    for num in nums:
        inspection, times_ms = inspection_of(num), []
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(repeats):
                begin = time.perf_counter()
                write_reports(inspection, Path(folder))
                times_ms.append(1e3 * (time.perf_counter() - begin))
        medians.append(float(np.median(times_ms)))
        figures = {"observations": float(num), "ms_per_observation": medians[-1] / num}
        figures |= {"exponent": exponent(nums[: len(medians)], medians)} if len(medians) > 1 else {}
        bench.note("report", samples=samples_of(times_ms, 0), figures=figures, settings={"observations": num, "pictures": False})


def exponent(nums: list[int], times_ms: list[float]) -> float:
    """Between the last two: log of the times' ratio over log of the numbers'."""
    return float(np.log(times_ms[-1] / times_ms[-2]) / np.log(nums[-1] / nums[-2]))


def inspection_of(num: int) -> Inspection:
    """The record of a run with so many observations, a fifth of a metre apart, without pictures."""
    classes = taxonomy()
    observations = tuple(
        Observation(
            observation_id=f"00000000-0000-5000-8000-{i:012d}", revision=0, seq=i,
            class_=Code(coding_system=classes.coding_system, code=c.code, label=c.label), proposed_codes=(), kind="point",
            chainage_m=i / 5, chainage_to_m=None, chainage_uncertainty_m=(0.0, 0.3), chainage_quality="ok", time_s=float(i),
            time_to_s=i + 0.5, frame_index=25 * i, frame_name=None, score=Score(peak=0.8, threshold=0.5, frames_positive=9),
            review_priority=0.5, picture=None,
        )
        for i, c in ((i, classes.classes[i % len(classes)]) for i in range(num))
    )  # fmt: skip
    model = ModelRecord(
        bundle="made-up", version="0.0.0", sha256="0" * 64, signed_by=None, provider="none", precision="fp32", threads=0,
        trained_on="nothing", data_kind="rendered", data_licence="none", look_ahead_m=1.0, look_behind_m=0.3,
        threshold_origin="protocol-0.5", f2_ciw=None, f1_normal=None, evaluated_on=None, self_test_max_abs_dp=0.0,
    )  # fmt: skip
    return Inspection(
        schema_version=RECORD_SCHEMA_VERSION, run_id="00000000-0000-4000-8000-000000000000", created_utc="2026-01-01T00:00:00+00:00",
        sdk_version=__version__, status="complete", status_reasons=(), notices=(), basis="distance",
        source=SourceRecord(name="made-up.mp4", kind="film", width=720, height=576, fps=25.0, announced_frames=25 * num),
        odometer=None, model=model, thresholds=dict.fromkeys(classes.codes, 0.5),
        accounting=Accounting(received=25 * num, processed=25 * num, dropped={}),
        coverage=Coverage(from_m=0.0, to_m=num / 5, travelled_m=num / 5, duration_s=float(num), gaps=()), observations=observations,
    )  # fmt: skip
