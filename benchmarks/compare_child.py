"""One side of `compare`: brings a model of its own checkout up, says which, then times frames as asked, a number a line on stdin.

    compare_child.py TREE BUNDLE|- PROVIDER|- PRECISION THREADS signed|unsigned [KEY.pub ...]

Uses only what a checkout of any age has: `Bundle`, `Inspector`, `prepare`. Run as a file, so that it is the same on both sides.
"""

import json
import sys
import time
from pathlib import Path

WARM_UP = 20


def main(argv: list[str]) -> int:
    """Serve until stdin ends."""
    tree, bundle_path, provider, precision, threads, signed, *keys = argv
    sys.path[0] = tree  # in place of this file's folder
    import numpy as np

    import edge_sdk
    from edge_sdk import Bundle, Inspector
    from edge_sdk.contract.preprocess import prepare
    from edge_sdk.errors import EdgeSdkError

    frame_HWC = np.random.default_rng(0).integers(0, 256, (576, 720, 3), dtype=np.uint8)
    try:
        path, allow_unsigned = None if bundle_path == "-" else bundle_path, signed == "unsigned"
        bundle = Bundle.open(path, trust=[Path(key) for key in keys], allow_unsigned=allow_unsigned)
        chosen = {} if provider == "-" else {"require": provider}
        inspector = Inspector(bundle, precision=precision, threads=int(threads) or None, **chosen)  # type: ignore[arg-type]
    except (EdgeSdkError, TypeError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1

    def once() -> tuple[float, float]:
        begin, begin_cpu = time.perf_counter(), time.process_time()
        inspector.session.run(prepare(frame_HWC, bundle.manifest.preprocess)[np.newaxis])
        return (time.perf_counter() - begin) * 1e3, (time.process_time() - begin_cpu) * 1e3

    for _ in range(WARM_UP):
        once()
    graph = inspector.graph
    digest = next(entry.sha256 for entry in bundle.manifest.files if entry.name == graph.file)
    ref = {"identity": bundle.identity, "sha256": bundle.sha256, "precision": graph.precision, "graph_sha256": digest}
    print(json.dumps({"provider": inspector.session.provider, "bundle": ref, "version": getattr(edge_sdk, "__version__", "")}), flush=True)
    for line in sys.stdin:
        print(json.dumps([once() for _ in range(int(line))]), flush=True)
    inspector.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (KeyboardInterrupt, BrokenPipeError):  # the parent, which was interrupted too, says so
        sys.exit(130)
