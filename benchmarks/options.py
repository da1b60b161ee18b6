"""Options every measuring verb has, and the bench they make."""

import argparse
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import Bench
from benchmarks.record import check_writable
from benchmarks.subject import Subject, add_options, subject_of
from benchmarks.words import line_of
from edge_sdk.errors import InputError


def add_measuring_options(parser: argparse.ArgumentParser, *, film: bool = True) -> None:
    """Bundle and runtime, film, length, and where the records go."""
    add_options(parser)
    if film:
        parser.add_argument("--film", type=Path, help="a film of yours (default: the demo drive, enlarged on the spot)")
    add_out(parser)


def add_out(parser: argparse.ArgumentParser) -> None:
    """Length, and where the records go."""
    parser.add_argument("--quick", action="store_true", help="a look at everything in minutes; figures are rough")
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="append the records to this file")


def number_of(arguments: argparse.Namespace, option: str, *, full: int, quick: int, least: int = 1) -> int:
    """A whole number as given, else of a full or of a quick measurement.

    Raises:
        InputError: If it is below `least`.
    """
    given: int | None = getattr(arguments, option)
    if given is not None and given < least:
        raise InputError(f"--{option} {given}: give at least {least}")
    return given if given is not None else quick if arguments.quick else full


def seconds_of(arguments: argparse.Namespace, *, full: float, quick: float) -> float:
    """`--seconds` as given, else of a full or of a quick measurement.

    Raises:
        InputError: If it is not above 0.
    """
    default = quick if arguments.quick else full
    return above_zero("--seconds", default if arguments.seconds is None else arguments.seconds)


def above_zero(option: str, given: float) -> float:
    """The number, if it is one.

    Raises:
        InputError: If it is not above 0, or without end.
    """
    if not (math.isfinite(given) and given > 0):
        raise InputError(f"{option} {given:g}: give a number above 0")
    return given


@contextmanager
def bench_of(arguments: argparse.Namespace, verb: str) -> Iterator[tuple[Bench, Subject]]:
    """A bench for what the options name, brought up; the file is tried before anything is measured.

    Raises:
        EdgeSdkError: If something given cannot be used.
    """
    if arguments.out is not None:
        check_writable(arguments.out)
    with subject_of(arguments, say=lambda line: print(line, file=sys.stderr)) as subject:
        settings = {**subject.settings, "quick": arguments.quick}
        yield Bench(out=arguments.out, verb=verb, bundle=subject.ref, settings=settings, say=lambda record: print(line_of(record))), subject


def bare_bench(arguments: argparse.Namespace, verb: str) -> Bench:
    """A bench for what runs no model in this process.

    Raises:
        OutputError: If the records cannot be kept.
    """
    if arguments.out is not None:
        check_writable(arguments.out)
    return Bench(out=arguments.out, verb=verb, bundle=None, settings={"quick": arguments.quick}, say=lambda record: print(line_of(record)))
