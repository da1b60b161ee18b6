from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from trainer.config import Config
from trainer.data.loader import Batch
from trainer.data.sewer_ml import read_split
from trainer.data.training import eval_batches
from trainer.models import MODELS
from trainer.schedule import build_optimizer, learning_rate
from trainer.tasks import TASKS


def eight_images(config: Config) -> Batch:
    split = read_split(Path(config.data.root), "Train")
    images, targets, index = next(iter(eval_batches(split, config)))
    return Batch(images[:8], targets[:8], index[:8])


@pytest.mark.parametrize("backbone", MODELS)
@pytest.mark.parametrize("task", TASKS)
def test_task_overfits_one_batch(tiny: Callable[..., Config], task: str, backbone: str) -> None:
    torch.manual_seed(0)
    config = tiny(model={"backbone": backbone}, loop={"batch_size": 8}, optim={"lr": 4e-3 if backbone.startswith("vit") else 2e-3})
    batch = eight_images(config)
    module = TASKS[task](config, batch.targets_NC.numpy())
    optimizer = build_optimizer(module, config.optim)

    for step in range(60):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, 60, config.optim)
        loss = module(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), config.optim.clip_norm)
        optimizer.step()

    assert loss.item() < 0.05


@pytest.mark.parametrize("task", TASKS)
def test_task_returns_a_scalar_loss_and_logits(tiny: Callable[..., Config], task: str) -> None:
    config = tiny()
    batch = eight_images(config)

    outputs = TASKS[task](config, batch.targets_NC.numpy())(batch)

    assert outputs["loss"].shape == ()
    assert outputs["logits"].shape == (len(batch.images_NHWC), 17)
