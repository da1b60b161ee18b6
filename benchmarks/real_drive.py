"""What a bundle says where an operator said something: a real drive, inspected the whole way, held against the codes typed then.

    python -m benchmarks.real_drive FOLDER [--bundle B] [--trust KEY.pub]

FOLDER holds `frames/`, `odometer.csv` and `observations.csv` with the columns `counter_ft`, `text` and `sewer_ml_class` (empty: not one of
the 17 classes). One drive of one camera: an indication, no metric. For looking only: nothing may be trained, chosen or tuned on it.
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edge_sdk.bundle import Bundle
from edge_sdk.errors import EdgeSdkError, InputError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.records import Inspection, Observation

FOOT_M = 0.3048
REACH_M = 1.0  # the counter is typed when the thing is in view, not when it is reached


class Coded(NamedTuple):
    """What the operator typed: a class of the list, the place in metres, the words."""

    code: str
    chainage_m: float
    text: str


def read_codes(folder: Path) -> list[Coded]:
    """The operator's codes that are one of the 17 classes.

    Raises:
        InputError: If the folder has none.
    """
    path = folder / "observations.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        coded = [Coded(row["sewer_ml_class"], float(row["counter_ft"]) * FOOT_M, row["text"]) for row in rows if row["sewer_ml_class"]]
    except (OSError, KeyError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: needs columns counter_ft, text and sewer_ml_class ({reason})") from error
    if not coded:
        raise InputError(f"{path}: no row names a class; nothing to hold the bundle against")
    return coded


def near(inspection: Inspection, chainage_m: float) -> list[Observation]:
    """Observations whose stretch comes within a metre of a place."""
    found = []
    for observation in inspection.observations:
        low = observation.chainage_m
        if low is None:
            continue
        high = observation.chainage_to_m if observation.chainage_to_m is not None else low
        if min(low, high) - REACH_M <= chainage_m <= max(low, high) + REACH_M:
            found.append(observation)
    return sorted(found, key=lambda observation: -observation.score.peak)


def report(bundle: Bundle, inspection: Inspection, codes: Sequence[Coded]) -> str:
    """The table, as text."""
    length = inspection.coverage
    lines = [
        f"{bundle.identity} (trained on {bundle.manifest.training.data_name}) on a real drive of {inspection.accounting.processed} frames",
        "one drive: an indication, no metric",
        f"observations proposed: {len(inspection.observations)} between {length.from_m or 0:.1f} and {length.to_m or 0:.1f} m",
        "",
    ]
    for coded in codes:
        said = near(inspection, coded.chainage_m)
        verdict = "found" if any(observation.class_.code == coded.code for observation in said) else "NOT found"
        names = ", ".join(f"{observation.class_.code} {observation.score.peak:.2f}" for observation in said) or "nothing"
        lines.append(f"{coded.chainage_m:6.2f} m  {coded.code}  {verdict:9}  said within {REACH_M:g} m: {names}   ({coded.text.lower()})")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_drive", description="A bundle on a real drive with its operator's codes."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub")
    arguments = parser.parse_args(argv)
    try:
        codes = read_codes(arguments.folder)
        bundle = Bundle.open(arguments.bundle, trust=arguments.trust)
        with tempfile.TemporaryDirectory() as out:
            inspection, _ = inspect_film(
                arguments.folder / "frames", bundle=bundle, odometer=arguments.folder / "odometer.csv", out=Path(out) / "out", film=False
            )
        print(report(bundle, inspection, codes))
    except (EdgeSdkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
