"""What a run's record says of the runtimes it ran on."""

import tiny
from edge_sdk.camera.frame import Frame
from edge_sdk.odometer import Chainage
from edge_sdk.run_record import ProviderWatch
from edge_sdk.runtime.onnx import CPU, OnnxSession
from edge_sdk.stream import FrameResult


def test_results_that_were_under_way_when_their_runtime_was_left_are_no_way_back() -> None:
    """In mode throughput the workers' results come in the film's order, those of the former runtime among those of the next."""
    watch = ProviderWatch(OnnxSession(tiny.tiny_graph(), threads=1))
    for seq, provider in enumerate([CPU, CPU, "next", CPU, "next", CPU, "none", "next", CPU, "none"]):
        watch.add(FrameResult(Frame(seq, seq / 25, seq, None), seq / 25, Chainage(None, "none"), provider, 0, "unreadable"))

    assert [(change.frame_index, change.from_, change.to) for change in watch.changes] == [(2, CPU, "next"), (6, "next", "none")]
