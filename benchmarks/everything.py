"""`all`: the verbs one after the other, each in a process of its own, so that none measures what another has left behind.

python -m benchmarks all [--quick] [--out results.jsonl] [--page DIR]
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.options import add_measuring_options
from benchmarks.record import check_writable
from benchmarks.subject import subject_of
from edge_sdk.camera import FilmSource
from edge_sdk.errors import InputError

NAMES = ("latency", "throughput", "startup", "memory", "power", "parity", "growth")
WITH_FILM = ("latency", "throughput", "startup", "memory", "power")
WITH_BUNDLE = (*WITH_FILM, "parity")
OUT = Path("results.jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """As the verbs have them."""
    add_measuring_options(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help="for parity: a data set in Sewer-ML's layout")
    parser.add_argument("--recipe", type=Path, help="for train, which is left out without one")
    parser.add_argument("--page", type=Path, metavar="DIR", help="write the report there")


def run(arguments: argparse.Namespace) -> int:
    """Run them; 1 if one fails, after all the others have run."""
    out = arguments.out or OUT
    if out.is_file() and out.stat().st_size:
        raise InputError(f"{out} holds records already; give another --out, or move it away")
    _check(arguments)
    check_writable(out)
    failed = [name for name in (*NAMES, *(["train"] if arguments.recipe else [])) if _run(name, arguments, out) != 0]
    if arguments.page is not None and _call(["report", str(out), "--out", str(arguments.page), *_bundle_options(arguments)]) != 0:
        failed.append("report")
    print(f"records: {out}" + (f"; not fine: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _check(arguments: argparse.Namespace) -> None:
    """Find out once what would otherwise stop every verb: what they shall measure is brought up and put away again."""
    if arguments.data is not None and not arguments.data.is_dir():
        raise InputError(f"{arguments.data}: no such folder; --data names one in Sewer-ML's layout")
    if arguments.recipe is not None and not arguments.recipe.is_file():
        raise InputError(f"{arguments.recipe}: no such recipe; those of this checkout lie in trainer/recipes")
    if arguments.film is not None:
        FilmSource(arguments.film).close()
    with subject_of(arguments):
        pass


def _run(name: str, arguments: argparse.Namespace, out: Path) -> int:
    begin = time.monotonic()
    code = _call([name, *_options(name, arguments), "--out", str(out)])
    print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return code


def _options(name: str, arguments: argparse.Namespace) -> list[str]:
    given = ["--quick"] if arguments.quick else []
    if name in WITH_BUNDLE:
        given += ["--precision", arguments.precision, "--threads", str(arguments.threads)]
        given += ["--allow-unsigned"] if arguments.allow_unsigned else []
        given += ["--provider", arguments.provider] if arguments.provider is not None else []
        given += _bundle_options(arguments)
    if name in WITH_FILM and arguments.film is not None:
        given += ["--film", str(arguments.film)]
    if name == "parity" and arguments.data is not None:
        given += ["--data", str(arguments.data)]
    return [str(arguments.recipe), *given] if name == "train" else given


def _bundle_options(arguments: argparse.Namespace) -> list[str]:
    """The bundle that was measured, for its size and F2_CIW on the page."""
    given = ["--bundle", str(arguments.bundle)] if arguments.bundle is not None else []
    return given + [word for key in arguments.trust for word in ("--trust", str(key))]


def _call(words: list[str]) -> int:
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", "benchmarks", *words], check=False).returncode  # noqa: S603 - our own verbs
