"""The loop with every task: resuming, what it logs, what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from trainer.checkpoint import load_model, load_state
from trainer.config import Config
from trainer.data.loader import Batch
from trainer.data.sewer_ml import read_split
from trainer.errors import CheckpointError, ConfigError, NonFiniteLossError
from trainer.gradients import refuse_non_finite
from trainer.loop import train
from trainer.models import Encoder
from trainer.run_folder import MetricsLog, metrics_lines
from trainer.schedule import Moment
from trainer.tasks import TASKS

DINO = {"hidden": 32, "bottleneck": 16, "prototypes": 32}
LOOP = {"epochs": 2, "batch_size": 2, "precision": "32", "threads": 2, "log_every_steps": 1, "plots": False}
VIT = {"backbone": "vit_tiny_patch16_224", "drop_path": 0.2}


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit, through dicts and lists."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def val_lines(folder: Path) -> list[dict[str, Any]]:
    return [line for line in metrics_lines(folder) if line["part"] == "val"]


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in metrics_lines(folder) if line["part"] == "train"]


@pytest.fixture
def weights(tmp_path: Path, tiny: Callable[..., Config]) -> Callable[[str], str]:
    """A file of random backbone weights."""

    def write(backbone: str) -> str:
        path = tmp_path / f"{backbone}.safetensors"
        torch.manual_seed(1)
        save_file(dict(Encoder(backbone, tiny().preprocess).backbone.state_dict()), path)
        return str(path)

    return write


@pytest.fixture
def coloured(data_root: Path) -> Path:
    """Pictures a network can tell apart at a glance: each a slope between two colours."""
    for path in sorted(data_root.glob("*/*.png")):
        rng = np.random.default_rng(int(path.stem) + 100 * len(path.parent.name))
        corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float32)
        cv2.imwrite(str(path), cv2.resize(corners, (72, 64), interpolation=cv2.INTER_LINEAR).astype(np.uint8))
    return data_root


@pytest.mark.parametrize("backbone", ["resnet18", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("task", TASKS)
def test_ten_steps_equal_five_and_five_bit_for_bit(
    tiny: Callable[..., Config], weights: Callable[[str], str], task: str, backbone: str
) -> None:
    model = {"backbone": backbone, "drop_path": 0.2, "weights": weights(backbone)}
    parts = {"task": task, "model": model, "dino": DINO, "loop": LOOP}
    whole = train(tiny(name="whole", **parts), stop_at=10)

    train(tiny(name="part", **parts), stop_at=5)
    Path(model["weights"]).unlink()  # a run that goes on needs only itself
    part = train(tiny(name="part", **parts), resume=True, stop_at=10)

    one, other = (run.run_dir / "checkpoints" / "last" for run in (whole, part))
    assert (whole.step, part.step) == (10, 10)
    assert same(load_file(one / "model.safetensors"), load_file(other / "model.safetensors"))
    assert same(load_state(one), load_state(other))
    assert metrics_lines(whole.run_dir) == metrics_lines(part.run_dir)


def test_linear_leaves_the_backbone_as_it_was(tiny: Callable[..., Config], weights: Callable[[str], str]) -> None:
    path = weights("resnet18")

    run = train(tiny(task="linear", model={"weights": path}, loop=LOOP)).run_dir

    kept = load_file(run / "checkpoints" / "last" / "model.safetensors")
    assert all(torch.equal(kept[f"backbone.{name}"], tensor) for name, tensor in load_file(path).items())
    assert json.loads((run / "run.json").read_text())["weights"]["num_loaded"] == len(load_file(path))


@pytest.mark.parametrize("task", ["dino", "hybrid"])
def test_pretraining_logs_rankme_and_its_backbone_can_be_fine_tuned(tiny: Callable[..., Config], coloured: Path, task: str) -> None:
    pretrained = train(tiny(name="pretrained", task=task, model=VIT, dino=DINO, loop=LOOP))
    tuned = train(tiny(name="tuned", model=VIT | {"weights": str(pretrained.run_dir)}, loop=LOOP))

    rankmes = [line["rankme"] for line in val_lines(pretrained.run_dir)]
    assert len(rankmes) == 2
    assert all(1.0 <= value <= 6.0 for value in rankmes)
    assert pretrained.best_f2_ciw >= 0.0 if task == "hybrid" else pretrained.best_f2_ciw == -1.0
    assert (pretrained.run_dir / "checkpoints" / "best").resolve().is_dir()
    assert str(pretrained.run_dir) in json.loads((tuned.run_dir / "run.json").read_text())["weights"]["source"]


def test_pretrained_backbone_is_no_classifier_to_export(tiny: Callable[..., Config]) -> None:
    run = train(tiny(task="dino", dino=DINO, loop=LOOP), stop_at=1).run_dir

    with pytest.raises(CheckpointError, match="trains no classifier"):
        load_model(run / "checkpoints" / "last")


def test_collapse_is_reported_and_health_is_not(tiny: Callable[..., Config], coloured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same run twice, with and without what keeps it from collapsing."""
    loop, vit = LOOP | {"epochs": 8, "batch_size": 4}, {"backbone": "vit_tiny_patch16_224"}
    optim = {"lr": 1e-4, "weight_decay": 0.0, "warmup_share": 0.0}
    sound = DINO | {"teacher_momentum_start": 0.9, "teacher_momentum": 0.9, "teacher_temperature": 0.04, "min_rankme": 1.3}
    broken = sound | {"centre_momentum": 1.0, "teacher_temperature_start": 1.0, "teacher_temperature": 1.0}

    healthy = train(tiny(name="sound", task="dino", model=vit, dino=sound, loop=loop, optim=optim))
    talk = capsys.readouterr().err
    collapsed = train(tiny(name="broken", task="dino", model=vit, dino=broken, loop=loop, optim=optim))

    print(val_lines(healthy.run_dir), losses(healthy.run_dir), val_lines(collapsed.run_dir), losses(collapsed.run_dir))
    assert "has collapsed" not in talk
    assert np.mean(losses(healthy.run_dir)[-3:]) < np.mean(losses(healthy.run_dir)[:3])
    assert val_lines(healthy.run_dir)[-1]["rankme"] > 1.3
    assert "has collapsed" in capsys.readouterr().err


