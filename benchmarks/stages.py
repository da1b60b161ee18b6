"""One frame after the other through every stage, each stage timed: decode, prepare, copy in, inference, copy out, track.

Nothing overlaps here, so that each time is the stage's own; what the overlapping pipeline makes of them is the end-to-end time.
Copies are measured where they exist and can be told apart: on ONNX Runtime with a GPU. On the CPU the network reads the frame where it
lies; TensorRT's session copies inside its run.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.film import Film, endless
from edge_sdk.camera import Frame
from edge_sdk.contract.interface import Outputs, scores_from_logits
from edge_sdk.frame_inference import prepared_image
from edge_sdk.runtime.links import LINKS
from edge_sdk.tracking import Place, Tracker

if TYPE_CHECKING:
    from benchmarks.subject import Subject

STAGES = ("decode", "prepare", "copy in", "inference", "copy out", "track")
ALL = "all stages, one after the other"
NO_COPY = "no copy: the CPU reads the frame where it lies"
INSIDE = "inside inference: this runtime's session copies for itself"

Note = Callable[[str, float], None]


class StagedRun(Protocol):
    """Runs one prepared frame (1, H, W, 3) and notes its stages in milliseconds."""

    def __call__(self, images_NHWC: NDArray[np.uint8], note: Note) -> Outputs:
        """Outputs of the frame."""
        ...


def stage_times_ms(film: Film, subject: "Subject", *, num_frames: int, warm_up: int) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Times of each stage that can be measured here, by name and in milliseconds; and why the others cannot."""
    run, not_measured = staged_run(subject)
    tracker: Tracker[None] = Tracker(subject.graph.thresholds)
    times: dict[str, list[float]] = defaultdict(list)
    with closing(endless(film, threads=1)) as frames:
        for number in range(warm_up + num_frames):
            own = _walk(frames, subject, run, tracker)
            if number >= warm_up:
                for stage, time_ms in {**own, ALL: sum(own.values())}.items():
                    times[stage].append(time_ms)
    return dict(times), not_measured


def _walk(frames: Iterator[Frame | None], subject: "Subject", run: StagedRun, tracker: "Tracker[None]") -> dict[str, float]:
    """One frame's stages in milliseconds."""
    own: dict[str, float] = {}
    frame = None
    while frame is None:  # the film was opened; a frame's own decoding is what counts
        begin = perf_counter()
        frame = next(frames)
    decoded = perf_counter()
    images_NHWC = prepared_image(frame, subject.bundle.manifest.preprocess)[np.newaxis]
    prepared = perf_counter()
    outputs = run(images_NHWC, own.__setitem__)
    ran = perf_counter()
    tracker.update(scores_from_logits(outputs.logits_NC[0], subject.graph.temperature), Place(0, None), frame.time_s, None)
    return {"decode": 1e3 * (decoded - begin), "prepare": 1e3 * (prepared - decoded), **own, "track": 1e3 * (perf_counter() - ran)}


def staged_run(subject: "Subject") -> tuple[StagedRun, dict[str, str]]:
    """How to run a frame stage by stage on the subject's runtime, and which stages it cannot tell apart."""
    if subject.provider == "cuda":
        from benchmarks.bound_onnx import BoundOnnx

        return BoundOnnx(subject.bundle.read(subject.graph.file), device="cuda"), {}
    why = NO_COPY if LINKS[subject.provider].on_cpu else INSIDE
    return _whole(subject), {"copy in": why, "copy out": why}


def _whole(subject: "Subject") -> StagedRun:
    def run(images_NHWC: NDArray[np.uint8], note: Note) -> Outputs:
        begin = perf_counter()
        outputs = subject.session.run(images_NHWC)
        note("inference", 1e3 * (perf_counter() - begin))
        return outputs

    return run
