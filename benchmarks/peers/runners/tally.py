"""Results as they come, and what they cost; written as JSON when the pass is over."""

import json
import os
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.runners.camera import FilmReader
from benchmarks.peers.runners.task import Task

KB = 1024 / 1e6  # the kernel's, in MB


class Tally:
    """Counts from `ready`, which is called when the model has run once and before the film is opened."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._results: list[tuple[int, int]] = []
        self._scores: list[NDArray[np.float64]] = []
        self._ready_ns, self._ready_cpu_s = 0, 0.0

    def ready(self) -> None:
        """Begin to count."""
        self._ready_ns, self._ready_cpu_s = time.monotonic_ns(), cpu_s()

    def note(self, seq: int, logits_C: Any) -> None:
        """The logits of a frame are there."""
        self.note_scores(seq, 1 / (1 + np.exp(-np.asarray(logits_C, np.float64) / self._task.temperature)))

    def note_scores(self, seq: int, scores_C: NDArray[np.float64]) -> None:
        """The scores of a frame are there."""
        self._results.append((seq, time.monotonic_ns()))
        self._scores.append(scores_C)

    def write(self, *, remark: str = "", began_ns: Mapping[int, int] | None = None) -> None:
        """The end of the pass.

        Args:
            remark: What a reader of the figures must know of it.
            began_ns: When each frame was asked for, or captured; None where OpenCV's stand-in knows.
        """
        end_ns, used_s = time.monotonic_ns(), cpu_s() - self._ready_cpu_s
        if began_ns is None:
            assert FilmReader.started is not None, "a pass reads the film"
            began_ns = FilmReader.started.began_ns
        result = {
            "ready_ns": self._ready_ns,
            "end_ns": end_ns,
            "cpu_s": used_s,
            "peak_rss_mb": peak_rss_mb(),
            "began_ns": sorted(began_ns.items()),
            "results": self._results,
            "usable_cores": len(os.sched_getaffinity(0)),
            "remark": remark,
            "scores": [[round(float(score), 6) for score in scores_C] for scores_C in self._scores],
        }
        Path(self._task.out).write_text(json.dumps(result))


def cpu_s() -> float:
    """CPU seconds of this process and the children it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_rss_mb() -> float:
    """Largest resident memory so far, MB. `ru_maxrss` will not do: it keeps what the parent held when it started this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * KB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KB
