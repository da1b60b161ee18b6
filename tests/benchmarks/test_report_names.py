"""Rows of a report: what differs is seen, what is the same stands once, and no two records look alike."""

import re
from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import main
from benchmarks.record import BundleRef, Measurement
from benchmarks.report.drawing import lines, points
from benchmarks.report.naming import row_names, shared_words
from benchmarks.report.summary import summary
from tests.benchmarks.cases import record, write

TIMES = [10.0 + 0.01 * i for i in range(200)]
SIZE = {"size": "720x576"}
BASE = {"provider": "cpu", "runs_on": "CPUExecutionProvider", "precision": "fp32", "threads": 1}


def of(verb: str, name: str, settings: dict[str, object], **changes: object) -> Measurement:
    made = record(name, settings={**BASE, **settings}, **changes)  # type: ignore[arg-type]
    return msgspec.structs.replace(made, verb=verb)


def test_what_is_the_same_is_said_once_and_what_differs_in_every_row() -> None:
    small, large = (of("latency", "decode", {"size": size, "film": "a.mp4", "camera_fps": 25.0}) for size in ("720x576", "1920x1080"))
    other = of("latency", "decode", {"size": "720x576", "film": "b.mp4", "camera_fps": 25.0})

    assert row_names([small, large]) == ["decode, 720x576", "decode, 1920x1080"]
    assert shared_words([small, large]) == "film a.mp4, camera fps 25"
    assert row_names([small, other]) == ["decode, 720x576, film a.mp4", "decode, 720x576, film b.mp4"]
    assert shared_words([small, other]) == "camera fps 25"


def test_a_quick_look_and_another_bundle_are_never_taken_for_the_full_measurement() -> None:
    full, quick = (of("latency", "decode", {"size": "720x576", "quick": quick}) for quick in (False, True))
    ref = BundleRef(identity="other-1.0.0-def", sha256="c" * 64, precision="fp32", graph_sha256="d" * 64)

    assert row_names([full, quick]) == ["decode, 720x576", "decode, 720x576, quick"]
    assert row_names([full, msgspec.structs.replace(full, bundle=ref)])[1] == "decode, 720x576, other-1.0.0-def"


def test_the_same_measured_twice_is_told_apart_by_code_and_then_by_time() -> None:
    first = of("latency", "decode", {"size": "720x576"})
    newer = msgspec.structs.replace(first, code="0.2.0")
    later = msgspec.structs.replace(first, created_utc="2026-01-02T00:00:00+00:00")

    assert row_names([first, newer]) == ["decode, 720x576, 0", "decode, 720x576, 0.2.0"]
    assert row_names([first, later])[1].endswith("measured 2026-01-02T00:00:00+00:00")
    assert len(set(row_names([first, first, later]))) == 3


def test_cameras_batches_and_threads_are_named_by_their_number() -> None:
    cameras = [of("throughput", "cameras", {"size": "720x576", "cameras": num}) for num in (1, 2)]
    threads = [of("throughput", "threads", {"session_threads": num}) for num in (1, 4)]

    assert row_names(cameras, with_name=False) == ["720x576, 1 camera", "720x576, 2 cameras"]
    assert row_names(threads, with_name=False) == ["1 thread", "4 threads"]


def test_the_summary_answers_what_was_measured_and_nothing_else() -> None:
    live = {"results_per_s": 25.0, "received": 250.0, "dropped": 0.0, "dropped_share": 0.0, "cores_busy": 0.8}
    seen = of("latency", "capture to observation", {"size": "720x576", "camera_fps": 25.0}, times_ms=TIMES, figures=live)
    cameras = [
        of(
            "throughput", "cameras", {**SIZE, "cameras": num, "camera_fps": 25.0}, times_ms=TIMES,
            figures={**live, "dropped_share": share, "results_per_s": rate},
        )
        for num, share, rate in ((1, 0.0, 25.0), (2, 0.005, 50.0), (3, 0.2, 60.0), (4, 0.0, 60.0))  # the last: decoding did not keep up
    ]  # fmt: skip
    lost = {"f2_ciw": 0.5, "delta_f2_ciw": -0.012}
    parity = [
        of("parity", "int8 on cpu", {}, figures=lost, failed=("loses",)),
        of("parity", "fp32 on cpu", {}, figures={"max_abs_dp": 0.0}),
    ]

    found = summary([seen, *cameras, *parity, of("power", "inspecting a file", {}, not_measured={"joules_per_frame": "none"})])

    assert found is not None
    rows = dict(found.tables[0].rows)
    assert rows["capture to observation, live, 720x576"] == "p50 11 ms, p99 12 ms; 0 % of 25 frames/s without a result"
    assert rows["cameras served at 25 frames/s, 720x576"] == "2 of up to 4, with at most 1 % of the frames without a result"
    assert rows["parity with fp32"] == "1 of 2 comparisons within their bounds; largest loss of F2_CIW 1.20 points"
    assert rows["energy per frame"] == "not measured" and len(rows) == 4
    assert summary([]) is None


def test_bundles_have_parity_tables_of_their_own(tmp_path: Path) -> None:
    ref = BundleRef(identity="other-1.0.0-def", sha256="c" * 64, precision="fp32", graph_sha256="d" * 64)
    one = of("parity", "fp32 on cpu", {"data": "golden frames", "images": 16, "reference": "packed"}, figures={"max_abs_dp": 0.0})
    results = write(tmp_path / "r.jsonl", one, msgspec.structs.replace(one, bundle=ref))

    assert main(["report", str(results), "--out", str(tmp_path / "page")]) == 0

    markdown = (tmp_path / "page" / "benchmarks.md").read_text()
    assert "## Parity: tiny-1.0.0-abc" in markdown and "## Parity: other-1.0.0-def" in markdown


@pytest.mark.parametrize("num", [1, 12])
def test_a_legend_never_runs_out_of_the_drawing(num: int) -> None:
    series = {f"int8-x86 on cpu, data of a long name, number {i}": {"RB": 40.0 + i, "RO": 10.0} for i in range(num)}
    drawings = (points(series, unit="%"), lines({name: [(1.0, 2.0)] for name in series}, x_unit="cameras", y_unit="per s"))

    for drawing in drawings:
        height = float(drawing.split('viewBox="0 0 960 ')[1].split('"')[0])
        places = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', drawing)
        assert len(places) == num
        assert all(float(x) + 34 + 6.6 * len(name) <= 960 and float(y) + 12 < height for (x, y), name in zip(places, series, strict=True))
