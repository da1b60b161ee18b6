"""Binary cross-entropy with a weight per class on the positive term: the fine-tuning loss of the Sewer-ML baselines.

    loss = mean over batch and classes of -(w_c y log σ(x) + (1 - y) log(1 - σ(x)))

Sources: Haurum & Moeslund, "Sewer-ML", CVPR 2021 (weights from counts); the weights from class importance follow the DINO study on
Sewer-ML. Pinned by golden vectors.
"""

# N batch, C classes

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def pos_weight_from_ciw(ciw_C: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights 2(1 + CIW/mean(CIW)) of the positive term, shape (C,): every class counts more than its absence, costly ones most."""
    return np.asarray(2.0 * (1.0 + ciw_C / ciw_C.mean()))


def pos_weight_from_targets(targets_NC: NDArray[np.integer]) -> NDArray[np.float64]:
    """Weights negatives/positives of the Sewer-ML baseline, shape (C,); 0 for a class without positives."""
    positive_C = np.asarray(targets_NC > 0).sum(axis=0, dtype=np.float64)
    negative_C = len(targets_NC) - positive_C
    return np.asarray(np.divide(negative_C, positive_C, out=np.zeros_like(positive_C), where=positive_C > 0))


def weighted_bce_with_logits(logits_NC: Tensor, targets_NC: Tensor, pos_weight_C: Tensor) -> Tensor:
    """The loss above as a scalar, stable for logits of any size.

    Args:
        logits_NC: Before the sigmoid, any float type.
        targets_NC: 0 or 1, same shape, any type.
        pos_weight_C: Weight of the positive term per class.
    """
    return binary_cross_entropy_with_logits(logits_NC, targets_NC.to(logits_NC.dtype), pos_weight=pos_weight_C.to(logits_NC.dtype))


def pos_weight_tensor(kind: str, ciw_C: NDArray[np.float64], targets_NC: NDArray[np.integer]) -> Tensor:
    """The weights a recipe asks for by name ("ciw" or "counts"), float32 of shape (C,)."""
    weights_C = pos_weight_from_ciw(ciw_C) if kind == "ciw" else pos_weight_from_targets(targets_NC)
    return torch.from_numpy(weights_C.astype(np.float32))
