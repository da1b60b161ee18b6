"""`compare`: two checkouts or two bundles in turns on this machine; is the second slower?

    python -m benchmarks compare --first-tree ../old [--rounds 20] [--out results.jsonl]
    python -m benchmarks compare --first-bundle old.bundle --bundle new.bundle

Each side has a process of its own that waits while the other is measured; the first of a pair changes from round to round. Measured is one
prepared and inferred frame. Exit code 1 when the second is slower.
"""

import argparse
import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from benchmarks.children import ROOT
from benchmarks.errors import BenchmarkError
from benchmarks.measuring import Samples
from benchmarks.options import add_out, bare_bench
from benchmarks.regression import MIN_PAIRS, verdict_on
from benchmarks.subject import add_options
from edge_sdk.errors import InputError

CHILD = Path(__file__).with_name("compare_child.py")
FIRST, SECOND = "first", "second"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Both sides, how many rounds."""
    add_options(parser)
    add_out(parser)
    parser.add_argument("--first-tree", type=Path, metavar="DIR", help="the first side's checkout (default: this one)")
    parser.add_argument("--first-bundle", type=Path, metavar="B", help="the first side's bundle (default: --bundle)")
    parser.add_argument("--rounds", type=int, help=f"pairs (40; --quick: {2 * MIN_PAIRS})")
    parser.add_argument("--runs", type=int, default=20, help="frames in a round of one side (20)")


def run(arguments: argparse.Namespace) -> int:
    """Measure in turns and judge; 1 if the second is slower."""
    rounds = arguments.rounds or (2 * MIN_PAIRS if arguments.quick else 40)
    if rounds < MIN_PAIRS or arguments.runs < 1:
        raise InputError(f"--rounds must be at least {MIN_PAIRS}, --runs at least 1")
    tree = (arguments.first_tree or ROOT).resolve()
    if not (tree / "edge_sdk").is_dir():
        raise InputError(f"{tree}: no checkout of this project (it has no edge_sdk)")
    bench = bare_bench(arguments, "compare")
    sides = {FIRST: (tree, arguments.first_bundle or arguments.bundle), SECOND: (ROOT, arguments.bundle)}
    times: dict[str, list[list[float]]] = {name: [] for name in sides}
    with ExitStack() as stack:
        children = {name: stack.enter_context(Side(*side, arguments)) for name, side in sides.items()}
        for number in range(rounds):
            for name in (FIRST, SECOND) if number % 2 == 0 else (SECOND, FIRST):
                times[name].append(children[name].round_ms(arguments.runs))
    pairing = secrets.token_hex(8)
    for name, own in times.items():
        bench.note(
            "prepare and infer", samples=_samples(own), settings={"side": name, "tree": sides[name][0].name, "runs": arguments.runs},
            pairing=pairing,
        )  # fmt: skip
    verdict = verdict_on(*(_samples(times[name]).rounds_ms for name in (FIRST, SECOND)))
    print(f"the second is {verdict}")
    if verdict.outcome == "slower":
        raise BenchmarkError(f"the second is slower by {100 * (verdict.ratio - 1):.1f} %")
    return 0


def _samples(rounds_ms: list[list[float]]) -> Samples:
    medians = tuple(sorted(times)[len(times) // 2] for times in rounds_ms)
    return Samples(tuple(time_ms for times in rounds_ms for time_ms in times), 0, medians)


class Side:
    """A process of one checkout with one bundle, asked for rounds over a pipe; see `compare_child.py`.

    Raises:
        BenchmarkError: If it does not come up, in its own words.
    """

    def __init__(self, tree: Path, bundle: Path | None, arguments: argparse.Namespace) -> None:
        given = [str(bundle.resolve()) if bundle else "-", arguments.provider or "-", arguments.precision, str(arguments.threads)]
        keys = [str(key.resolve()) for key in arguments.trust]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, str(CHILD), str(tree), *given, *keys], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(tree)}, cwd=tree,
        )  # fmt: skip
        if self._line() != "ready":
            self.__exit__(None, None, None)
            raise BenchmarkError(f"{tree.name}: this side does not come up; its error is above")

    def round_ms(self, num: int) -> list[float]:
        """Times of so many frames.

        Raises:
            BenchmarkError: If the process has ended.
        """
        stdin: IO[str] | None = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(f"{num}\n")
            stdin.flush()
            return msgspec.json.decode(self._line(), type=list[float])
        except (OSError, msgspec.DecodeError) as error:
            raise BenchmarkError("one side ended while it was measured; its error is above") from error

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
