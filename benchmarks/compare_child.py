"""One side of `compare`: brings a model of its own checkout up, then times frames as asked, a number a line on stdin.

Uses only what a checkout of any age has: `Bundle`, `Inspector`, `prepare`. Run as a file, so that it is the same on both sides.
"""

import json
import sys
import time
from pathlib import Path

WARM_UP = 20


def main(argv: list[str]) -> int:
    """Serve until stdin ends."""
    tree, bundle_path, provider, precision, threads, *keys = argv
    sys.path[0] = tree  # in place of this file's folder
    import numpy as np

    from edge_sdk import Bundle, Inspector
    from edge_sdk.contract.preprocess import prepare
    from edge_sdk.errors import EdgeSdkError

    frame_HWC = np.random.default_rng(0).integers(0, 256, (576, 720, 3), dtype=np.uint8)
    try:
        bundle = Bundle.open(None if bundle_path == "-" else bundle_path, trust=[Path(key) for key in keys])
        chosen = {} if provider == "-" else {"require": provider}
        inspector = Inspector(bundle, precision=precision, threads=int(threads) or None, **chosen)  # type: ignore[arg-type]
    except (EdgeSdkError, TypeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1

    def once() -> float:
        begin = time.perf_counter()
        inspector.session.run(prepare(frame_HWC, bundle.manifest.preprocess)[np.newaxis])
        return (time.perf_counter() - begin) * 1e3

    for _ in range(WARM_UP):
        once()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps([once() for _ in range(int(line))]), flush=True)
    inspector.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
