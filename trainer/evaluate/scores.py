"""Logits of a torch model over a loader, and the contract's metric on them."""

# N images, C classes

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.metrics import SewerMetrics, sewer_metrics
from edge_sdk.contract.taxonomy import taxonomy
from trainer.data.loader import Batch


def logits_of(model: nn.Module, loader: Iterable[Batch]) -> NDArray[np.float32]:
    """Logits (N, C) float32 of every image, in the loader's order. The model runs as it is: set it to evaluation mode first."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        logits = [model(batch.images_NHWC.to(device)).logits_NC.float().cpu().numpy() for batch in loader]
    return np.concatenate(logits)


def metrics_of(logits_NC: NDArray[np.float32], targets_NC: NDArray[np.uint8]) -> SewerMetrics:
    """The protocol's metric: threshold 0.5, temperature 1."""
    return sewer_metrics(scores_from_logits(logits_NC), targets_NC, taxonomy().ciw)


def headline(metrics: SewerMetrics) -> dict[str, float]:
    """The figures that go into logs and checkpoints."""
    return {"f2_ciw": metrics.f2_ciw, "f1_normal": metrics.f1_normal, "mean_ap": metrics.mean_ap}