def test_infinite_gradients_are_refused_unless_a_scaler_passes_over_them(data_root: Path) -> None:
    split, batch = read_split(data_root, "Train"), Batch(torch.zeros(2, 4, 4, 3), torch.zeros(2, 17), torch.tensor([3, 5]))
    at = Moment(7, 10, 5)

    refuse_non_finite(1.0, float("inf"), at, 1e-3, batch, split, scaled=True)
    with pytest.raises(NonFiniteLossError, match=r"step 7.*00000004\.png, 00000006\.png"):
        refuse_non_finite(1.0, float("inf"), at, 1e-3, batch, split)
    with pytest.raises(NonFiniteLossError):
        refuse_non_finite(float("nan"), 1.0, at, 1e-3, batch, split, scaled=True)


@pytest.mark.parametrize("task", TASKS)
def test_task_runs_in_bfloat16(tiny: Callable[..., Config], weights: Callable[[str], str], task: str) -> None:
    model = VIT | {"weights": weights("vit_tiny_patch16_224")}

    run = train(tiny(task=task, model=model, dino=DINO, loop=LOOP | {"precision": "bf16"}), stop_at=2).run_dir

    assert np.isfinite(losses(run)).all()


@pytest.mark.parametrize("task", ["finetune", "dino"])
def test_batch_in_pieces_gives_the_losses_of_the_whole(tiny: Callable[..., Config], task: str) -> None:
    loop, vit = LOOP | {"batch_size": 4}, {"backbone": "vit_tiny_patch16_224"}  # batch statistics would see the pieces
    optim = {"lr": 1e-4}  # Adam makes steps of this size out of rounding where a gradient is nearly zero
    whole = train(tiny(name="whole", task=task, model=vit, dino=DINO, optim=optim, loop=loop))
    pieces = train(tiny(name="pieces", task=task, model=vit, dino=DINO, optim=optim, loop=loop | {"accumulate": 3}))

    np.testing.assert_allclose(losses(whole.run_dir), losses(pieces.run_dir), rtol=0, atol=1e-4)


