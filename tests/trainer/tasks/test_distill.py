"""Distillation with real teachers: trained for a step or two, loaded from their checkpoints."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from tests.trainer.tasks.steps import eight_images, run_steps
from trainer.checkpoint import load_model, load_state
from trainer.config import Config
from trainer.errors import CheckpointError, ConfigError
from trainer.loop import train
from trainer.models.teacher import FrozenTeacher
from trainer.run_folder import metrics_lines
from trainer.schedule import Moment
from trainer.tasks import Distill

FAMILIES = ("resnet18", "vit_tiny_patch16_224")
LOOP = {"epochs": 2, "batch_size": 2, "precision": "32", "threads": 2, "log_every_steps": 1, "plots": False}


@pytest.fixture
def distil(tiny: Callable[..., Config], teacher: Path) -> Callable[..., Config]:
    """Configs of task distill with a ResNet-18 of 32 px as the teacher; `distill` adds to that part."""

    def build(distill: dict[str, object] | None = None, **parts: object) -> Config:
        return tiny(**({"task": "distill", "distill": {"teacher": str(teacher)} | (distill or {}), "loop": LOOP} | parts))

    return build


def distilled(config: Config) -> Distill:
    return Distill(config, np.zeros((1, 17), np.uint8)).train()


def smooth(side: int) -> NDArray[np.uint8]:
    corners = np.random.default_rng(3).integers(0, 256, (5, 5, 3)).astype(np.float32)
    return cv2.resize(corners, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


@pytest.mark.parametrize("backbone", FAMILIES)
def test_student_overfits_one_batch_by_labels_and_teacher(distil: Callable[..., Config], backbone: str) -> None:
    lr = 4e-3 if backbone.startswith("vit") else 2e-3
    config = distil({"weight": 0.05, "feature_weight": 0.01}, model={"backbone": backbone}, optim={"lr": lr})

    outputs = run_steps(config, num_steps=60)

    assert outputs[-1]["loss_bce"] < 0.05
    assert outputs[-1]["loss_features"] < outputs[0]["loss_features"]


@pytest.mark.parametrize("backbone", FAMILIES)
def test_student_learns_the_teachers_scores_where_labels_say_nothing(distil: Callable[..., Config], backbone: str) -> None:
    config = distil({"weight": 1.0}, model={"backbone": backbone}, optim={"lr": 2e-3, "weight_decay": 0.0})
    task, batch = distilled(config), eight_images(config)
    torch.nn.init.normal_(task.teacher._beside[0].classifier.weight, std=0.3)  # so few steps have not taught it to tell much
    batch = batch._replace(targets_NC=torch.ones_like(batch.targets_NC))
    optimizer = torch.optim.AdamW(task.parameters(), lr=2e-3)

    for step in range(80):
        loss = task.training_step(batch, Moment(step, 80, 1))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    wanted = task.teacher(batch.images_NHWC).logits_NC.sigmoid()
    scores = task.model(batch.images_NHWC).logits_NC.sigmoid()
    assert wanted.std() > 0.05, "a teacher that says nothing would teach nothing"
    assert (scores - wanted).abs().max() < 0.05


def test_labels_are_not_read_with_the_whole_weight_on_the_teacher(distil: Callable[..., Config]) -> None:
    config = distil({"weight": 1.0})
    task, batch = distilled(config).eval(), eight_images(config)

    losses = [
        task.training_step(batch._replace(targets_NC=targets), Moment(0, 1, 1))["loss"].item()
        for targets in (torch.zeros_like(batch.targets_NC), torch.ones_like(batch.targets_NC))
    ]

    assert losses[0] == losses[1]


def test_teacher_stays_as_its_checkpoint_has_it(distil: Callable[..., Config], teacher: Path) -> None:
    """Batch statistics and dropped paths included: `train()` and a step reach the student alone."""
    config = distil()
    task, batch = distilled(config), eight_images(config)
    model, _, _ = load_model((teacher / "checkpoints" / "best").resolve())

    task.training_step(batch, Moment(0, 1, 1))["loss"].backward()
    torch.optim.SGD(task.parameters(), lr=1.0).step()

    with torch.no_grad():
        torch.testing.assert_close(task.teacher(batch.images_NHWC).logits_NC, model(batch.images_NHWC).logits_NC, rtol=0, atol=0)
    assert not task.teacher(batch.images_NHWC).logits_NC.requires_grad


def test_teacher_moves_with_the_task(distil: Callable[..., Config]) -> None:
    task = distilled(distil()).to("meta")

    assert all(weight.is_meta for weight in task.teacher._beside[0].parameters())


@pytest.mark.parametrize(("of", "to"), [(160, 64), (64, 160), (96, 96)])
def test_teacher_sees_nearly_what_prepare_gives_at_its_own_size(distil: Callable[..., Config], of: int, to: int) -> None:
    teacher = FrozenTeacher(distil().distill, PreprocessSpec(of, of))
    teacher.size = (to, to)
    image_HWC = smooth(480)
    prepared = prepare(image_HWC, PreprocessSpec(of, of))

    seen_HWC = teacher.seen(torch.from_numpy(prepared)[None])[0].numpy()

    assert seen_HWC.shape == (to, to, 3)
    assert np.abs(seen_HWC - prepare(image_HWC, PreprocessSpec(to, to)).astype(np.float32)).mean() < 1.5


def test_convolutional_teacher_may_look_at_the_students_size(distil: Callable[..., Config]) -> None:
    spec = {"height": 64, "width": 64}
    images = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)

    own, student = (distilled(distil({"teacher_size": size}, preprocess=spec)).teacher for size in ("own", "student"))

    assert tuple(own.seen(images).shape) == (2, 32, 32, 3)
    assert student.seen(images) is images
    assert student(images).logits_NC.shape == (2, 17)


def test_projector_is_learnt_and_kept_out_of_the_model(distil: Callable[..., Config]) -> None:
    run = train(distil({"feature_weight": 1.0, "features": "mse"}, model={"backbone": "vit_tiny_patch16_224"}), stop_at=2).run_dir
    last = (run / "checkpoints" / "last").resolve()

    names = load_file(last / "model.safetensors").keys()

    assert not [name for name in names if "projector" in name or "teacher" in name]
    state = load_state(last)["task"]
    assert state["projector.weight"].shape == (512, 192)
    assert [name for name in state if name.startswith("teacher")] == ["teacher._extra_state"]
    assert load_model(last)[0].name == "vit_tiny_patch16_224"
    assert all({"loss_bce", "loss_distill", "loss_features"} <= line.keys() for line in metrics_lines(run) if line["part"] == "train")


def test_run_goes_on_with_a_teacher_that_has_moved_and_refuses_another(
    distil: Callable[..., Config], teacher: Path, tmp_path: Path
) -> None:
    train(distil(name="part"), stop_at=2)
    moved = teacher.rename(tmp_path / "elsewhere")

    with pytest.raises(CheckpointError, match=r"distill\.teacher.*no checkpoint") as gone:
        train(distil(name="part"), resume=True)
    assert train(distil({"teacher": str(moved)}, name="part"), resume=True, stop_at=4).step == 4

    file = (moved / "checkpoints" / "best").resolve() / "model.safetensors"
    save_file({name: tensor + 1 if name == "classifier.bias" else tensor for name, tensor in load_file(file).items()}, file)
    with pytest.raises(CheckpointError, match=r"the run was begun with teacher at step \d+ \([0-9a-f]{12}\)") as other:
        train(distil({"teacher": str(moved)}, name="part"), resume=True)
    assert "\n" not in str(gone.value) + str(other.value)


def test_what_cannot_teach_is_refused_in_one_line(distil: Callable[..., Config], tiny: Callable[..., Config], teacher: Path) -> None:
    vit = train(tiny(name="vit", model={"backbone": "vit_tiny_patch16_224"}, loop=LOOP), stop_at=1).run_dir
    dino = {"hidden": 32, "bottleneck": 16, "prototypes": 32}
    blind = train(tiny(name="blind", task="dino", dino=dino, loop=LOOP), stop_at=1).run_dir
    foreign = (teacher / "checkpoints" / "best").resolve() / "contract.json"
    contract = json.loads(foreign.read_text())
    contract["classes"] |= {"name": "another", "digest": "0" * 64}

    def refused(error: type[Exception], match: str, **distill: object) -> None:
        with pytest.raises(error, match=match) as caught:
            distilled(distil(distill))
        assert "\n" not in str(caught.value)
        assert "distill.teacher" in str(caught.value)

    refused(ConfigError, "name a run's folder", teacher=None)
    refused(CheckpointError, "no checkpoint", teacher="nowhere")
    refused(CheckpointError, "task dino trains no classifier", teacher=str(blind / "checkpoints" / "last"))
    refused(ConfigError, "tied to its own input size", teacher=str(vit / "checkpoints" / "last"), teacher_size="student")
    foreign.write_text(json.dumps(contract))
    refused(CheckpointError, "class list another")
