"""Records: strict, complete, and refused in one line where they cannot be used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.distribution import distribution_of, needed_for, percentile
from benchmarks.errors import BenchmarkError, RecordError
from benchmarks.measuring import Bench
from benchmarks.record import read_records
from tests.benchmarks.cases import record, write

ROOT = Path(__file__).parents[2]


def one_line_error(capsys: pytest.CaptureFixture[str]) -> str:
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(err) == 1
    return err[0]


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    first, second = record(times_ms=[1.0, 2.0, 3.0]), record("decode", not_measured={"time": "no film"})
    path = write(tmp_path / "r.jsonl", first, second)

    assert read_records([path]) == (first, second)
    assert len(path.read_text().splitlines()) == 2


def test_an_older_schema_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "old.jsonl", record())
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 0}))

    assert main(["report", str(path), "--out", str(tmp_path / "page")]) == 1

    error = one_line_error(capsys)
    assert "schema 0 is older" in error and "measure again" in error and not (tmp_path / "page").exists()


@pytest.mark.parametrize("text", ["", "not json", '{"schema_version": 99}', '{"schema_version": 1, "verb": "latency"}'])
def test_a_file_that_holds_no_records_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.jsonl").write_text(text)

    with pytest.raises(RecordError, match=r"r\.jsonl"):
        read_records([tmp_path / "r.jsonl"])


@pytest.mark.parametrize("verb", ["latency", "parity", "growth", "all"])
def test_an_output_that_cannot_be_written_is_found_before_measuring(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert main([verb, "--quick", "--out", str(tmp_path / "file" / "r.jsonl")]) == 1

    assert "choose another --out" in one_line_error(capsys)


def test_a_percentile_of_too_few_samples_is_refused_with_its_reason() -> None:
    found = distribution_of(list(np.linspace(1, 2, 100)), warm_up=0)

    assert found.percentiles["p99"] == pytest.approx(1.99) and found.percentiles["p99.9"] is None
    assert "at least 1000" in found.refused["p99.9"] and list(found.refused) == ["p99.9"]
    with pytest.raises(BenchmarkError, match="at least 1000"):
        percentile([1.0] * 100, "p99.9")
    assert distribution_of(list(np.linspace(1, 2, 1000)), warm_up=0).refused == {}


def test_percentiles_need_one_sample_beyond_them() -> None:
    assert [needed_for(name) for name in ("p50", "p90", "p95", "p99", "p99.9")] == [2, 10, 20, 100, 1000]


def test_the_histogram_holds_every_sample_in_its_bin() -> None:
    times = np.random.default_rng(0).lognormal(2, 1, 500)
    histogram = distribution_of(list(times), warm_up=0).histogram
    edges = histogram.edges_ms()

    assert sum(histogram.counts) == 500 and edges[0] <= times.min() and times.max() <= edges[-1]
    np.testing.assert_array_equal(np.histogram(times, edges)[0], histogram.counts)


def test_windows_more_than_ten_per_cent_apart_are_unstable() -> None:
    steady, drifting = [10.0] * 60, [10.0] * 20 + [10.5] * 20 + [11.5] * 20
    few = distribution_of([10.0] * 29, warm_up=0).stability

    assert few is None
    assert (distribution_of(steady, warm_up=0).stability or pytest.fail()).stable
    assert not (distribution_of(drifting, warm_up=0).stability or pytest.fail()).stable


@pytest.mark.parametrize("times", [[], [float("nan")], [-1.0]])
def test_what_is_no_time_is_no_distribution(times: list[float]) -> None:
    with pytest.raises(BenchmarkError):
        distribution_of(times, warm_up=0)


def test_bad_input_leaves_no_empty_file(tmp_path: Path) -> None:
    out = tmp_path / "new" / "r.jsonl"

    assert main(["latency", "--provider", "npu", "--out", str(out)]) == 1 and not out.exists()


def test_a_line_cut_off_by_a_power_failure_stays_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", record(times_ms=[1.0]), record(times_ms=[2.0]))
    path.write_bytes(path.read_bytes()[:-100])
    write(path, record(times_ms=[3.0]))

    with pytest.raises(RecordError, match=r"line 2: not a benchmark record .*; take that line out"):
        read_records([path])
    first, _, third = path.read_bytes().splitlines()
    path.write_bytes(first + b"\n" + third)
    assert [item.distribution.max_ms for item in read_records([path]) if item.distribution] == [1.0, 3.0]


def test_a_figure_that_is_no_number_is_not_measured_and_spoils_no_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    Bench(out=path, verb="power", bundle=None).note("inspecting", figures={"joules": float("nan"), "watts": 5.0, "ratio": float("inf")})

    (item,) = read_records([path])
    assert item.figures == {"watts": 5.0} and item.not_measured == {"joules": "came out as nan", "ratio": "came out as inf"}


FULL_DISK = """
import resource, signal
from pathlib import Path
from benchmarks.errors import BenchmarkError
from benchmarks.film import PAL, film_of
from benchmarks.record import append_record, read_records
from edge_sdk.errors import OutputError
from tests.benchmarks.cases import record
path, folder = Path({path!r}), Path({folder!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for _ in range(20):
    try: append_record(path, record(times_ms=[1.0] * 30))
    except OutputError as error: print(error); break
print(len(read_records([path])), path.stat().st_size < 20_000)
try: film_of(None, PAL, 30, folder)
except OutputError as error: print(error)
print(list(folder.iterdir()))
"""


def test_a_full_disk_keeps_whole_records_and_no_half_film(tmp_path: Path) -> None:
    """By a limit on the size of files: the kernel then writes what fits, as on a disk that fills up."""
    folder = tmp_path / "films"
    folder.mkdir()
    code = FULL_DISK.format(path=str(tmp_path / "r.jsonl"), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
                          capture_output=True, text=True, check=True)  # fmt: skip

    full, kept, no_room, left = done.stdout.splitlines()
    assert "r.jsonl: " in full and "choose another --out" in full and kept.endswith(" True") and int(kept.split()[0]) >= 3
    assert "no room for a film of 720x576" in no_room and left == "[]"


def test_a_single_time_has_no_jitter() -> None:
    assert distribution_of([1.0], warm_up=0).jitter_ms is None and distribution_of([1.0, 3.0], warm_up=0).jitter_ms == 2.0
