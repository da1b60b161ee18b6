"""What every task must do, on tiny images; the tasks are found through `TASKS`."""

from collections.abc import Callable

import pytest
import torch

from tests.trainer.tasks.steps import eight_images, run_steps
from trainer.config import Config
from trainer.models import MODELS, DefectClassifier
from trainer.schedule import Moment
from trainer.tasks import TASKS

DINO = {"hidden": 64, "bottleneck": 32, "prototypes": 64, "freeze_last_layer_epochs": 0}
FAMILIES = ("resnet18", "vit_tiny_patch16_224")


def config_of(tiny: Callable[..., Config], task: str, backbone: str = "resnet18", **parts: object) -> Config:
    model = {"backbone": backbone, "weights": "unread" if task == "linear" else None}
    return tiny(**({"task": task, "model": model, "dino": DINO, "loop": {"batch_size": 8}} | parts))


@pytest.mark.parametrize("backbone", FAMILIES)
@pytest.mark.parametrize("task", ["finetune", "hybrid"])
def test_task_with_labels_overfits_one_batch(tiny: Callable[..., Config], task: str, backbone: str) -> None:
    lr = 4e-3 if backbone.startswith("vit") else 2e-3
    config = config_of(tiny, task, backbone, optim={"lr": lr})

    outputs = run_steps(config, num_steps=60)

    assert outputs[-1].get("loss_bce", outputs[-1]["loss"]) < 0.05


@pytest.mark.parametrize("backbone", FAMILIES)
def test_linear_overfits_one_batch_on_a_frozen_backbone(tiny: Callable[..., Config], backbone: str) -> None:
    config = config_of(tiny, "linear", backbone, optim={"lr": 0.3, "weight_decay": 0.0})

    outputs = run_steps(config, num_steps=300)

    assert outputs[-1]["loss"] < 0.05


@pytest.mark.parametrize("backbone", FAMILIES)
def test_dino_overfits_one_batch(tiny: Callable[..., Config], backbone: str) -> None:
    """Eight images, told apart: the student says what the teacher says, and the teacher says something else of each."""
    dino = DINO | {"teacher_momentum_start": 0.97, "teacher_momentum": 0.97, "teacher_temperature": 0.04}
    lr = 5e-5 if backbone.startswith("vit") else 3e-4
    config = config_of(tiny, "dino", backbone, dino=dino, optim={"lr": lr, "weight_decay": 0.0})

    outputs = run_steps(config, num_steps=60)

    assert outputs[-1]["loss"] < 0.3 * outputs[0]["loss"]
    assert outputs[-1]["teacher_information"] > 1.5


def test_dino_with_neither_centring_nor_sharpening_collapses(tiny: Callable[..., Config]) -> None:
    dino = DINO | {"centre_momentum": 1.0, "teacher_temperature_start": 1.0, "teacher_temperature": 1.0, "teacher_momentum_start": 0.9}

    outputs = run_steps(config_of(tiny, "dino", dino=dino, optim={"lr": 1e-3}), num_steps=40)

    assert outputs[-1]["teacher_information"] < 0.01


@pytest.mark.parametrize("backbone", MODELS)
@pytest.mark.parametrize("task", TASKS)
def test_task_gives_a_finite_loss_and_gradients_to_all_it_trains(tiny: Callable[..., Config], task: str, backbone: str) -> None:
    config = config_of(tiny, task, backbone)
    batch = eight_images(config)
    module = TASKS[task](config, batch.targets_NC.numpy()).train()

    outputs = module.training_step(batch, Moment(0, 10, 5))
    outputs["loss"].backward()

    assert outputs["loss"].shape == ()
    assert torch.isfinite(outputs["loss"])
    assert [name for name, weight in module.named_parameters() if weight.requires_grad and weight.grad is None] == []


@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_keeps_is_the_model_its_config_describes(tiny: Callable[..., Config], task: str) -> None:
    config = config_of(tiny, task)
    module = TASKS[task](config, eight_images(config).targets_NC.numpy())

    assert module.kept_model().name == config.model.backbone
    assert isinstance(module.model_to_validate(), DefectClassifier) == (task != "dino")
