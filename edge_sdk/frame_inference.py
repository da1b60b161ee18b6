"""One frame on its way through the network: prepared, run, checked; what goes wrong is a dropped frame with its reason.

Films and live cameras take the same steps, so that the same picture gives the same scores whichever way it came; in a batch a runtime may
sum in another order, which moves the last digits of a logit (1e-6).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame
from edge_sdk.contract.interface import Outputs
from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.contract.yuv import packed, prepare_yuv
from edge_sdk.errors import FrameShapeError, InferenceError
from edge_sdk.runtime import Session
from edge_sdk.runtime.session import checked_outputs

DropReason = Literal["unreadable", "bad_shape", "inference_failed"]


class Prepared(NamedTuple):
    """A frame with the picture the network gets (H, W, 3), or why there is none."""

    frame: Frame
    image_HWC: NDArray[np.uint8] | None
    dropped: DropReason | None


class Inferred(NamedTuple):
    """A frame with the network's outputs for it alone (N = 1), or why there are none; `provider` is what ran, or would have."""

    frame: Frame
    provider: str
    outputs: Outputs | None
    dropped: DropReason | None
    reason: str = ""


def prepared_image(frame: Frame, spec: PreprocessSpec) -> NDArray[np.uint8]:
    """The network's RGB picture of a frame that has an image.

    Raises:
        FrameShapeError: If the frame is not of a size the SDK takes.

    A BGR frame is turned around after the resize, where it is small: `prepare` treats each channel alike, so the bytes are the same.
    """
    assert frame.stored is not None, "a frame without an image cannot be prepared"
    if frame.order in ("i420", "nv12"):
        return prepare_yuv(frame.stored, spec, layout=frame.order, colours=frame.colours)
    image_HWC = prepare(packed(frame.stored), spec)
    return image_HWC if frame.order == "rgb" else np.ascontiguousarray(image_HWC[..., ::-1])


def prepared(frame: Frame, spec: PreprocessSpec) -> Prepared:
    """Bring a frame to the network's size, or say why that is not possible."""
    if frame.stored is None:
        return Prepared(frame, None, "unreadable")
    try:
        return Prepared(frame, prepared_image(frame, spec), None)
    except FrameShapeError:
        return Prepared(frame, None, "bad_shape")


def inferred(item: Prepared, session: Session) -> Inferred:
    """Run one prepared frame; what the runtime refuses or returns wrongly is a dropped frame with its reason."""
    if item.image_HWC is None:
        return Inferred(item.frame, session.provider, None, item.dropped or "unreadable")
    try:
        outputs = run_checked(session, item.image_HWC[np.newaxis])
    except InferenceError as error:
        return Inferred(item.frame, session.provider, None, "inference_failed", str(error))
    return Inferred(item.frame, session.provider, outputs, None)


def inferred_together(items: Sequence[Prepared], session: Session) -> list[Inferred]:
    """Run several prepared frames at once; if that fails each by itself, so that a frame is dropped for its own sake only."""
    images = [item.image_HWC for item in items if item.image_HWC is not None]
    if len(images) < len(items) or len(items) == 1:
        return [inferred(item, session) for item in items]
    try:
        logits_NC, maps_NChw = run_checked(session, np.stack(images))
    except InferenceError:
        return [inferred(item, session) for item in items]
    each = [Outputs(logits_NC[i : i + 1], maps_NChw[i : i + 1]) for i in range(len(items))]
    return [Inferred(item.frame, session.provider, outputs, None) for item, outputs in zip(items, each, strict=True)]


def run_checked(session: Session, images_NHWC: NDArray[np.uint8]) -> Outputs:
    """Run a session and check what it returns, whether or not it checked it itself.

    Raises:
        InferenceError: If it fails, or returns another number of outputs, another shape, NaN or infinity.
    """
    outputs = session.run(images_NHWC)
    try:
        logits_NC, maps_NChw = outputs
        return checked_outputs(logits_NC, maps_NChw, len(images_NHWC))
    except (TypeError, ValueError, AttributeError) as error:
        raise InferenceError(f"{session.provider} returned something other than two arrays, logits and maps: {error}") from error
