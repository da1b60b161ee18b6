"""Figures of a run's weights on the validation split, worked out by all processes together."""

# N images, D embedding, C classes, M images of one process

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import Config, DinoConfig
from trainer.data.loader import Batch
from trainer.data.training import TrainingData, eval_batches
from trainer.evaluate.rankme import rankme
from trainer.evaluate.scores import headline, logits_of, metrics_of
from trainer.models import DefectClassifier, Encoder
from trainer.processes import interleaved_rows
from trainer.run_state import RunState


class Validation(NamedTuple):
    """`figures` by name: F2_CIW and its like where there is a classifier, RankMe where training is self-supervised; F2 per class."""

    figures: dict[str, float]
    f2_by_class: dict[str, float]


def validate(state: RunState, fabric: Fabric, data: TrainingData, config: Config) -> Validation:
    """Figures of the weights a checkpoint would hold now, at threshold 0.5."""
    model = copy.deepcopy(state.task.kept_model())
    model.load_state_dict(state.average.state())
    model.eval()
    figures: dict[str, float] = {}
    f2_by_class: dict[str, float] = {}
    with fabric.autocast():
        if isinstance(model, DefectClassifier) and state.task.model_to_validate() is not None:
            rows = range(len(data.val))
            logits_NC = _together(fabric, rows, lambda own: logits_of(model, eval_batches(data.val, config, own)))
            metrics = metrics_of(logits_NC, data.val.targets_NC)
            figures |= headline(metrics)
            f2_by_class = dict(zip(taxonomy().codes, map(float, metrics.f2_C), strict=True))
        if state.task.num_views > 1:
            spread = np.linspace(0, len(data.val) - 1, min(config.dino.rankme_images, len(data.val))).round().astype(int).tolist()
            embeddings_ND = _together(fabric, spread, lambda own: embeddings_of(model, eval_batches(data.val, config, own)))
            figures["rankme"] = rankme(embeddings_ND)
    return Validation(figures, f2_by_class)


def collapse_warning(figures: dict[str, float], config: DinoConfig) -> str | None:
    """One line if all images look alike to the model: by RankMe to its embedding, by the teacher's information to its prototypes.

    The second comes first: batch normalisation keeps an embedding varied for a while when the prototypes have stopped to tell anything.
    """
    limits = {"rankme": config.min_rankme, "teacher_information": config.min_information}
    low = [f"{name} {figures[name]:.3g} is below {limit:g}" for name, limit in limits.items() if figures.get(name, np.inf) < limit]
    if not low:
        return None
    remedy = "lower dino.teacher_temperature or optim.lr, keep dino.centre_momentum below 1, or freeze the last layer for longer"
    return f"warning: {' and '.join(low)}: pretraining has collapsed; {remedy}"


def embeddings_of(model: Encoder, loader: Iterable[Batch]) -> NDArray[np.float32]:
    """Embeddings (N, D) float32 of every image, in the loader's order."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        return np.concatenate([model.features(batch.images_NHWC.to(device)).pooled_ND.float().cpu().numpy() for batch in loader])


def _together(fabric: Fabric, rows: Sequence[int], results_of: Callable[[Sequence[int]], NDArray[np.float32]]) -> NDArray[np.float32]:
    """Every process works on a share of the rows; all get the results of all, in the order of the rows."""
    if fabric.world_size == 1:
        return results_of(rows)
    num_each = -(-len(rows) // fabric.world_size)
    padded = np.resize(rows, num_each * fabric.world_size)  # repeats from the start: shares must be of one size
    own_MC = results_of(padded[fabric.global_rank :: fabric.world_size].tolist())
    return np.asarray(interleaved_rows(fabric, torch.from_numpy(own_MC))[: len(rows)].numpy())
