"""The example crawler drives with the SDK in it, and says how late its control loop was with and without."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge_sdk.journal.inspection import inspection_from_journal

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "deploy" / "demo"
LATE = r"control loop {}\s*: (\d+) ticks, late by p50 (\d+\.\d+) ms, p99 (\d+\.\d+) ms, at most (\d+\.\d+) ms"


def crawl(*options: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    program = [sys.executable, ROOT / "deploy" / "examples" / "crawler.py", DEMO / "drive.mp4", "--odometer", DEMO / "odometer.csv"]
    return subprocess.run([*map(str, program), *map(str, options)], env=environment, capture_output=True, text=True, timeout=120)


def test_the_crawler_drives_and_its_run_is_recorded(tmp_path: Path) -> None:
    done = crawl("--out", tmp_path / "run", "--seconds", "1.6", "--threads", "1")

    assert done.returncode == 0, done.stderr
    for what in ("without the SDK", "with the SDK"):
        found = re.search(LATE.format(what), done.stdout)
        assert found and int(found[1]) == 79, done.stdout
    inspection = inspection_from_journal(tmp_path / "run")
    assert inspection.status == "complete" and inspection.accounting.received > 25
    assert inspection.coverage.to_m is not None and 0.1 < inspection.coverage.to_m < 1.0
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.slow
def test_the_crawler_finds_what_the_demo_drive_shows(tmp_path: Path) -> None:
    done = crawl("--out", tmp_path / "run", "--seconds", "25", "--threads", "1")

    told = re.findall(r"^  (\d+\.\d+) m  ([A-Z]{2}) ", done.stdout, re.MULTILINE)
    inspection = inspection_from_journal(tmp_path / "run")
    assert told and {code for _, code in told} >= {item.class_.code for item in inspection.observations}
