"""What a runner is asked to do, and what every peer has to do itself to a frame: the square resize and RGB."""

import json
import sys
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

KERNELS = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}


@dataclass(frozen=True, slots=True)
class Task:
    """One pass through the film.

    Attributes:
        film: Path of the film.
        model: Path of the ONNX graph; `bundle` and `trust` are for our own runner.
        out: Where the result goes, as JSON.
        mode: `file`: every frame as fast as can be; `live`: frames come at `fps` and go whether or not anybody looks.
        num_frames: How many of the film's frames.
        height: Of the network's input; `width` likewise.
        kernel: OpenCV's resize that peers use: `linear`, as people write, or `area`.
        temperature: Divides the logits.
        precision: Of the graph.
        option: For a runner that serves several ways.
        provider: For our own runner: the link of the runtime chain.
    """

    film: str
    model: str
    bundle: str | None
    trust: tuple[str, ...]
    out: str
    mode: Literal["file", "live"]
    num_frames: int
    fps: float
    height: int
    width: int
    kernel: str
    temperature: float
    precision: str
    option: str
    provider: Literal["openvino", "cpu"] = "cpu"

    def network_image(self, frame_HWC: NDArray[Any]) -> NDArray[np.uint8]:
        """A BGR frame as the graph takes it: (1, height, width, 3) RGB."""
        small_HWC = cv2.resize(frame_HWC, (self.width, self.height), interpolation=KERNELS[self.kernel])
        return np.asarray(cv2.cvtColor(small_HWC, cv2.COLOR_BGR2RGB), dtype=np.uint8)[np.newaxis]

    def blank(self) -> NDArray[np.uint8]:
        """A black network image, for the first run."""
        return np.zeros((1, self.height, self.width, 3), np.uint8)


def task_from_argv() -> Task:
    """The task given as one argument of JSON."""
    given = json.loads(sys.argv[1])
    return Task(**{**given, "trust": tuple(given["trust"])})
