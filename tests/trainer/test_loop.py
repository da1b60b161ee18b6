import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from trainer.checkpoint import load_state
from trainer.config import Config, config_from_yaml
from trainer.errors import ConfigError, DataError, NonFiniteLossError
from trainer.loop import train
from trainer.models import DefectClassifier
from trainer.models.normalise import Normalise


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit, through dicts and lists."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def test_run_leaves_config_record_metrics_and_checkpoints(tiny: Callable[..., Config]) -> None:
    config = tiny()

    result = train(config)

    assert (result.step, result.num_steps, result.interrupted) == (12, 12, False)
    assert config_from_yaml(result.run_dir / "run.yaml") == config
    assert {"data", "classes_digest", "git_revision"} <= set(json.loads((result.run_dir / "run.json").read_text()))
    assert [line["step"] for line in lines(result.run_dir) if line["part"] == "val"] == [6, 12]
    assert list((result.run_dir / "tensorboard").iterdir())
    assert (result.run_dir / "checkpoints" / "last" / "model.safetensors").is_file()
    assert (result.run_dir / "checkpoints" / "best" / "contract.json").is_file()


@pytest.mark.parametrize(("backbone", "stop_at"), [("resnet18", 8), ("vit_tiny_patch16_224", 3), ("vit_tiny_patch16_224", 6)])
def test_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tiny: Callable[..., Config], backbone: str, stop_at: int) -> None:
    model = {"backbone": backbone, "drop_path": 0.2}
    whole = train(tiny(name="whole", model=model))

    part = train(tiny(name="part", model=model), stop_at=stop_at)
    assert (part.step, part.interrupted) == (stop_at, True)
    train(tiny(name="part", model=model), resume=True)

    one, other = (run / "checkpoints" / "last" for run in (whole.run_dir, part.run_dir))
    assert same(load_file(one / "model.safetensors"), load_file(other / "model.safetensors"))
    assert same(load_state(one), load_state(other))
    assert [line for line in lines(whole.run_dir) if line["part"] == "val"] == [
        line for line in lines(part.run_dir) if line["part"] == "val"
    ]


def test_run_of_the_same_name_is_neither_overwritten_nor_resumed_with_another_config(tiny: Callable[..., Config]) -> None:
    train(tiny(), stop_at=1)

    with pytest.raises(ConfigError, match="--resume"):
        train(tiny())
    with pytest.raises(ConfigError, match=r"optim\.lr"):
        train(tiny(optim={"lr": 0.5}), resume=True)
    with pytest.raises(ConfigError, match="no checkpoint to resume from"):
        train(tiny(name="other"), resume=True)


def test_resume_on_changed_data_is_refused(tiny: Callable[..., Config], data_root: Path) -> None:
    train(tiny(), stop_at=1)
    image = data_root / "Train" / "00000001.png"
    image.write_bytes(image.read_bytes() + b"\0")

    with pytest.raises(DataError, match="changed"):
        train(tiny(), resume=True)


def test_non_finite_loss_stops_the_run_and_names_step_rate_and_images(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    forward, calls = Normalise.forward, []

    def broken(self: Normalise, images: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return forward(self, images) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(Normalise, "forward", broken)

    with pytest.raises(NonFiniteLossError) as caught:
        train(tiny())

    message = str(caught.value)
    assert "step 2" in message
    assert "learning rate" in message
    assert message.count(".png") == 2


def test_termination_signal_saves_and_ends_after_the_step(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    forward, calls = DefectClassifier.forward, []

    def signalled(self: DefectClassifier, images: torch.Tensor) -> Any:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(self, images)

    monkeypatch.setattr(DefectClassifier, "forward", signalled)

    result = train(tiny())

    assert (result.step, result.interrupted) == (2, True)
    assert json.loads((result.run_dir / "checkpoints" / "last" / "contract.json").read_text())["step"] == 2
    assert train(tiny(), resume=True).step == 12


def test_only_linked_checkpoints_are_kept(tiny: Callable[..., Config]) -> None:
    folder = train(tiny(loop={"epochs": 4, "batch_size": 4, "precision": "32"})).run_dir / "checkpoints"

    kept = {item.name for item in folder.iterdir() if not item.is_symlink()}

    assert kept == {(folder / "last").resolve().name, (folder / "best").resolve().name}


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("32", torch.float32)])
def test_the_backbone_computes_in_the_precision_the_recipe_says(
    tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, precision: str, dtype: torch.dtype
) -> None:
    seen = set()
    features = DefectClassifier.features

    def watched(self: DefectClassifier, images_NHWC: torch.Tensor) -> Any:
        handle = self.backbone.layer1.register_forward_hook(lambda *args: seen.add(args[2].dtype) if self.training else None)
        try:
            return features(self, images_NHWC)
        finally:
            handle.remove()

    monkeypatch.setattr(DefectClassifier, "features", watched)
    train(tiny(loop={"epochs": 1, "batch_size": 4, "precision": precision}), stop_at=1)

    assert seen == {dtype}
