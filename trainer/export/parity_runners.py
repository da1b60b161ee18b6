"""Everything a comparison runs: the torch model, each graph on ONNX Runtime, and on TensorRT and OpenVINO where those are there.

Images are decoded and prepared once and shown to all in the same batches, so that the number of graphs costs inference alone.
"""

# N images, C classes, H W pixels

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from edge_sdk.contract.manifest import Precision
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.errors import InferenceError, RuntimeUnavailableError
from edge_sdk.runtime import Session
from edge_sdk.runtime.links import LINKS
from edge_sdk.runtime.onnx import OnnxSession
from edge_sdk.runtime.session import checked_outputs
from trainer.data.images import prepared_image
from trainer.data.sewer_ml import Split
from trainer.models import DefectClassifier

BATCH = 32
AHEAD = 3  # batches prepared while one is run
PREPARING = 2

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Runner(NamedTuple):
    """Prepared images (N, H, W, 3) to logits (N, C), and what runs them."""

    run: Run
    provider: str
    close: Callable[[], None]


def torch_runner(model: DefectClassifier) -> Runner:
    """The model as it was trained, in float32."""

    def run(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            outputs = model(torch.from_numpy(images_NHWC))
        return checked_outputs(outputs.logits_NC.float().numpy(), outputs.maps_NChw.float().numpy(), len(images_NHWC)).logits_NC

    return Runner(run, "torch", lambda: None)


def onnx_runner(graph: bytes, precision: Precision, threads: int) -> Runner:
    """A graph on ONNX Runtime's CPU provider.

    Raises:
        ContractError: If the graph's interface or class list is not this SDK's.
        RuntimeUnavailableError: If it cannot be loaded.
    """
    # Several sessions take turns here: idle threads that spin would take the cores from the one at work.
    session: Session = OnnxSession(graph, precision=precision, threads=threads, spinning=False)
    return Runner(lambda images_NHWC: session.run(images_NHWC).logits_NC, session.provider, session.close)


def tensorrt_runner(graph: bytes, precision: Precision) -> Runner | str:
    """A graph on TensorRT, one image at a time as the robot runs it; or why that cannot be."""
    try:
        from edge_sdk.runtime.tensorrt import session_from_onnx

        session: Session = session_from_onnx(graph, precision=precision)
    except (ImportError, RuntimeUnavailableError) as error:
        return str(error).splitlines()[0]

    def run(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.concatenate([session.run(image_HWC[np.newaxis]).logits_NC for image_HWC in images_NHWC])

    return Runner(run, session.provider, session.close)


def openvino_runner(graph: bytes, precision: Precision, threads: int) -> Runner | str:
    """A graph on OpenVINO, in float32 wherever the graph is; or why that cannot be."""
    missing = LINKS["openvino"].missing()
    if missing is not None:
        return missing.detail
    try:
        session = LINKS["openvino"].create(lambda: graph, precision=precision, threads=threads, say=lambda line: None)
    except RuntimeUnavailableError as error:
        return str(error)
    return Runner(lambda images_NHWC: session.run(images_NHWC).logits_NC, session.provider, session.close)


def logits_of_all(
    runners: Mapping[str, Runner], split: Split, spec: PreprocessSpec, *, progress: Callable[[int], None] = lambda _: None
) -> dict[str, NDArray[np.float32] | str]:
    """Logits (N, C) of every runner over a split, or the reason why one of them failed.

    Raises:
        DataError: If an image cannot be read.
    """
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in runners}
    failed: dict[str, str] = {}
    for images_NHWC in _batches(split, spec):
        for name in found.keys() - failed.keys():
            logits_NC = _logits_or_reason(runners[name], images_NHWC)
            if isinstance(logits_NC, str):
                failed[name] = logits_NC
            else:
                found[name].append(logits_NC)
        progress(len(images_NHWC))
    return {name: failed[name] if name in failed else np.concatenate(parts) for name, parts in found.items()}


def _logits_or_reason(runner: Runner, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32] | str:
    """A graph that overflows fails the gate; it must not end the comparison of the others."""
    try:
        return runner.run(images_NHWC)
    except InferenceError as error:
        return str(error)


def _batches(split: Split, spec: PreprocessSpec) -> Iterator[NDArray[np.uint8]]:
    def batch(start: int) -> NDArray[np.uint8]:
        return np.stack([prepared_image(split, index, spec) for index in range(start, min(start + BATCH, len(split)))])

    waiting: deque[Future[NDArray[np.uint8]]] = deque()
    with ThreadPoolExecutor(max_workers=PREPARING) as pool:
        try:
            for start in range(0, len(split), BATCH):
                waiting.append(pool.submit(batch, start))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
