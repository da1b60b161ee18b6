"""What surrounds an optimiser step: the clock, the learning rate read from it, gradient clipping, averaged weights."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from trainer.config import OptimConfig

CLIP_EPS = 1e-6
NOT_DECAYED = ("pos_embed", "cls_token", "weight_g")


class Moment(NamedTuple):
    """Where a run stands: steps done, of how many, and how many make an epoch."""

    step: int
    num_steps: int
    steps_per_epoch: int

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.steps_per_epoch

    @property
    def num_epochs(self) -> int:
        """Epochs of the whole run."""
        return self.num_steps // self.steps_per_epoch


def scheduled_rate(at: Moment, config: OptimConfig, *, batch_size: int) -> float:
    """The learning rate of the coming step under `optim.schedule`.

    "dino" and "steps" are the pretraining and fine-tuning of the DINO study on Sewer-ML: peak 5e-5 for 256 images, 10 epochs of warm-up
    from 3e-5, cosine to 1e-6; and a tenth after 15 and after 35 of 45 epochs.
    """
    peak = config.lr * batch_size / config.lr_for_batch if config.lr_for_batch else config.lr
    if config.schedule == "steps":
        return stepped(at.epoch, peak, config.step_epochs, config.step_factor)
    if config.schedule == "dino":
        num_warmup = min(config.warmup_epochs * at.steps_per_epoch, at.num_steps)
        return warmup_cosine(at.step, at.num_steps, peak, config.final_lr, num_warmup=num_warmup, start=config.warmup_start_lr)
    return learning_rate(at.step, at.num_steps, msgspec.structs.replace(config, lr=peak))


def warmup_cosine(step: int, num_steps: int, peak: float, final: float, *, num_warmup: int = 0, start: float = 0.0) -> float:
    """From `start` straight to `peak`, which the last warm-up step and the next one have, then half a cosine towards `final`.

    `final` would be reached at `num_steps`, one step after the last (Caron et al., DINO, ICCV 2021, as released).
    """
    if step < num_warmup:
        return start + (peak - start) * step / max(num_warmup - 1, 1)
    progress = (step - num_warmup) / max(num_steps - num_warmup, 1)
    return final + (peak - final) * 0.5 * (1.0 + math.cos(math.pi * progress))


def stepped(epoch: int, peak: float, milestones: Iterable[int], factor: float) -> float:
    """`peak`, multiplied by `factor` from each milestone epoch on."""
    return float(peak * factor ** sum(epoch >= milestone for milestone in milestones))


def learning_rate(step: int, num_steps: int, config: OptimConfig) -> float:
    """Linear warm-up, then half a cosine down to `final_lr_share` of the peak (Loshchilov & Hutter, SGDR, 2017, without restarts)."""
    num_warmup = round(config.warmup_share * num_steps)
    if step < num_warmup:
        return config.lr * (step + 1) / num_warmup
    progress = (step - num_warmup) / max(num_steps - 1 - num_warmup, 1)
    final = config.final_lr_share
    return config.lr * (final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0))))


def build_optimizer(module: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW; unless `optim.decay` is "all", weight decay spares biases, norms, lengths, position embeddings and the class token."""
    named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    everything = config.decay == "all"
    decayed = {name for name, weight in named if everything or (weight.ndim > 1 and not name.endswith(NOT_DECAYED))}
    groups: list[dict[str, Any]] = [
        {"params": [weight for name, weight in named if name in decayed], "weight_decay": config.weight_decay},
        {"params": [weight for name, weight in named if name not in decayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr)


def clip_each(weights: Iterable[nn.Parameter], max_norm: float) -> Tensor:
    """Shorten each tensor's gradient to `max_norm` by itself, as DINO does, and return the largest norm before that."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
    for gradient, factor in zip(gradients, (max_norm / (norms + CLIP_EPS)).clamp(max=1.0), strict=True):
        gradient.mul_(factor)
    return norms.max()


class AveragedWeights:
    """Exponential moving average of a module's weights and of its normalisation statistics.

    The decay grows as (1 + t) / (10 + t) up to its limit, so that short runs are not dominated by their random start (TensorFlow's
    ExponentialMovingAverage). With a limit of 0 the average is the module itself.
    """

    def __init__(self, module: nn.Module, limit: float) -> None:
        self._module, self._limit = module, limit
        self.weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()} if limit else {}

    def update(self, step: int) -> None:
        """Take in the weights after step `step` (from 0)."""
        decay = min(self._limit, (1 + step) / (10 + step))
        state = self._module.state_dict()
        for name, average in self.weights.items():
            if average.is_floating_point():
                average.lerp_(state[name], 1.0 - decay)
            else:
                average.copy_(state[name])

    def state(self) -> dict[str, Tensor]:
        """The weights to validate and to keep: averaged, or the module's own."""
        return self.weights or dict(self._module.state_dict())

    def load(self, weights: dict[str, Tensor]) -> None:
        """Continue from stored averages."""
        for name in self.weights:
            self.weights[name].copy_(weights[name])
