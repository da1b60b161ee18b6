"""Time and memory of reading a label file as long as Sewer-ML's: 1.3 million rows.

    python -m benchmarks.label_file [--rows 1300000] [--folder DIR]

Writes a CSV in Sewer-ML's layout and an empty file for every image into a temporary folder (below DIR; it takes a minute and that many
inodes), reads it in a fresh process as a run does, and prints seconds and the peak of resident memory, beside that of an interpreter
which only imported the reader.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_sdk.contract.taxonomy import taxonomy

NUM_ROWS = 1_300_000
SHARE_POSITIVE = 0.06  # of each class; about what gives Sewer-ML's half of normal images is not the point here
BLOCK = 50_000

MEASURED = """
import json, resource, sys, time
from pathlib import Path
from trainer.data.sewer_ml import read_split
from trainer.data.subset import label_fraction

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before, times, start = peak_mb(), {}, time.perf_counter()
def lap(name):
    global start
    times[name] = time.perf_counter() - start
    start = time.perf_counter()

split = read_split(Path(sys.argv[1]), "Train"); lap("read_s")
split.digest; lap("digest_s")
label_fraction(split, 0.1, 42); lap("fraction_s")
print(json.dumps({"rows": len(split), "import_mb": before, "peak_mb": peak_mb(), **times}))
"""


def write_labels(root: Path, num_rows: int) -> None:
    """A training split of `num_rows` images that hold nothing."""
    folder = root / "Train"
    folder.mkdir()
    rng = np.random.default_rng(0)
    with (root / "SewerML_Train.csv").open("w", encoding="utf-8") as file:
        file.write(",".join(["Filename", "WaterLevel", "VA", *taxonomy().codes, "ND", "Defect"]) + "\n")
        for start in range(0, num_rows, BLOCK):
            labels_NC = rng.random((min(BLOCK, num_rows - start), len(taxonomy()))) < SHARE_POSITIVE
            for number, labels_C in enumerate(labels_NC.astype(int).tolist(), start=start + 1):
                name, defect = f"{number:08d}.png", int(any(labels_C))
                file.write(f"{name},0,0,{','.join(map(str, labels_C))},{1 - defect},{defect}\n")
                (folder / name).touch()


def measure(root: Path) -> dict[str, float]:
    """Read the split in a process of its own."""
    result = subprocess.run([sys.executable, "-c", MEASURED, str(root)], capture_output=True, text=True, check=True)  # noqa: S603
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


def report(figures: dict[str, float]) -> str:
    """The figures as one paragraph."""
    return (
        f"{figures['rows']:,.0f} rows: read and checked in {figures['read_s']:.1f} s, "
        f"digest over CSV and file sizes {figures['digest_s']:.1f} s, "
        f"10 % of the labels chosen in {figures['fraction_s']:.1f} s; peak memory {figures['peak_mb']:.0f} MB, "
        f"of which {figures['import_mb']:.0f} MB are the interpreter and its imports"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.label_file", description="Time and memory of a label file of Sewer-ML's length."
    )
    parser.add_argument("--rows", type=int, default=NUM_ROWS)
    parser.add_argument("--folder", type=Path, help="where the temporary folder goes")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=args.folder) as root:
        write_labels(Path(root), args.rows)
        print(report(measure(Path(root))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
