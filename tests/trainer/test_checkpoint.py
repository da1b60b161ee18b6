import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from trainer.checkpoint import CONTRACT, MODEL, STATE, load_model, load_state, point
from trainer.config import Config
from trainer.errors import CheckpointError, ConfigError
from trainer.loop import train
from trainer.models import DefectClassifier


@pytest.fixture
def checkpoint(tiny: Callable[..., Config]) -> Path:
    return (train(tiny(), stop_at=1).run_dir / "checkpoints" / "last").resolve()


def edit_contract(checkpoint: Path, *keys: str, value: object) -> None:
    path = checkpoint / CONTRACT
    contract = json.loads(path.read_text())
    part = contract
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    path.write_text(json.dumps(contract))


def refused(checkpoint: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_model(checkpoint)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_model_comes_back_with_its_contract(checkpoint: Path, tiny: Callable[..., Config]) -> None:
    model, contract, config = load_model(checkpoint)

    assert not model.training
    assert config == tiny()
    assert (contract.step, contract.provenance.name, contract.num_images) == (1, "random", 12)
    assert len(contract.data_digest) == 64


def test_checkpoint_of_another_class_list_is_refused(checkpoint: Path) -> None:
    edit_contract(checkpoint, "classes", "digest", value="0" * 64)

    assert "class list" in refused(checkpoint)


def test_weights_of_another_backbone_are_refused(checkpoint: Path) -> None:
    edit_contract(checkpoint, "config", "model", "backbone", value="vit_tiny_patch16_224")

    assert "not the weights of vit_tiny_patch16_224" in refused(checkpoint)


def test_unknown_backbone_is_refused(checkpoint: Path) -> None:
    edit_contract(checkpoint, "config", "model", "backbone", value="resnet9000")

    with pytest.raises(ConfigError, match="resnet9000"):
        load_model(checkpoint)


def test_weights_with_a_missing_tensor_are_refused(checkpoint: Path, tiny: Callable[..., Config]) -> None:
    weights = DefectClassifier("resnet18", tiny().preprocess).state_dict()
    del weights["classifier.bias"]
    save_file(weights, checkpoint / MODEL)

    assert "not the weights of resnet18" in refused(checkpoint)


@pytest.mark.parametrize("content", [b"", b"garbage" * 9])
@pytest.mark.parametrize("file", [MODEL, CONTRACT])
def test_damaged_file_is_refused(checkpoint: Path, file: str, content: bytes) -> None:
    (checkpoint / file).write_bytes(content)

    assert str(checkpoint) in refused(checkpoint)


def test_damaged_state_is_refused(checkpoint: Path) -> None:
    (checkpoint / STATE).write_bytes(b"garbage")

    with pytest.raises(CheckpointError, match=STATE):
        load_state(checkpoint)


def test_state_that_would_run_code_is_refused(checkpoint: Path) -> None:
    torch.save({"weights": Path("/")}, checkpoint / STATE)

    with pytest.raises(CheckpointError, match=STATE):
        load_state(checkpoint)


@pytest.mark.parametrize(
    ("writer", "error"),
    [
        ("trainer.checkpoint.save_file", SafetensorError("Error while serializing: I/O error: No space left on device")),
        ("torch.save", RuntimeError("[enforce fail at inline_container.cc:783] PytorchStreamWriter failed writing file")),
        ("trainer.checkpoint._flush", OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_full_disk_leaves_the_old_checkpoint_to_resume_from(
    tiny: Callable[..., Config], checkpoint: Path, monkeypatch: pytest.MonkeyPatch, writer: str, error: Exception
) -> None:
    def full(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(writer, full)
        with pytest.raises(CheckpointError, match="make room and resume"):
            train(tiny(), resume=True, stop_at=3)

    assert sorted(item.name for item in checkpoint.parent.iterdir()) == ["last", checkpoint.name]
    assert train(tiny(), resume=True).step == 12


def test_folder_without_checkpoint_is_refused(tmp_path: Path) -> None:
    assert "no checkpoint" in refused(tmp_path)


def test_link_moves_and_only_linked_folders_stay(tmp_path: Path) -> None:
    for name in ("step-1", "step-2"):
        (tmp_path / name).mkdir()

    point(tmp_path / "best", tmp_path / "step-1")
    (tmp_path / "step-2").mkdir(exist_ok=True)
    point(tmp_path / "last", tmp_path / "step-2")
    assert {item.name for item in tmp_path.iterdir()} == {"best", "last", "step-1", "step-2"}

    point(tmp_path / "best", tmp_path / "step-2")
    assert {item.name for item in tmp_path.iterdir()} == {"best", "last", "step-2"}
