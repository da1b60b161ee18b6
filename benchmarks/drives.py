"""Observations against the truth: rendered drives through the whole robot path, film, odometer, model, tracking and all.

    python -m benchmarks.drives [--num 12] [--seed 500] [--bundle B] [--trust KEY.pub]

Frame metrics say how often a frame is right; a person reads observations. One is right if its class stands in the truth within its own
stated uncertainty and half a metre; a true thing is found if such an observation exists. Rendered drives: no statement about real film.
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_sdk.bundle import Bundle
from edge_sdk.errors import EdgeSdkError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.records import Observation
from trainer.synth import SYNTH_VERSION, write_drive

LENGTH_M, FPS = 14.0, 10.0
SLACK_M = 0.5


class Truth(NamedTuple):
    """A thing that is there, from and to in metres (equal for a point)."""

    code: str
    from_m: float
    to_m: float


class DriveScore(NamedTuple):
    """Counts of one drive: things there and found, observations proposed and right; offsets of found point things in metres."""

    there: int
    found: int
    proposed: int
    right: int
    offsets_m: tuple[float, ...]


def score(truth: Sequence[Truth], observations: Sequence[Observation]) -> DriveScore:
    """Match observations with the truth of a drive."""
    pairs = [(t, o) for t in truth for o in observations if matches(t, o)]
    offsets = {t: min(abs((o.chainage_m or 0.0) - t.from_m) for u, o in pairs if u == t) for t, _ in pairs if t.from_m == t.to_m}
    found, right = {t for t, _ in pairs}, {o.observation_id for _, o in pairs}
    return DriveScore(len(truth), len(found), len(observations), len(right), tuple(offsets.values()))


def matches(truth: Truth, observation: Observation) -> bool:
    """Whether an observation names this thing at a place it may have."""
    low, high = observation.chainage_m, observation.chainage_to_m or observation.chainage_m
    if observation.class_.code != truth.code or low is None or high is None or observation.chainage_uncertainty_m is None:
        return False
    below, above = observation.chainage_uncertainty_m
    return low + below - SLACK_M <= truth.to_m and truth.from_m <= high + above + SLACK_M


def run_drive(seed: int, *, bundle: Bundle) -> DriveScore:
    """Render a drive, inspect it, and hold the one against the other."""
    with tempfile.TemporaryDirectory() as folder:
        drive = Path(folder) / "drive"
        write_drive(drive, seed=seed, length_m=LENGTH_M, fps=FPS)
        inspection, _ = inspect_film(
            drive / "drive.mp4", bundle=bundle, odometer=drive / "odometer.csv", out=Path(folder) / "out", film=False, threads=1
        )
        with (drive / "observations.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    truth = [Truth(row["code"], float(row["from_m"]), float(row["to_m"] or row["from_m"])) for row in rows]
    return score(truth, inspection.observations)


def table(bundle: Bundle, scores: Sequence[DriveScore]) -> str:
    """The figures over all drives, as text."""
    there, found, proposed, right = (sum(column) for column in list(zip(*scores, strict=True))[:4])
    offsets = [offset for item in scores for offset in item.offsets_m]
    metres = LENGTH_M * len(scores)
    return "\n".join(
        [
            f"{bundle.identity} on {len(scores)} rendered drives of {LENGTH_M:g} m ({SYNTH_VERSION}, {FPS:g} frames/s)",
            f"things there          {there}, {100 * there / metres:.0f} per 100 m",
            f"found                 {found}, recall {found / max(there, 1):.0%}",
            f"observations          {proposed}, {100 * proposed / metres:.0f} per 100 m",
            f"right                 {right}, precision {right / max(proposed, 1):.0%}",
            f"place of point things off by {np.median(offsets) if offsets else float('nan'):.2f} m in the median",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drives", description="A bundle's observations on rendered drives.")
    parser.add_argument("--num", type=int, default=12, help="drives (12)")
    parser.add_argument("--seed", type=int, default=500, help="of the first; the default bundle was trained on none of them (500)")
    parser.add_argument("--workers", type=int, default=4, help="drives at a time (4)")
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub")
    arguments = parser.parse_args(argv)
    try:
        bundle = Bundle.open(arguments.bundle, trust=arguments.trust)
        seeds = range(arguments.seed, arguments.seed + arguments.num)
        with ProcessPoolExecutor(arguments.workers) as pool:
            print(table(bundle, list(pool.map(partial(run_drive, bundle=bundle), seeds))))
    except EdgeSdkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
