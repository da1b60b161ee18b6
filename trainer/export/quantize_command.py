"""The command `quantize`: its arguments, and what it says."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.argument_types import count, natural, points

if TYPE_CHECKING:
    from trainer.export.quantize_record import QuantisationRecord

PRECISIONS = ("fp16", "int8-trt", "int8-x86")
METHODS = ("minmax", "percentile-99.9", "percentile-99.99", "percentile-99.999", "entropy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("export", type=Path, metavar="EXPORT", help="folder written by export")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS), help="which to make (all)")
    parser.add_argument("--data", type=Path, help="folder in Sewer-ML's layout, if it is no longer where the export found it")
    parser.add_argument("--calibration", choices=("Train", "Val"), default="Train", help="split whose images set the int8 ranges (Train)")
    parser.add_argument("--num-calibration", type=count, default=512, metavar="N", help="of these images, spread over the split (512)")
    parser.add_argument("--method", choices=METHODS, default="percentile-99.999", help="ranges from values (percentile-99.999)")
    parser.add_argument(
        "--max-drop", type=points, default=0.5, metavar="POINTS", help="largest loss of F2_CIW on Val at the export's thresholds (0.5)"
    )
    parser.add_argument("--num-validation", type=count, default=2000, metavar="N", help="images of Val to measure that on (2000)")
    parser.add_argument("--sensitivity", action="store_true", help="measure every layer, not only where the bound needs it")
    parser.add_argument("--sensitivity-images", type=count, default=256, metavar="N", help="images of Val to measure that on (256)")
    parser.add_argument("--seed", type=natural, default=0, help="of the choice of images (0)")
    parser.add_argument("--threads", type=natural, default=0, help="of onnxruntime (all cores)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, write, and print what it cost."""
    from trainer.export.quantize_job import Settings
    from trainer.export.quantize_run import quantise_export

    settings = Settings(
        precisions=tuple(p for p in PRECISIONS if p in args.precision),  # type: ignore[misc]
        calibration=args.calibration,
        num_calibration=args.num_calibration,
        method=args.method,
        max_drop=args.max_drop,
        num_validation=args.num_validation,
        sensitivity=args.sensitivity,
        num_sensitivity=args.sensitivity_images,
        seed=args.seed,
        threads=args.threads,
    )
    records = quantise_export(args.export, settings, data_root=args.data, say=lambda text: print(text, file=sys.stderr))  # noqa: T201
    for record in records:
        print("\n".join(_lines(record)))  # noqa: T201
    return 0


def _lines(record: "QuantisationRecord") -> Iterator[str]:
    from trainer.export.sensitivity import text_from_sensitivities

    cost, gained = record.cost, 0.0 - round(record.cost.lost, 2)  # never -0.00
    yield (
        f"{record.file}: F2_CIW {cost.f2_ciw_before:.2f} -> {cost.f2_ciw_after:.2f} ({gained:+.2f} points, {cost.max_drop:g} allowed) "
        f"on {cost.num_images} images of {cost.split}; max|dp| {cost.max_abs_dp:.4f}, mean {cost.mean_abs_dp:.5f}, "
        f"{cost.decision_flips} flips"
    )
    returned = [node.name for node in record.kept if node.reason.startswith("sensitive")]
    if record.precision != "fp16":
        yield f"  {len(record.quantised)} linear layers in int8, returned to float: {', '.join(returned) or 'none'}"
    if record.sensitivity:
        yield f"  each layer alone in int8, {record.num_sensitivity_images} images:"
        yield from (f"  {line}" for line in text_from_sensitivities(record.sensitivity).splitlines())
