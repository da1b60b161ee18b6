"""A real drive, where one is given by SEWER_EDGE_REAL_DRIVE (frames/, odometer.csv in feet, observations.csv): the counter is followed."""

import csv
import os
from pathlib import Path

import pytest

from edge_sdk.camera import open_source
from edge_sdk.inspect_film import inspect_film
from edge_sdk.odometer import Odometer

FOLDER = os.environ.get("SEWER_EDGE_REAL_DRIVE")
pytestmark = [pytest.mark.real, pytest.mark.skipif(FOLDER is None, reason="SEWER_EDGE_REAL_DRIVE is not set")]
FOOT_M = 0.3048


@pytest.fixture
def drive() -> Path:
    return Path(str(FOLDER))


def test_chainage_follows_the_counter_through_preset_reset_and_reverse(drive: Path) -> None:
    with (drive / "odometer.csv").open(encoding="utf-8", newline="") as file:
        counter_ft = {row["file"]: float(row["counter_ft"]) for row in csv.DictReader(file)}

    with open_source(drive / "frames") as source:
        odometer = Odometer.from_csv(drive / "odometer.csv", source)
        places = {frame.name: odometer.at(frame) for frame in source.frames()}

    for name, feet in counter_ft.items():
        assert places[name].value_m == pytest.approx(feet * FOOT_M, abs=1e-9)
    assert odometer.record.resets >= 1 and odometer.record.jumps >= 1
    assert min(place.value_m for place in places.values() if place.value_m is not None) < 0


def test_the_run_finishes_and_every_observation_lies_on_the_counter(drive: Path, tmp_path: Path) -> None:
    inspection, written = inspect_film(drive / "frames", odometer=drive / "odometer.csv", out=tmp_path / "out")

    coverage = inspection.coverage
    assert inspection.status == "complete" and inspection.accounting.dropped == {}
    assert coverage.from_m is not None and coverage.to_m is not None
    for observation in inspection.observations:
        assert observation.chainage_m is not None
        assert coverage.from_m - 0.5 <= observation.chainage_m <= coverage.to_m + 2.0
    assert written["html"].stat().st_size > 1000
