import pytest
import torch

from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.errors import ConfigError
from trainer.models import MODELS, DefectClassifier

SPEC = PreprocessSpec(height=64, width=96)


def images(num: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num, SPEC.height, SPEC.width, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("backbone", MODELS)
def test_outputs_have_the_shapes_of_the_contract(backbone: str) -> None:
    outputs = DefectClassifier(backbone, SPEC).eval()(images())

    assert outputs.logits_NC.shape == (2, 17)
    assert outputs.maps_NChw.shape == (2, 17, SPEC.height // MODELS[backbone], SPEC.width // MODELS[backbone])


@pytest.mark.parametrize("backbone", MODELS)
def test_logits_are_the_mean_of_the_maps(backbone: str) -> None:
    outputs = DefectClassifier(backbone, SPEC).eval()(images())

    torch.testing.assert_close(outputs.maps_NChw.mean(dim=(2, 3)), outputs.logits_NC, rtol=0, atol=1e-6)


def test_class_token_gives_logits_of_its_own_and_maps_by_the_same_weights() -> None:
    model = DefectClassifier("vit_tiny_patch16_224", SPEC, pool="cls").eval()
    averaged = DefectClassifier("vit_tiny_patch16_224", SPEC, pool="avg").eval()
    averaged.load_state_dict(model.state_dict())

    outputs, others = model(images()), averaged(images())

    torch.testing.assert_close(outputs.maps_NChw, others.maps_NChw)
    assert not torch.allclose(outputs.logits_NC, others.logits_NC)


@pytest.mark.parametrize("backbone", MODELS)
def test_an_image_scores_the_same_in_any_batch(backbone: str) -> None:
    model = DefectClassifier(backbone, SPEC).eval()

    together, alone = model(images(3)).logits_NC[1], model(images(3)[1:2]).logits_NC[0]

    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_outputs_stay_float32_under_autocast() -> None:
    model = DefectClassifier("resnet18", SPEC).eval()

    with torch.autocast("cpu", torch.bfloat16):
        outputs = model(images())

    assert outputs.logits_NC.dtype == outputs.maps_NChw.dtype == torch.float32


@pytest.mark.parametrize(
    ("backbone", "spec", "pool", "named"),
    [
        ("resnet101", SPEC, "avg", "resnet101"),
        ("resnet18", PreprocessSpec(height=100, width=96), "avg", "96x100"),
        ("vit_tiny_patch16_224", PreprocessSpec(height=64, width=72), "avg", "72x64"),
        ("resnet18", SPEC, "cls", "class token"),
    ],
)
def test_model_that_does_not_fit_is_refused(backbone: str, spec: PreprocessSpec, pool: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        DefectClassifier(backbone, spec, pool=pool)
