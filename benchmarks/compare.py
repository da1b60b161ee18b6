"""`compare`: two checkouts or two bundles in turns on this machine; is the second slower?

    python -m benchmarks compare --first-tree ../old [--rounds 20] [--out results.jsonl]
    python -m benchmarks compare --first-bundle old.bundle --bundle new.bundle

Each side has a process of its own that waits while the other is measured; the first of a pair changes from round to round. Measured is one
prepared and inferred frame, by the clock and by the process's CPU time: what neighbours take from the machine stretches the clock's time
and hardly touches the other. Exit code 1 when the second is slower by either.
"""

import argparse
import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from benchmarks.children import ROOT
from benchmarks.errors import BenchmarkError
from benchmarks.measuring import Bench, Samples, code_version
from benchmarks.options import add_out, bare_bench, number_of
from benchmarks.record import BundleRef, Setting
from benchmarks.regression import MIN_PAIRS, Verdict, verdict_on
from benchmarks.state import State
from benchmarks.subject import add_options
from edge_sdk.errors import InputError

CHILD = Path(__file__).with_name("compare_child.py")
FIRST, SECOND = "first", "second"
NAMES = ("prepare and infer", "prepare and infer, CPU time")
Round = list[tuple[float, float]]  # milliseconds of each frame by the clock, and of CPU


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
    rounds = number_of(arguments, "rounds", full=40, quick=2 * MIN_PAIRS, least=MIN_PAIRS)
    runs = number_of(arguments, "runs", full=20, quick=20)
    tree = (arguments.first_tree or ROOT).resolve()
    if not (tree / "edge_sdk").is_dir():
        raise InputError(f"{tree}: no checkout of this project (it has no edge_sdk)")
    bench = bare_bench(arguments, "compare")
    before = bench.before
    sides = {FIRST: (tree, arguments.first_bundle or arguments.bundle), SECOND: (ROOT, arguments.bundle)}
    rounds_of: dict[str, list[Round]] = {name: [] for name in sides}
    with ExitStack() as stack:
        children = {name: stack.enter_context(Side(*side, arguments)) for name, side in sides.items()}
        for number in range(rounds):
            for name in (FIRST, SECOND) if number % 2 == 0 else (SECOND, FIRST):
                rounds_of[name].append(children[name].round_ms(runs))
    judge = partial(_judged, bench, rounds_of, children, runs=runs, before=before)
    verdicts = [judge(which) for which in range(len(NAMES))]
    slower = [f"{name} by {100 * (v.ratio - 1):.1f} %" for name, v in zip(NAMES, verdicts, strict=True) if v.outcome == "slower"]
    if slower:
        raise BenchmarkError(f"the second is slower: {'; '.join(slower)}")
    return 0


def _judged(bench: Bench, rounds_of: dict[str, list[Round]], sides: "dict[str, Side]", which: int, *, runs: int, before: State) -> Verdict:
    """Keep both sides' times of one clock, and compare them."""
    samples, pairing = {name: _samples(rounds, which) for name, rounds in rounds_of.items()}, secrets.token_hex(8)
    for name, own in samples.items():
        settings: dict[str, Setting] = {"side": name, "runs": runs, **sides[name].settings}
        bench.note(
            NAMES[which], samples=own, settings=settings, pairing=pairing, bundle=sides[name].bundle, before=before, code=sides[name].code
        )
    verdict = verdict_on(samples[FIRST].rounds_ms, samples[SECOND].rounds_ms)
    print(f"{NAMES[which]}: the second is {verdict}")
    return verdict


def _samples(rounds: list[Round], which: int) -> Samples:
    times = [[frame[which] for frame in own] for own in rounds]
    return Samples(tuple(time_ms for own in times for time_ms in own), 0, tuple(sorted(own)[len(own) // 2] for own in times))


class Answer(msgspec.Struct, frozen=True):
    """What a side says when it has come up: what runs where; or why it has not."""

    provider: str = ""
    version: str = ""
    bundle: BundleRef | None = None
    error: str | None = None


class Side:
    """A process of one checkout with one bundle, asked for rounds over a pipe; see `compare_child.py`.

    Raises:
        BenchmarkError: If it does not come up, in its own words.
    """

    def __init__(self, tree: Path, path: Path | None, arguments: argparse.Namespace) -> None:
        given = [str(path.resolve()) if path else "-", arguments.provider or "-", arguments.precision, str(arguments.threads)]
        given += ["unsigned" if arguments.allow_unsigned else "signed", *(str(key.resolve()) for key in arguments.trust)]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, str(CHILD), str(tree), *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(tree)}, cwd=tree,
        )  # fmt: skip
        try:
            answer = msgspec.json.decode(self._line(), type=Answer)
        except msgspec.DecodeError:
            answer = Answer(error="its error is above")
        if answer.error is not None:
            self.__exit__(None, None, None)
            raise BenchmarkError(f"the side of {tree.name} does not come up: {answer.error}")
        self.bundle, self.code = answer.bundle, code_version(tree, answer.version)
        self.settings: dict[str, Setting] = {"tree": tree.name, "provider": answer.provider, "threads": arguments.threads}

    def round_ms(self, num: int) -> Round:
        """Times of so many frames, by the clock and of CPU.

        Raises:
            BenchmarkError: If the process has ended.
        """
        stdin: IO[str] | None = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(f"{num}\n")
            stdin.flush()
            return msgspec.json.decode(self._line(), type=Round)
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
