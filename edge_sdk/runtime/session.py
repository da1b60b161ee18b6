"""The seam every runtime fills: prepared frames in, checked outputs out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import Outputs
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import InferenceError


class Session(Protocol):
    """A loaded graph on one runtime.

    `provider` names what actually runs (as the runtime reports it after creation, not as asked for), `precision` the graph's
    precision, `threads` the worker threads it may use (0: the runtime decides).
    """

    @property
    def provider(self) -> str:
        """What runs."""
        ...

    @property
    def precision(self) -> str:
        """The graph's precision."""
        ...

    @property
    def threads(self) -> int:
        """Threads of one run; 0 where the runtime decides."""
        ...

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Run the graph on prepared RGB frames (N, H, W, 3) uint8.

        Raises:
            InferenceError: If the runtime fails or its outputs break the contract.
        """
        ...

    def close(self) -> None:
        """Free what the runtime holds."""
        ...


def checked_outputs(logits_NC: NDArray[np.float32], maps_NChw: NDArray[np.float32], num_images: int) -> Outputs:
    """Refuse outputs that must never become an observation.

    Raises:
        InferenceError: If a shape or type is not the contract's, or a value is NaN or infinite.
    """
    num_classes = len(taxonomy())
    if logits_NC.shape != (num_images, num_classes) or maps_NChw.ndim != 4 or maps_NChw.shape[:2] != (num_images, num_classes):
        raise InferenceError(f"outputs of shape {logits_NC.shape} and {maps_NChw.shape} for {num_images} frames and {num_classes} classes")
    if not (np.isfinite(logits_NC).all() and np.isfinite(maps_NChw).all()):
        raise InferenceError("the model returned NaN or infinity; its result is discarded")
    return Outputs(logits_NC, maps_NChw)
