"""Agreement of an exported graph with the torch model, where it matters: in scores and in decisions, on real images."""

# N images, C classes

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.manifest import Parity


def parity_of(
    logits_NC: NDArray[np.float32],
    reference_NC: NDArray[np.float32],
    thresholds_C: NDArray[np.float64],
    *,
    precision: Literal["fp32", "fp16", "int8-trt", "int8-x86"],
    reference: str,
) -> Parity:
    """Compare the logits of the same images.

    Args:
        logits_NC: Of the exported graph.
        reference_NC: Of what it was made from.
        thresholds_C: A flip is a (image, class) decided differently at these.
        precision: The graph's.
        reference: Names what it is compared with.
    """
    scores_NC, expected_NC = scores_from_logits(logits_NC), scores_from_logits(reference_NC)
    difference_NC = np.abs(scores_NC - expected_NC)
    flips = int(((scores_NC >= thresholds_C) != (expected_NC >= thresholds_C)).sum())
    return Parity(precision, reference, len(logits_NC), float(difference_NC.max()), float(difference_NC.mean()), flips)
