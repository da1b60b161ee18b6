"""The graph interface every model file of this project has, in each precision and runtime.

    image  uint8   [N, H, W, 3]   RGB as `prepare` returns it; mean and standard deviation are inside the graph
    logits float32 [N, C]         before the sigmoid; temperature and thresholds stay outside, in the manifest
    maps   float32 [N, C, h, w]   class activation maps: the classifier applied to every patch token or feature cell

N is the only dynamic axis. The metadata keys below are written by the trainer and checked before a graph serves.
"""

# N batch, C classes, H W pixels, h w cells of the feature map

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

INTERFACE_VERSION = 1
OPSET = 17  # the first with LayerNormalization as one node; decomposed, it overflows in fp16 (deployment notes Q5, Q8)
INPUT, LOGITS, MAPS = "image", "logits", "maps"

METADATA_CLASSES_DIGEST = "sewer_edge.classes_digest"
METADATA_INTERFACE = "sewer_edge.interface_version"
METADATA_PREPROCESS = "sewer_edge.preprocess"


class Outputs(NamedTuple):
    """What one run of a graph returns: `logits_NC` float32 and `maps_NChw` float32."""

    logits_NC: NDArray[np.float32]
    maps_NChw: NDArray[np.float32]


def scores_from_logits(logits_NC: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Scores in 0..1 from logits: the sigmoid of `logits / temperature`, in float64 and without overflow.

    Args:
        logits_NC: Any shape, any float type.
        temperature: Probability scaling stored in the manifest per precision, > 0; 1 leaves the scores as trained.
    """
    scaled = np.asarray(logits_NC, dtype=np.float64) / temperature
    return np.asarray(np.exp(-np.logaddexp(0.0, -scaled)))
