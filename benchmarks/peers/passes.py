"""One pass of one way through the film: a process of its own in that way's environment, timed from its start, and its figures."""

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.fingerprint import text_of
from benchmarks.peers.catalogue import Way
from benchmarks.peers.runners.task import Task

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300.0
WARM_UP = 10  # results left out of latencies and ages; fps and CPU count all
STALE_PERIODS = 2.0  # a live frame's result is stale when two newer frames were captured before it came


class RunnerResult(msgspec.Struct, frozen=True):
    """What a runner writes; see `runners/tally.py`. Instants are nanoseconds of the monotonic clock, which all processes share."""

    ready_ns: int
    end_ns: int
    cpu_s: float
    peak_rss_mb: float
    began_ns: list[tuple[int, int]]
    results: list[tuple[int, int]]
    scores: list[list[float]]
    usable_cores: int = 0
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """The figures of one pass.

    Attributes:
        figures: By name; units are in the names.
        times_ms: File mode: from asking for a frame to its result. Live mode: age of a frame when its result came.
        scores: Of each frame by number.
        usable_cores: When the pass ended: somebody else may have changed it meanwhile.
        remark: What a reader of the figures must know.
    """

    figures: dict[str, float]
    times_ms: tuple[float, ...]
    scores: dict[int, NDArray[np.float64]]
    usable_cores: int = 0
    remark: str = ""


class PeerFailedError(BenchmarkError):
    """A runner did not come to its end."""


def run_pass(way: Way, task: Task, python: Path | None) -> Pass:
    """Run one way through the film.

    Args:
        way: Which.
        task: What it shall do; its `out` is where the runner writes.
        python: The environment's interpreter; None for this one.

    Raises:
        PeerFailedError: If it fails, hangs or answers nothing; the last line it said is the reason.
    """
    command = [str(python or sys.executable), "-m", f"benchmarks.peers.runners.{way.module}", json.dumps(asdict(task))]
    busy_s, used_s, spawned_ns = busy_core_s(), _children_s(), time.monotonic_ns()
    try:
        done = subprocess.run(  # noqa: S603 - our own runner
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerFailedError(f"{way.name}: {str(error)[:200]}") from error
    if done.returncode or not Path(task.out).is_file():
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise PeerFailedError(f"{way.name}: {lines[-1][:300] if lines else f'ended with code {done.returncode} and no result'}")
    wall_s, process_s = (time.monotonic_ns() - spawned_ns) / 1e9, _children_s() - used_s
    result = msgspec.json.decode(Path(task.out).read_bytes(), type=RunnerResult)
    others = {} if busy_s is None else {"cores_of_others": max((busy_core_s() or 0.0) - busy_s - process_s, 0.0) / wall_s}
    return pass_of(result, task, spawned_ns=spawned_ns, name=way.name, more=others)


def pass_of(result: RunnerResult, task: Task, *, spawned_ns: int, name: str, more: dict[str, float]) -> Pass:
    """Figures of what a runner wrote.

    Raises:
        PeerFailedError: If it brought no result, or left out frames of a film.
    """
    began, seqs = dict(result.began_ns), [seq for seq, _ in result.results]
    if not seqs or any(seq not in began for seq in seqs):
        raise PeerFailedError(f"{name}: {len(seqs)} results, not all of frames that were read; the runner and this version do not fit")
    if task.mode == "file" and sorted(seqs) != list(range(task.num_frames)):
        raise PeerFailedError(f"{name}: {len(set(seqs))} different results of {task.num_frames} frames of a film; every frame must come")
    times_ms = [(at_ns - began[seq]) / 1e6 for seq, at_ns in result.results]
    counted_s = (result.end_ns - result.ready_ns) / 1e9
    figures = {
        "start_up_s": (min(at_ns for _, at_ns in result.results) - spawned_ns) / 1e9,
        "peak_rss_mb": result.peak_rss_mb,
        **(_file_figures(result, counted_s) if task.mode == "file" else _live_figures(seqs, times_ms, result, task)),
        **more,
    }
    scores = {seq: np.asarray(row) for seq, row in zip(seqs, result.scores, strict=True)}
    return Pass(figures, tuple(times_ms[WARM_UP:] or times_ms), scores, result.usable_cores, result.remark)


def _file_figures(result: RunnerResult, counted_s: float) -> dict[str, float]:
    last_ns = max(at_ns for _, at_ns in result.results)
    num = len(result.results)
    return {"fps": num / ((last_ns - result.ready_ns) / 1e9), "core_ms": result.cpu_s * 1e3 / num, "cores": result.cpu_s / counted_s}


def _live_figures(seqs: list[int], times_ms: list[float], result: RunnerResult, task: Task) -> dict[str, float]:
    """The camera's frames without a result are dropped, whoever dropped them; CPU is per result: who drops most is not leanest."""
    stale_ms = STALE_PERIODS * 1e3 / task.fps
    return {
        "results": float(len(set(seqs))),
        "dropped": float(task.num_frames - len(set(seqs))),
        "repeated": float(sum(Counter(seqs).values()) - len(set(seqs))),
        "stale": float(sum(time_ms > stale_ms for time_ms in times_ms)),
        "core_ms": result.cpu_s * 1e3 / len(set(seqs)),
        "cores": result.cpu_s / (task.num_frames / task.fps),
    }


def busy_core_s() -> float | None:
    """Seconds all cores of the machine have worked so far, for whomever; None where it does not tell."""
    line = text_of("/proc/stat").partition("\n")[0].split()
    if len(line) < 9:
        return None
    user, nice, system, _, _, irq, softirq, steal = (int(text) for text in line[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
