"""Learning rate per step and averaged weights: the two things an optimiser step is surrounded by."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from trainer.config import OptimConfig


def learning_rate(step: int, num_steps: int, config: OptimConfig) -> float:
    """Linear warm-up, then half a cosine down to `final_lr_share` of the peak (Loshchilov & Hutter, SGDR, 2017, without restarts)."""
    num_warmup = round(config.warmup_share * num_steps)
    if step < num_warmup:
        return config.lr * (step + 1) / num_warmup
    progress = (step - num_warmup) / max(num_steps - 1 - num_warmup, 1)
    final = config.final_lr_share
    return config.lr * (final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0))))


def build_optimizer(module: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW; weight decay acts on matrices and kernels, not on biases, norms, position embeddings or the class token."""
    named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    decayed = {name for name, weight in named if weight.ndim > 1 and not name.endswith(("pos_embed", "cls_token"))}
    groups: list[dict[str, Any]] = [
        {"params": [weight for name, weight in named if name in decayed], "weight_decay": config.weight_decay},
        {"params": [weight for name, weight in named if name not in decayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr)


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
