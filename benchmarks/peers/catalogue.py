"""Who is compared: for each way through the film its runner, what it needs from the package index, and what differs in the work.

Peers do the least work a user gets away with: OpenCV's plain bilinear resize to the graph's square (ours averages areas), no checks of
frames or outputs, no heatmaps. That favours them; `agreement.py` says what it does to the scores.
"""

from dataclasses import dataclass
from typing import Literal

from edge_sdk.errors import InputError

Mode = Literal["file", "live"]
MODES: tuple[Mode, ...] = ("file", "live")

OURS = "this environment"


@dataclass(frozen=True, slots=True)
class Way:
    """One way through the film.

    Attributes:
        name: As on the command line.
        title: As in the table.
        module: Its program in `benchmarks.peers.runners`.
        environment: The environment's folder; `OURS` runs in this one.
        work: What it does otherwise than read, resize, infer; empty if nothing.
        modes: What it can do.
        option: Passed to a program that serves several ways.
        same_work: Whether targets are held against it.
        precision: Of a graph of its own, in place of the one that all others run.
        provider: The link of our runtime chain that runs it.
    """

    name: str
    title: str
    module: str
    environment: str
    work: str = ""
    modes: tuple[Mode, ...] = MODES
    option: str = ""
    same_work: bool = True
    precision: str = ""
    provider: Literal["openvino", "cpu"] = "cpu"

    @property
    def is_ours(self) -> bool:
        """Whether it is this SDK."""
        return self.environment == OURS


@dataclass(frozen=True, slots=True)
class Requirements:
    """What an environment holds.

    Attributes:
        install: Requirements by name, with their dependencies.
        without: Requirements whose dependencies are in `install` already, or would bring OpenCV's windows along.
        heavy_gb: Room it takes where nothing is borrowed.
        pinned: Whether it takes our versions of onnxruntime, OpenCV and numpy; else its own pins decide.
        packages: Whose versions belong into the record.
    """

    install: tuple[str, ...]
    without: tuple[str, ...] = ()
    heavy_gb: float = 0.6
    pinned: bool = True
    packages: tuple[str, ...] = ()


PLAIN = ("numpy", "opencv-python-headless", "onnxruntime")

ENVIRONMENTS: dict[str, Requirements] = {
    "onnxruntime": Requirements(PLAIN, packages=PLAIN),
    "openvino": Requirements(("numpy", "opencv-python-headless", "openvino"), packages=("openvino", *PLAIN[:2])),
    "supervision": Requirements((*PLAIN, "supervision"), packages=("supervision", "av", *PLAIN)),
    "ultralytics": Requirements(
        (*PLAIN, "torch", "torchvision", "matplotlib", "pillow", "pyyaml", "requests", "scipy", "psutil", "polars", "nvidia-ml-py"),
        without=("ultralytics", "ultralytics-thop"),  # it asks for the OpenCV with windows, which needs display libraries
        heavy_gb=8.0,
        packages=("ultralytics", "torch", *PLAIN),
    ),
    "roboflow": Requirements(("inference",), heavy_gb=9.0, pinned=False, packages=("inference", "torch", "opencv-python", *PLAIN)),
}

WAYS: dict[str, Way] = {
    way.name: way
    for way in (
        Way("ours-latency", "sewer-edge, mode latency", "ours", OURS, option="latency", modes=("file",)),
        Way("ours-throughput", "sewer-edge, mode throughput", "ours", OURS, option="throughput", modes=("file",)),
        Way("ours-int8", "sewer-edge, mode throughput, int8 graph", "ours", OURS, option="throughput", modes=("file",), same_work=False,
            work="the bundle's int8-x86 graph, whose parity was gated: what `--precision auto` takes here", precision="int8-x86"),
        Way("ours-openvino", "sewer-edge, mode throughput, OpenVINO", "ours", OURS, option="throughput", modes=("file",),
            provider="openvino",
            work="its link of the runtime chain, which goes first where `sewer-edge[openvino]` is installed; in float32"),
        Way("ours-openvino-int8", "sewer-edge, mode throughput, OpenVINO, int8 graph", "ours", OURS, option="throughput", modes=("file",),
            same_work=False, work="the int8-x86 graph on that link", precision="int8-x86", provider="openvino"),
        Way("ours-inspector", "sewer-edge, whole inspection", "ours", OURS, option="inspector", modes=("file",),
            work="more: golden frames before it serves, tracking along the pipe"),
        Way("ours-live", "sewer-edge, LiveStream", "ours", OURS, option="live", modes=("live",),
            work="reads the camera itself; frames stay as they were decoded (4:2:0)"),
        Way("ours-live-int8", "sewer-edge, LiveStream, int8 graph", "ours", OURS, option="live", modes=("live",), same_work=False,
            work="the bundle's int8-x86 graph", precision="int8-x86"),
        Way("ours-live-openvino-int8", "sewer-edge, LiveStream, OpenVINO, int8 graph", "ours", OURS, option="live", modes=("live",),
            same_work=False, work="the int8-x86 graph on OpenVINO", precision="int8-x86", provider="openvino"),
        Way("naive", "OpenCV loop: read, resize, infer", "naive", "onnxruntime"),
        Way("onnxruntime", "onnxruntime with a decode thread", "bare_onnxruntime", "onnxruntime"),
        Way("openvino", "OpenVINO as it comes", "bare_openvino", "openvino", same_work=False,
            work="its performance hints; computes in bfloat16 where the processor has it, which is other work"),
        Way("openvino-f32", "OpenVINO in float32", "bare_openvino", "openvino", option="f32", work="its performance hints"),
        Way("ultralytics", "ultralytics, predict(stream=True)", "ultralytics_predict", "ultralytics",
            work="its loader, predictor and ONNX backend; our resize in its preprocess(), as its own crops the sides off"),
        Way("supervision", "supervision, frames generator", "supervision_frames", "supervision"),
        Way("roboflow", "roboflow, InferencePipeline", "roboflow_pipeline", "roboflow", work="custom logic holds an onnxruntime session"),
    )
}  # fmt: skip


def ways_named(names: list[str]) -> list[Way]:
    """The ways of these names; all of them for none.

    Raises:
        InputError: If there is no such way.
    """
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        raise InputError(f"no peer is called {unknown[0]!r}; choose from {', '.join(WAYS)}")
    return [WAYS[name] for name in names] or list(WAYS.values())