def test_run_stops_when_its_patience_ends(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([0.2, 0.5, 0.4, 0.3, 0.9])
    monkeypatch.setattr("trainer.validation.headline", lambda _: {"f2_ciw": next(figures)})

    result = train(tiny(loop=LOOP | {"epochs": 5, "batch_size": 6, "patience_epochs": 2}))

    assert (result.step, result.num_steps, result.interrupted, result.stopped_early) == (8, 10, False, True)
    assert (result.run_dir / "checkpoints" / "best").resolve().name == "step-0000004"
    again = train(tiny(loop=LOOP | {"epochs": 5, "batch_size": 6, "patience_epochs": 2}), resume=True)
    assert (again.step, again.stopped_early) == (8, True)


def test_checkpoints_between_the_ends_of_epochs(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.run_state import RunState

    steps, keep = [], RunState.keep
    monkeypatch.setattr(RunState, "keep", lambda self, *args, **kwargs: (steps.append(self.step), keep(self, *args, **kwargs))[1])

    train(tiny(loop=LOOP | {"epochs": 1, "save_every_steps": 4}))

    assert steps == [4, 6]


def test_finished_run_leaves_its_curves(tiny: Callable[..., Config]) -> None:
    run = train(tiny(task="hybrid", dino=DINO, loop=LOOP | {"plots": True, "epochs": 1})).run_dir

    names = {path.stem for path in (run / "plots").iterdir()}
    assert {"loss", "loss_dino", "loss_bce", "lr", "f2_ciw", "rankme", "f2_by_class"} <= names
    picture = cv2.imread(str(run / "plots" / "loss.png"))
    assert picture is not None and picture.std() > 5


def test_lines_after_the_last_checkpoint_are_written_anew(tmp_path: Path) -> None:
    with MetricsLog(tmp_path) as log:
        for step in range(1, 5):
            log.write("train", step, {"loss": float(step)})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"part": "train", "st')  # killed while writing

    with MetricsLog(tmp_path, 3) as log:
        log.write("train", 4, {"loss": -4.0})

    assert [line["loss"] for line in metrics_lines(tmp_path)] == [1.0, 2.0, 3.0, -4.0]


def test_compiled_run_has_the_losses_of_the_plain_one(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """With torch's eager backend: graph capture, copies and weights are tried, not the code generator."""
    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function: compiled(function, backend="eager"))

    plain = train(tiny(name="plain", loop=LOOP))
    fast = train(tiny(name="fast", loop=LOOP | {"compile": True}))

    np.testing.assert_allclose(losses(plain.run_dir), losses(fast.run_dir), rtol=0, atol=1e-4)
    assert val_lines(plain.run_dir)[-1]["mean_ap"] == pytest.approx(val_lines(fast.run_dir)[-1]["mean_ap"], abs=1e-6)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"task": "linear"}, "model.weights"),
        ({"task": "dino", "dino": DINO, "loop": LOOP | {"patience_epochs": 1}}, "loop.patience_epochs"),
        ({"loop": LOOP | {"precision": "fp16", "device": "cpu"}}, "loop.precision"),
        ({"model": {"backbone": "resnet9000"}}, "resnet9000"),
    ],
)
def test_recipe_that_cannot_run_is_refused_in_one_line(tiny: Callable[..., Config], parts: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        train(tiny(**parts))

    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not tiny().run_dir.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_that_is_asked_for_and_missing_is_refused(tiny: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"loop\.device"):
        train(tiny(loop=LOOP | {"device": "cuda"}))
