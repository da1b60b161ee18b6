"""The command `evaluate`: its arguments, and what it says."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="a run's folder (its best checkpoint), or one checkpoint")
    parser.add_argument("--data", type=Path, required=True, help="folder in Sewer-ML's layout, with its DATASET.yaml")
    parser.add_argument("--split", choices=("Train", "Val", "Test"), default="Test", help="which split the figures are of (Test)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; must not exist, or be empty")
    parser.add_argument(
        "--thresholds",
        choices=("protocol", "tuned"),
        default="protocol",
        help="decide by the protocol's 0.5, or per class by thresholds tuned on Val (protocol)",
    )
    parser.add_argument("--resamples", type=_count, default=1000, help="of the images, for the intervals (1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples (0)")
    parser.add_argument("--workers", type=int, default=1, help="loader processes (1)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, write, and print the table."""
    from trainer.evaluate.report import text_from_report
    from trainer.evaluate.run import evaluate_checkpoint
    from trainer.run_folder import best_checkpoint

    report = evaluate_checkpoint(
        best_checkpoint(args.checkpoint),
        args.data,
        args.out,
        split=args.split,
        thresholds="protocol-0.5" if args.thresholds == "protocol" else "tuned-on-validation",
        num_resamples=args.resamples,
        seed=args.seed,
        workers=args.workers,
        say=lambda text: print(text, file=sys.stderr),  # noqa: T201
    )
    print(text_from_report(report), end="")  # noqa: T201
    print(args.out / "evaluation.html", file=sys.stderr)  # noqa: T201
    return 0


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1")
    return number
