import json
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.config import Config
from trainer.errors import CheckpointError
from trainer.loop import train
from trainer.models import DefectClassifier, Encoder
from trainer.models.pretrained import load_encoder, read_weights

SPEC = PreprocessSpec(height=32, width=64)


def timm_weights(name: str, **kwargs: object) -> dict[str, torch.Tensor]:
    return dict(timm.create_model(name, pretrained=False, **kwargs).state_dict())


def refused(encoder: Encoder, path: Path, *, keep_classifier: bool = False) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_encoder(encoder, read_weights(path), keep_classifier=keep_classifier)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_state_dict_of_timm_is_taken_over_and_the_rest_reported(tmp_path: Path, backbone: str, suffix: str) -> None:
    weights, path = timm_weights(backbone), tmp_path / f"weights.{suffix}"
    save_file(weights, path) if suffix == "safetensors" else torch.save({"state_dict": weights}, path)
    encoder = DefectClassifier(backbone, SPEC)

    report = load_encoder(encoder, read_weights(path))

    assert torch.equal(encoder.backbone.layer1[0].conv1.weight, weights["layer1.0.conv1.weight"])
    assert report.left_out == ["fc.bias", "fc.weight"]
    assert report.num_loaded == len(weights) - 2
    assert "left out fc.bias, fc.weight" in str(report)


def test_position_embedding_is_resampled_to_another_size(tmp_path: Path) -> None:
    weights, path = timm_weights("vit_tiny_patch16_224", num_classes=0), tmp_path / "weights.safetensors"
    save_file(weights, path)
    encoder, same_size = Encoder("vit_tiny_patch16_224", SPEC), Encoder("vit_tiny_patch16_224", PreprocessSpec())

    report, plain = (load_encoder(one, read_weights(path)) for one in (encoder, same_size))

    assert report.resampled == ["pos_embed 14x14 -> 2x4"]
    assert plain.resampled == []
    assert torch.equal(encoder.backbone.pos_embed[:, 0], weights["pos_embed"][:, 0])
    assert torch.equal(same_size.backbone.pos_embed, weights["pos_embed"])


def test_names_behind_a_wrapper_are_found(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({f"module.backbone.{name}": tensor for name, tensor in timm_weights("resnet18", num_classes=0).items()}, path)

    assert load_encoder(Encoder("resnet18", SPEC), read_weights(path)).left_out == []


@pytest.mark.parametrize(
    ("given", "asked"), [("resnet18", "resnet34"), ("resnet34", "resnet50"), ("vit_tiny_patch16_224", "vit_small_patch16_224")]
)
def test_file_of_another_backbone_is_refused(tmp_path: Path, given: str, asked: str) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(timm_weights(given), path)

    assert f"not the weights of {asked}" in refused(Encoder(asked, SPEC), path)


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], {}])
def test_file_without_a_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "weights.pth"
    torch.save(content, path)

    assert "no state dict" in refused(Encoder("resnet18", SPEC), path)


def test_file_that_would_run_code_or_is_damaged_or_missing_is_refused(tmp_path: Path) -> None:
    code, damaged = tmp_path / "code.pth", tmp_path / "damaged.safetensors"
    torch.save({"weight": Path("/")}, code)
    damaged.write_bytes(b"garbage")

    for path in (code, damaged, tmp_path / "nowhere.pth"):
        assert "cannot be read as weights" in refused(Encoder("resnet18", SPEC), path)


def test_run_gives_its_best_weights_and_on_request_its_classifier(tiny: Callable[..., Config]) -> None:
    run = train(tiny()).run_dir
    kept = load_file(run / "checkpoints" / "best" / "model.safetensors")
    fresh, whole = (DefectClassifier("resnet18", SPEC) for _ in range(2))

    report = load_encoder(fresh, read_weights(run))
    load_encoder(whole, read_weights(run), keep_classifier=True)

    assert torch.equal(fresh.backbone.conv1.weight, kept["backbone.conv1.weight"])
    assert not torch.equal(fresh.classifier.weight, kept["classifier.weight"])
    assert torch.equal(whole.classifier.weight, kept["classifier.weight"])
    assert report.left_out == ["classifier.bias", "classifier.weight"]


def test_run_of_another_backbone_or_class_list_is_refused(tiny: Callable[..., Config]) -> None:
    run = train(tiny(), stop_at=1).run_dir
    checkpoint = (run / "checkpoints" / "last").resolve()

    assert "weights of resnet18, the recipe asks for resnet34" in refused(Encoder("resnet34", SPEC), checkpoint)

    contract = json.loads((checkpoint / "contract.json").read_text())
    contract["classes"]["digest"] = "0" * 64
    (checkpoint / "contract.json").write_text(json.dumps(contract))
    assert "class list" in refused(Encoder("resnet18", SPEC), checkpoint)


def test_backbone_alone_has_no_classifier_to_keep(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(timm_weights("resnet18"), path)

    assert "not the weights of the classifier" in refused(DefectClassifier("resnet18", SPEC), path, keep_classifier=True)
