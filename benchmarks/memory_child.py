"""A process that inspects a film over and over and says now and then what it holds; see `memory.py`.

python -m benchmarks.memory_child FILM NUM_FRAMES MODE BUNDLE|- PROVIDER PRECISION THREADS [KEY.pub ...]
"""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import cast

import msgspec

NUM_LOOKS = 24


class Look(msgspec.Struct, frozen=True):
    """What the process held after so many frames, in MB of 10^6 bytes; `gpu_mb` is None where there is no GPU in use.

    `peak_mb` is the most it ever held: loading a graph takes several times its weights for a moment, which a limit must allow for.
    """

    frames: int
    rss_mb: float
    pss_mb: float | None
    gpu_mb: float | None
    peak_mb: float | None = None


def main(argv: list[str]) -> int:
    """Inspect and look; 1 with one line where that fails."""
    film, num_frames, mode, bundle_path, provider, precision, threads, *keys = argv
    from edge_sdk import Bundle, Inspector
    from edge_sdk.camera import FilmSource
    from edge_sdk.errors import EdgeSdkError
    from edge_sdk.runtime.links import LINKS, Provider
    from edge_sdk.stream import FrameResult, FrameStream
    from edge_sdk.throughput import Mode
    from edge_sdk.tracking import Place, Tracker

    link = cast("Provider", provider)

    def results(inspector: Inspector) -> Iterator[FrameResult]:
        graph = inspector.graph
        new_session = inspector.sessions_for_workers()
        for _ in count():
            with FilmSource(Path(film)) as source:
                stream = FrameStream(
                    source, inspector.session, inspector.bundle.manifest.preprocess, temperature=graph.temperature,
                    mode=cast("Mode", mode) if inspector.on_cpu else "latency", new_session=new_session,
                )  # fmt: skip
                with stream:
                    yield from stream

    looks = [look(0, gpu=False)]
    try:
        bundle = Bundle.open(None if bundle_path == "-" else bundle_path, trust=[Path(key) for key in keys], allow_unsigned=True)
        with Inspector(bundle, precision=precision, threads=int(threads) or None, require=link, mode=cast("Mode", mode)) as inspector:
            tracker: Tracker[None] = Tracker(inspector.graph.thresholds)
            every = max(int(num_frames) // NUM_LOOKS, 1)
            for number, result in enumerate(results(inspector), start=1):
                if result.scores_C is not None:
                    tracker.update(result.scores_C, Place(0, None), number / 25, None)
                if number % every == 0:
                    looks.append(look(number, gpu=not LINKS[link].on_cpu))
                if number >= int(num_frames):
                    break
    except EdgeSdkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(msgspec.json.encode(looks).decode())
    return 0


def look(frames: int, *, gpu: bool) -> Look:
    """What this process holds now."""
    from benchmarks.memory_use import gpu_mb, peak_rss_mb, pss_mb, rss_mb

    return Look(frames, rss_mb(), pss_mb(), gpu_mb() if gpu else None, peak_rss_mb())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
