"""The example crawler drives with the SDK in it, and how late its control loop was with and without is measured."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.crawler_jitter import WAYS, carried, main
from edge_sdk.journal.inspection import inspection_from_journal

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "deploy" / "demo"
LATE = r"control loop {}\s*: (\d+) ticks, late by p50 (\d+\.\d+) ms, p99 (\d+\.\d+) ms, at most (\d+\.\d+) ms"


def crawl(*options: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    program = [sys.executable, ROOT / "deploy" / "examples" / "crawler.py", DEMO / "drive.mp4", "--odometer", DEMO / "odometer.csv"]
    return subprocess.run([*map(str, program), *map(str, options)], env=environment, capture_output=True, text=True, timeout=300)


def test_the_crawler_drives_and_its_run_is_recorded(tmp_path: Path) -> None:
    done = crawl("--out", tmp_path / "run", "--seconds", "1.6", "--threads", "1")

    assert done.returncode == 0, done.stderr
    for what in ("without the SDK", "with the SDK"):
        found = re.search(LATE.format(what), done.stdout)
        assert found and int(found[1]) == 79, done.stdout
    inspection = inspection_from_journal(tmp_path / "run")
    assert inspection.status == "complete" and inspection.accounting.received > 5
    assert inspection.coverage.to_m is not None and 0.0 < inspection.coverage.to_m < 1.0
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.slow
def test_the_crawler_finds_what_the_demo_drive_shows(tmp_path: Path) -> None:
    done = crawl("--out", tmp_path / "run", "--seconds", "25", "--threads", "1")

    told = re.findall(r"^  (\d+\.\d+) m  ([A-Z]{2}) ", done.stdout, re.MULTILINE)
    inspection = inspection_from_journal(tmp_path / "run")
    assert told and {code for _, code in told} >= {item.class_.code for item in inspection.observations}


def test_one_long_wait_makes_the_next_ticks_late_until_the_loop_has_caught_up() -> None:
    assert carried([0.0, 50.0, 0.0, 1.0, 0.0, 0.0], 20.0).tolist() == [0.0, 50.0, 30.0, 11.0, 0.0, 0.0]


def test_jitter_is_measured_three_ways_in_one_run(bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "1", "--seconds", "0.8", "--bundle", str(bundle_path), "--trust", str(trust)]) == 0

    out = capsys.readouterr().out
    for way in WAYS:
        (figures,) = re.findall(rf"^{way} +39((?: +(?:\d+\.\d+|nan)){{4}})$", out, re.MULTILINE)
        p50, p99, _, most = (float(value) for value in figures.split())
        assert 0 <= p50 <= p99 <= most
    (seen,) = re.findall(r"^SDK under load: \d+\.\d+ cores, (\d+) frames inspected$", out, re.MULTILINE)
    assert int(seen) > 0
    assert main(["--film", "absent.mp4"]) == 1 and "absent.mp4: no such film" in capsys.readouterr().err
