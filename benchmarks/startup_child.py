"""A process that starts as the robot's does, and says when it came to what; see `startup.py`.

    python -m benchmarks.startup_child START_NS FILM BUNDLE|- PROVIDER|- PRECISION THREADS [KEY.pub ...]

START_NS is the monotonic clock when the parent made the process (one clock for all processes on Linux).
"""

import sys
import time
from pathlib import Path

began_ns = time.monotonic_ns()


def main(argv: list[str]) -> int:
    """Bring the model up, inspect one frame, print the times; 1 with one line where that fails."""
    start_ns, film, bundle_path, provider, precision, threads, *keys = argv
    import json

    from edge_sdk import Bundle, Inspector
    from edge_sdk.camera import FilmSource
    from edge_sdk.errors import EdgeSdkError
    from edge_sdk.stream import FrameStream

    marks = {"python": began_ns, "import": time.monotonic_ns()}
    try:
        bundle = Bundle.open(None if bundle_path == "-" else bundle_path, trust=[Path(key) for key in keys], allow_unsigned=True)
        marks["open bundle"] = time.monotonic_ns()
        require = None if provider == "-" else provider
        with Inspector(bundle, precision=precision, threads=int(threads) or None, require=require) as inspector:  # type: ignore[arg-type]
            marks["session and self-test"] = time.monotonic_ns()
            with FilmSource(Path(film)) as source, FrameStream(source, inspector.session, bundle.manifest.preprocess) as stream:
                next(iter(stream))
                marks["first result"] = time.monotonic_ns()
    except EdgeSdkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({name: (mark - int(start_ns)) / 1e6 for name, mark in marks.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
