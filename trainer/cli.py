"""Command line of the server half: `python -m trainer.cli <verb>`.

    synth      render frames or a drive               pretrain   a backbone, with few labels or none
    linear     a classifier on a frozen backbone      finetune   a classifier, backbone and all
    distill    a classifier taught by a larger one    export     checkpoint to ONNX, with figures
    pack       exported model to signed bundle        parity     an export's graphs against torch
    quantize   an export's graph in fp16, int8        evaluate   a checkpoint's figures on a split
    shards     a data folder's images in a few files  reproduce  a published study, cell by cell
    keygen     make a signing key

Exit codes: 0 fine, 1 our error with one line on stderr, 2 usage, 130 interrupted. Results go to stdout, talk to stderr.
"""

# Imports of torch and friends are inside the verbs: rendering needs none of it, and --help must be quick.

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_sdk.errors import EdgeSdkError
from trainer.argument_types import count
from trainer.errors import TrainerError
from trainer.synth.errors import SynthError

OUR_ERRORS = (TrainerError, EdgeSdkError, SynthError)
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, call one function, map errors to exit codes."""
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except OUR_ERRORS as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if args.debug:
            raise
        print(f"error: {error.filename or 'disk'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = argparse.ArgumentParser(prog="python -m trainer.cli", description="Train, export and pack models for sewer-edge.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = parser.add_subparsers(dest="verb", required=True)
    _add_synth(verbs.add_parser("synth", help="render frames or a drive"))
    _add_training(verbs.add_parser("pretrain", help="train a backbone without labels, or with them beside it"), ("dino", "hybrid"))
    _add_training(verbs.add_parser("linear", help="train a classifier on a frozen backbone"), ("linear",))
    _add_training(verbs.add_parser("finetune", help="train a classifier, backbone and all"), ("finetune",))
    _add_training(verbs.add_parser("distill", help="train a classifier taught by a larger one"), ("distill",))
    _add_export(verbs.add_parser("export", help="checkpoint to ONNX, with figures"))
    _add_parity(verbs.add_parser("parity", help="an export's graphs against what was trained: the gate"))
    _add_quantize(verbs.add_parser("quantize", help="an export's graph in fp16 and int8, within a bound"))
    _add_pack(verbs.add_parser("pack", help="exported model to signed bundle"))
    _add_evaluate(verbs.add_parser("evaluate", help="a checkpoint's figures on a split"))
    _add_shards(verbs.add_parser("shards", help="a data folder's images in a few large files"))
    _add_reproduce(verbs.add_parser("reproduce", help="a published study on your data, cell by cell"))
    _add_keygen(verbs.add_parser("keygen", help="make a signing key"))
    return parser


def _add_synth(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True)
    frames = kinds.add_parser("frames", help="labelled frames in Sewer-ML's layout")
    frames.add_argument("--num", type=int, default=None, metavar="N", help="frames, all in one split named Train")
    frames.add_argument("--train", type=int, default=0, metavar="N", help="or: frames in the training split")
    frames.add_argument("--val", type=int, default=0, metavar="N", help="frames in the validation split")
    frames.add_argument("--test", type=int, default=0, metavar="N", help="frames in the test split")
    frames.add_argument("--profile", default="balanced", help="how often each class appears: balanced (default) or natural, as in Sewer-ML")
    frames.add_argument("--format", default="jpg", help="image files: jpg (default) or png")
    frames.add_argument("--masks", action="store_true", help="write class masks too")
    frames.add_argument("--depth", action="store_true", help="write depth too, 16-bit PNG of millimetres")
    frames.set_defaults(run=_synth_frames)
    drive = kinds.add_parser("drive", help="a film with odometer and truth")
    drive.add_argument("--length", "--length-m", dest="length_m", type=float, default=20.0, metavar="M", help="metres driven (20)")
    drive.add_argument("--fps", type=float, default=25.0, help="frames a second (25)")
    drive.add_argument("--speed-m-s", type=float, default=0.2, help="mean speed (0.2)")
    drive.add_argument("--defects", type=int, default=None, help="things to be found (one in 2.5 m)")
    drive.add_argument("--counter", default="robot", help="odometer.csv: a robot's counter, with slip, presets and jumps (robot), or true")
    drive.set_defaults(run=_synth_drive)
    benchmark = kinds.add_parser("benchmark", help="the benchmark set rendered-v1: 26,000 frames and 20 drives")
    benchmark.set_defaults(run=_synth_benchmark)
    for kind in (frames, drive, benchmark):
        kind.add_argument("--out", type=Path, required=True, help="folder to write; must not exist, or be empty")
    for kind in (frames, drive):
        kind.add_argument("--seed", type=int, default=0)
        kind.add_argument("--size", type=_size, default=(288, 352), metavar="WxH", help="pixels (352x288)")
    for kind in (frames, benchmark):
        kind.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (all cores); the bytes do not depend on it")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text}: write it as WIDTHxHEIGHT, such as 352x288")
    return int(height), int(width)


def _synth_frames(args: argparse.Namespace) -> int:
    from trainer.data.rendered import write_rendered
    from trainer.progress import counting_late

    if args.num is not None and (args.train or args.val or args.test):
        raise SynthError("give either --num (one split, Train) or --train, --val and --test")
    nums = {"Train": args.train, "Val": args.val, "Test": args.test} if args.num is None else {"Train": args.num}
    if not any(nums.values()):
        raise SynthError("nothing to render: give --num, or --train, --val or --test, a number of frames")
    with counting_late(sum(nums.values()), "frames") as count:
        write_rendered(
            args.out,
            nums,  # type: ignore[arg-type]
            seed=args.seed,
            profile=args.profile,
            size=args.size,
            workers=args.workers,
            image_format=args.format,
            masks=args.masks,
            depth=args.depth,
            progress=count,
        )
    print(args.out)
    return 0


def _synth_drive(args: argparse.Namespace) -> int:
    from trainer.progress import counting_late
    from trainer.synth import write_drive

    with counting_late(None, "frames") as count:
        write_drive(
            args.out,
            seed=args.seed,
            length_m=args.length_m,
            fps=args.fps,
            size=args.size,
            speed_m_s=args.speed_m_s,
            num_defects=args.defects,
            counter=args.counter,
            progress=lambda done: count("drive", done),
        )
    print(args.out)
    return 0


def _synth_benchmark(args: argparse.Namespace) -> int:
    from trainer.data.rendered import write_rendered_benchmark
    from trainer.progress import counting_late
    from trainer.synth.benchmark_set import read_definition

    definition = read_definition()
    total = sum(split.num for split in definition.splits) + len(definition.drives)
    with counting_late(total, definition.name) as count:
        write_rendered_benchmark(args.out, definition, workers=args.workers, progress=count)
    print(args.out)
    return 0


def _add_training(parser: argparse.ArgumentParser, tasks: Sequence[str]) -> None:
    parser.add_argument("recipe", type=Path, help="YAML file; see trainer/recipes")
    parser.add_argument("overrides", nargs="*", metavar="part.field=value", help="differences from the recipe, such as loop.epochs=3")
    parser.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    parser.add_argument("--resume-if-exists", action="store_true", help="the same where there is one, else start: for job queues")
    parser.set_defaults(run=_train, tasks=tasks)


def _train(args: argparse.Namespace) -> int:
    from trainer.config import config_from_yaml
    from trainer.device import restarted
    from trainer.errors import ConfigError
    from trainer.loop import train
    from trainer.run_folder import has_checkpoint

    for name in ("lightning.fabric", "lightning.pytorch"):  # the opening line names device and precision
        logging.getLogger(name).setLevel(logging.WARNING)
    config = config_from_yaml(args.recipe, args.overrides)
    if config.task not in args.tasks:
        raise ConfigError(f"{args.recipe}: key 'task' is {config.task}; '{args.verb}' runs {' and '.join(args.tasks)}")
    resume = args.resume or ((args.resume_if_exists or restarted()) and has_checkpoint(config))
    result = train(config, resume=resume)
    if result.interrupted:
        print(f"interrupted at step {result.step} of {result.num_steps}; go on with --resume", file=sys.stderr)
        return INTERRUPTED
    print(result.run_dir)
    return 0


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", type=Path, metavar="RUN", help="a run's folder (its best checkpoint), or one checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; must not exist, or be empty")
    parser.add_argument("--stored-as", choices=("float32", "float16", "int8"), default="float32", help="weights in the file (float32)")
    parser.add_argument("--data", type=Path, help="data folder, if it is no longer where the run found it")
    parser.add_argument(
        "--thresholds", choices=("tuned", "protocol"), default="tuned", help="decide by thresholds tuned on Val for F2, or by 0.5 (tuned)"
    )
    parser.add_argument("--threads", type=int, default=0, help="of onnxruntime while measuring (all cores)")
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from trainer.export.run import export_checkpoint
    from trainer.run_folder import best_checkpoint

    record = export_checkpoint(
        best_checkpoint(args.run_dir),
        args.out,
        stored_as=args.stored_as,
        thresholds="protocol-0.5" if args.thresholds == "protocol" else "tuned-on-validation",
        data_root=args.data,
        threads=args.threads,
        say=_say,
    )
    for figures in record.evaluation:
        _say(
            f"{figures.split}, {figures.num_images} images: F2_CIW {100 * figures.f2_ciw:.2f} %, F1_Normal {100 * figures.f1_normal:.2f} %"
        )
    parity = record.parity
    _say(f"parity with {parity.reference}: max|dp| {parity.max_abs_dp:.2g}, mean {parity.mean_abs_dp:.2g}, {parity.decision_flips} flips")
    print(args.out)
    return 0


def _add_parity(parser: argparse.ArgumentParser) -> None:
    from trainer.export.parity_command import add_arguments

    add_arguments(parser)


def _add_quantize(parser: argparse.ArgumentParser) -> None:
    from trainer.export.quantize_command import add_arguments

    add_arguments(parser)


def _add_pack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", type=Path, metavar="EXPORT", help="folder written by export")
    signing = parser.add_mutually_exclusive_group(required=True)
    signing.add_argument("--key", type=Path, help="signing key, written by keygen")
    signing.add_argument("--unsigned", action="store_true", help="for a trial; robots refuse it unless told otherwise")
    parser.add_argument("--out", type=Path, required=True, help="bundle file to write")
    parser.add_argument("--name", help="of the bundle (the run's name)")
    parser.add_argument("--version", default="0.1.0", help="of the bundle (0.1.0)")
    parser.add_argument(
        "--precision", nargs="+", metavar="P", help="graphs to take: fp32 fp16 int8-trt int8-x86 (fp32, and the others that passed parity)"
    )
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="take labelled frames of this data folder along (none)")
    parser.add_argument("--evaluation-split", choices=("Train", "Val", "Test"), default="Test", help="of this split (Test)")
    parser.add_argument("--evaluation-num", type=count, default=400, metavar="N", help="at most so many, 32 MB in all (400)")
    parser.set_defaults(run=_pack)


def _pack(args: argparse.Namespace) -> int:
    from edge_sdk.trust import private_key_from_pem
    from trainer.export.evaluation_frames import FramesFrom
    from trainer.export.pack import pack

    key = None if args.unsigned else private_key_from_pem(args.key)
    frames = FramesFrom(args.evaluation, args.evaluation_split, args.evaluation_num) if args.evaluation else None
    pack(
        args.export,
        args.out,
        key=key,
        name=args.name,
        version=args.version,
        precisions=args.precision,
        evaluation=frames,
        say=_say,
    )
    _say(f"{args.out.stat().st_size / 1e6:.1f} MB")
    print(args.out)
    return 0


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    from trainer.evaluate.command import add_arguments

    add_arguments(parser)


def _add_shards(parser: argparse.ArgumentParser) -> None:
    from trainer.data.shard_writing import add_arguments

    add_arguments(parser)


def _add_reproduce(parser: argparse.ArgumentParser) -> None:
    from trainer.study.command import add_arguments

    add_arguments(parser)


def _add_keygen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="private key to write; its public half goes to <path>.pub")
    parser.set_defaults(run=_keygen)


def _keygen(args: argparse.Namespace) -> int:
    from edge_sdk.trust import write_key_pair

    print(write_key_pair(args.path))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
