"""This SDK's ways through the film: the stream in both modes, a whole inspection, and the live stream."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.runners.camera import take_camera
from benchmarks.peers.runners.tally import Tally
from benchmarks.peers.runners.task import Task, task_from_argv
from edge_sdk.bundle import Bundle

if TYPE_CHECKING:
    from edge_sdk.live import LiveStream

Began = Mapping[int, int]  # when each frame was asked for, or captured, by its number: nanoseconds of the monotonic clock

WAIT_S = 60.0


def stream(task: Task, tally: Tally, bundle: Bundle) -> Began:
    """`FrameStream`; the sessions of mode `throughput` are made and have run once before the count begins, as with every peer."""
    from benchmarks.peers.runners.our_reader import CountedFilm
    from edge_sdk.cores import usable_cores
    from edge_sdk.inspector import session_from_bundle, worker_sessions
    from edge_sdk.stream import FrameStream
    from edge_sdk.throughput import MAX_WORKERS

    graph = next(graph for graph in bundle.manifest.graphs if graph.precision == task.precision)
    parallel = task.option == "throughput"
    workers = min(usable_cores(), MAX_WORKERS) if parallel else 1
    make = worker_sessions(bundle, graph, provider=task.provider) if parallel else None
    create = make or partial(session_from_bundle, bundle, graph, provider=task.provider)
    sessions = [create() for _ in range(workers)]
    for session in sessions:
        session.run(task.blank())
    tally.ready()
    with (
        CountedFilm(task) as source,
        FrameStream(
            source,
            sessions[0],
            bundle.manifest.preprocess,
            temperature=graph.temperature,
            mode="throughput" if parallel else "latency",
            new_session=sessions.pop if parallel else None,
            workers=workers,
            keep_images=False,
        ) as results,
    ):
        for result in results:
            if result.scores_C is not None:
                tally.note_scores(result.frame.seq, result.scores_C)
    return source.began_ns


def inspector(task: Task, tally: Tally, bundle: Bundle) -> Began:
    """What `sewer-edge run` does, without its film and reports."""
    from benchmarks.peers.runners.our_reader import CountedFilm
    from edge_sdk.inspector import Inspector

    with Inspector(bundle, precision=task.precision, require=task.provider) as look:
        tally.ready()
        with CountedFilm(task) as source:
            for _ in look.run(
                source,
                on_frame=lambda result: tally.note_scores(result.frame.seq, result.scores_C) if result.scores_C is not None else None,
            ):
                pass
    return source.began_ns


def live(task: Task, tally: Tally, bundle: Bundle) -> Began:
    """`LiveStream` with a camera of ours attached; results come to a callback."""
    from benchmarks.peers.runners.our_reader import DecodedCamera
    from edge_sdk.inspector import session_from_bundle
    from edge_sdk.live import LiveStream
    from edge_sdk.live.result import LiveModel, LiveResult

    graph = next(graph for graph in bundle.manifest.graphs if graph.precision == task.precision)

    def note(result: LiveResult) -> None:
        if result.scores_C is not None:
            tally.note_scores(camera.numbers[result.seq], result.scores_C)

    session = session_from_bundle(bundle, graph, provider=task.provider)
    model = LiveModel(session, bundle.manifest.preprocess, bundle.identity, graph.temperature)
    results = LiveStream(model, keep_images=False)
    results.on_result(note, depth=64)
    with results:
        results.wait_ready(WAIT_S)
        tally.ready()
        camera = DecodedCamera(task)
        results.attach(camera)
        camera.ended.wait(WAIT_S)
        wait_for(results, len(camera.numbers) - 1)
    return camera.began_ns


def wait_for(results: "LiveStream", last: int) -> None:
    """Until the last frame has its result: it is the newest, so it is never dropped."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and ((newest := results.latest().result) is None or newest.seq < last):
        time.sleep(0.002)


WAYS: dict[str, Callable[[Task, Tally, Bundle], Began]] = {"latency": stream, "throughput": stream, "inspector": inspector, "live": live}


def main() -> None:
    """One pass."""
    task = task_from_argv()
    take_camera(task)
    tally = Tally(task)
    bundle = Bundle.open(task.bundle, trust=[Path(key) for key in task.trust])
    tally.write(began_ns=WAYS[task.option](task, tally, bundle))


if __name__ == "__main__":
    main()
