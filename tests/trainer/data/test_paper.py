"""Against Pillow, which the appendix was written for, and torchvision's own random transforms."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from trainer.config import AugmentConfig
from trainer.data.augment import rng_for
from trainer.data.paper import JITTERS, finetune_image, pretrain_view, tensor_from_image
from trainer.data.paper_batch import finetune_batch, pretrain_view_batch
from trainer.data.paper_draws import Box, ColourJitter, FinetuneDraw, PretrainDraw, draw_crop, draw_finetune, draw_pretrain
from trainer.data.policy import finetune_image as by_policy
from trainer.data.policy import pretrain_views

SIZE = (48, 48)
SPEC = PreprocessSpec(height=48, width=48)
WHOLE = Box(0, 0, 60, 80)
STILL = ColourJitter((1.0, 1.0, 1.0, 0.0), (0, 1, 2, 3))
PLAIN = PretrainDraw(crop=WHOLE, jitter=None, grey=False, blur_sigma_px=None, tone=None, flip=False)
PLAIN_FINETUNE = FinetuneDraw(jitter=STILL, equalise=False, autocontrast=False, angle_deg=0.0, flip=False, erase=None)


@pytest.fixture
def frame_HWC() -> NDArray[np.uint8]:
    return picture(0)


def picture(seed: int) -> NDArray[np.uint8]:
    """Smooth blobs with a little noise, 60x80 px, not using the whole range of grey levels."""
    rng = np.random.default_rng(seed)
    blobs = cv2.resize(rng.uniform(40, 200, (6, 8, 3)).astype(np.float32), (80, 60), interpolation=cv2.INTER_CUBIC)
    return np.clip(blobs + rng.normal(0, 4, blobs.shape), 20, 230).astype(np.uint8)


def close(image: NDArray[np.uint8], reference: Image.Image, tolerance: float = 2) -> None:
    difference = np.abs(image.astype(int) - np.asarray(reference).astype(int))
    assert np.quantile(difference, 0.99) <= tolerance, difference.max()


def test_crop_is_pillows_bicubic_resize_of_the_box(frame_HWC: NDArray[np.uint8]) -> None:
    view = pretrain_view(frame_HWC, replace(PLAIN, crop=Box(5, 10, 50, 60)), SIZE)

    close(view, Image.fromarray(frame_HWC).resize((48, 48), Image.Resampling.BICUBIC, box=(10, 5, 70, 55)))


def test_jitter_follows_the_drawn_order(frame_HWC: NDArray[np.uint8]) -> None:
    reference = Image.fromarray(frame_HWC).resize((48, 48), Image.Resampling.BICUBIC)
    for enhance, factor in ((ImageEnhance.Color, 0.8), (ImageEnhance.Contrast, 1.5), (ImageEnhance.Brightness, 0.7)):
        reference = enhance(reference).enhance(factor)

    view = pretrain_view(frame_HWC, replace(PLAIN, jitter=ColourJitter((0.7, 1.5, 0.8, 0.0), (2, 1, 0, 3))), SIZE)
    other = pretrain_view(frame_HWC, replace(PLAIN, jitter=ColourJitter((0.7, 1.5, 0.8, 0.0), (0, 1, 2, 3))), SIZE)

    close(view, reference, tolerance=3)
    assert np.abs(view.astype(int) - other.astype(int)).max() > 3


@pytest.mark.parametrize(
    ("draw", "reference"),
    [
        (replace(PLAIN, grey=True), lambda image: image.convert("L").convert("RGB")),
        (replace(PLAIN, tone="equalise"), ImageOps.equalize),
        (replace(PLAIN, tone="solarise"), lambda image: ImageOps.solarize(image, 128)),
        (replace(PLAIN, flip=True), ImageOps.mirror),
    ],
)
def test_each_change_is_pillows(draw: PretrainDraw, reference: object, frame_HWC: NDArray[np.uint8]) -> None:
    plain = pretrain_view(frame_HWC, PLAIN, SIZE)

    close(pretrain_view(frame_HWC, draw, SIZE), reference(Image.fromarray(plain)))  # type: ignore[operator]


@pytest.mark.parametrize("turn", [-0.5, -0.13, 0.0, 0.05, 0.37, 0.5])
def test_hue_is_torchvisions_to_within_one_grey_level(turn: float) -> None:
    image_HWC = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    image_HWC[0] = image_HWC[0, :, :1]  # greys have no hue to turn

    turned = JITTERS[3](tensor_from_image(image_HWC), turn)

    difference = (turned.int() - tvf.adjust_hue(tensor_from_image(image_HWC), turn).int()).abs()
    assert difference.max() <= 1
    assert difference.float().mean() < 0.1


@pytest.mark.parametrize("sigma_px", [0.1, 0.5, 1.0])
def test_blur_is_torchvisions_to_within_one_grey_level(sigma_px: float, frame_HWC: NDArray[np.uint8]) -> None:
    plain = pretrain_view(frame_HWC, PLAIN, SIZE)

    blurred = pretrain_view(frame_HWC, replace(PLAIN, blur_sigma_px=sigma_px), SIZE)

    reference = tvf.gaussian_blur(tensor_from_image(plain), [7, 7], [sigma_px, sigma_px]).permute(1, 2, 0).numpy()
    assert np.abs(blurred.astype(int) - reference.astype(int)).max() <= 1
    assert np.array_equal(blurred, plain) == (sigma_px == 0.1)


def test_finetuning_that_draws_nothing_is_what_the_robot_sees(frame_HWC: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(finetune_image(frame_HWC, PLAIN_FINETUNE, SPEC), prepare(frame_HWC, SPEC))


def test_finetuning_changes_tones_then_turns_then_resizes_then_flips_then_erases(frame_HWC: NDArray[np.uint8]) -> None:
    draw = FinetuneDraw(STILL, equalise=True, autocontrast=True, angle_deg=4.0, flip=True, erase=Box(3, 5, 6, 9))
    toned = ImageOps.autocontrast(ImageOps.equalize(Image.fromarray(frame_HWC)))
    turned = toned.rotate(-4.0, Image.Resampling.NEAREST)  # Pillow counts anticlockwise
    reference = np.asarray(prepare(np.asarray(turned), SPEC))[:, ::-1].copy()
    reference[3:9, 5:14] = 0

    image = finetune_image(frame_HWC, draw, SPEC)

    assert np.quantile(np.abs(image.astype(int) - reference.astype(int)), 0.97) <= 6
    assert not image[3:9, 5:14].any()


def test_probabilities_and_ranges_of_pretraining_are_the_appendixs() -> None:
    draws = [draw_pretrain(rng_for(0, 0, row), (288, 352)) for row in range(4000)]

    def share(wanted: list[bool]) -> float:
        return sum(wanted) / len(wanted)

    assert share([draw.jitter is not None for draw in draws]) == pytest.approx(0.5, abs=0.04)
    assert share([draw.grey for draw in draws]) == pytest.approx(0.15, abs=0.03)
    assert share([draw.blur_sigma_px is not None for draw in draws]) == pytest.approx(0.3, abs=0.04)
    assert share([draw.tone == "equalise" for draw in draws]) == pytest.approx(0.15, abs=0.03)
    assert share([draw.tone == "solarise" for draw in draws]) == pytest.approx(0.15, abs=0.03)
    assert share([draw.flip for draw in draws]) == pytest.approx(0.5, abs=0.04)
    jitters = np.array([draw.jitter.amounts for draw in draws if draw.jitter])
    np.testing.assert_allclose(jitters.min(axis=0), [0.8, 0.8, 0.8, -0.2], atol=0.01)
    np.testing.assert_allclose(jitters.max(axis=0), [1.2, 1.2, 1.2, 0.2], atol=0.01)
    assert len({draw.jitter.order for draw in draws if draw.jitter}) == 24
    sigmas = [draw.blur_sigma_px for draw in draws if draw.blur_sigma_px]
    assert (min(sigmas), max(sigmas)) == pytest.approx((0.1, 1.0), abs=0.01)


def test_probabilities_and_ranges_of_finetuning_are_the_appendixs() -> None:
    draws = [draw_finetune(rng_for(0, 0, row), (224, 224)) for row in range(4000)]

    for wanted in ("equalise", "autocontrast", "flip"):
        assert np.mean([getattr(draw, wanted) for draw in draws]) == pytest.approx(0.5, abs=0.04)
    jitters = np.array([draw.jitter.amounts for draw in draws])
    np.testing.assert_allclose(jitters.min(axis=0), [0.5, 0.5, 0.5, -0.5], atol=0.01)
    np.testing.assert_allclose(jitters.max(axis=0), [1.5, 1.5, 1.5, 0.5], atol=0.01)
    angles = [draw.angle_deg for draw in draws]
    assert (min(angles), max(angles)) == pytest.approx((-5, 5), abs=0.05)
    boxes = [draw.erase for draw in draws if draw.erase]
    assert len(boxes) / len(draws) == pytest.approx(0.5, abs=0.04)
    areas, ratios = zip(*((box.height * box.width / 224**2, box.height / box.width) for box in boxes), strict=True)
    assert (min(areas), max(areas)) == pytest.approx((0.01, 0.05), abs=0.003)
    assert (min(ratios), max(ratios)) == pytest.approx((0.1, 1.0), abs=0.04)


@pytest.mark.parametrize("size", [(288, 352), (576, 720), (1080, 1920), (400, 60)])
def test_crops_have_the_law_of_torchvisions(size: tuple[int, int]) -> None:
    transform = v2.RandomResizedCrop(224, scale=(0.5, 1.0))
    torch.manual_seed(0)
    theirs = [transform.make_params([torch.empty(3, *size)]) for _ in range(1500)]

    ours = [draw_crop(rng_for(0, 0, row), *size) for row in range(1500)]

    for name in ("top", "left", "height", "width"):
        mine, other = np.array([getattr(box, name) for box in ours]), np.array([params[name] for params in theirs])
        assert mine.mean() == pytest.approx(other.mean(), abs=5 * (other.std() + 1e-3) / np.sqrt(750))
        assert mine.std() == pytest.approx(other.std(), rel=0.15, abs=0.01)
    assert all(box.top + box.height <= size[0] and box.left + box.width <= size[1] for box in ours)


def test_erased_boxes_have_the_law_of_torchvisions() -> None:
    transform = v2.RandomErasing(p=1.0, scale=(0.01, 0.05), ratio=(0.1, 1.0))
    torch.manual_seed(0)
    theirs = [transform.make_params([torch.empty(3, 224, 224)]) for _ in range(1500)]

    ours = [box for row in range(3000) if (box := draw_finetune(rng_for(1, 0, row), (224, 224)).erase)]

    for mine, other in (("height", "h"), ("width", "w"), ("top", "i"), ("left", "j")):
        figures = np.array([getattr(box, mine) for box in ours]), np.array([params[other] for params in theirs])
        assert figures[0].mean() == pytest.approx(figures[1].mean(), abs=5 * figures[1].std() / np.sqrt(750))


def test_batch_is_the_same_pictures_as_one_by_one() -> None:
    frames = [picture(seed) for seed in range(64)]
    frames_NCHW = torch.stack([tensor_from_image(frame) for frame in frames])
    views = [draw_pretrain(rng_for(0, 0, row), (60, 80)) for row in range(64)]
    images = [draw_finetune(rng_for(1, 0, row), SIZE) for row in range(64)]
    prepared = [prepare(frame, SPEC) for frame in frames]
    before = frames_NCHW.clone()

    views_NCHW = pretrain_view_batch(frames_NCHW, views, SIZE)
    images_NCHW = finetune_batch(torch.stack([tensor_from_image(image) for image in prepared]), images, SIZE)

    assert torch.equal(frames_NCHW, before)
    one_by_one = [pretrain_view(frame, draw, SIZE) for frame, draw in zip(frames, views, strict=True)]
    assert_like(views_NCHW, one_by_one)
    assert_like(images_NCHW, [finetune_image(image, draw, SPEC) for image, draw in zip(prepared, images, strict=True)])


def assert_like(batch_NCHW: torch.Tensor, images: list[NDArray[np.uint8]]) -> None:
    difference_N = np.abs(batch_NCHW.permute(0, 2, 3, 1).numpy().astype(int) - np.stack(images).astype(int)).mean(axis=(1, 2, 3))
    assert np.median(difference_N) < 0.2
    assert difference_N.max() < 3  # where equalising stretches a rounding by one grey level


def test_batch_at_another_size_is_resized(frame_HWC: NDArray[np.uint8]) -> None:
    image = finetune_batch(tensor_from_image(frame_HWC)[None], [PLAIN_FINETUNE], SIZE)[0]

    assert np.abs(image.permute(1, 2, 0).numpy().astype(int) - prepare(frame_HWC, SPEC).astype(int)).mean() < 3


@pytest.mark.parametrize("policy", ["light", "paper", "none"])
def test_policies_repeat_for_the_same_generator_and_leave_torchs_alone(policy: str, frame_HWC: NDArray[np.uint8]) -> None:
    config, before, state = AugmentConfig(policy=policy), frame_HWC.copy(), torch.get_rng_state()  # type: ignore[arg-type]

    pairs = [pretrain_views(frame_HWC, config, rng_for(3, 1, 4), spec=SPEC) for _ in range(2)]
    images = [by_policy(frame_HWC, config, rng_for(3, 1, 4), spec=SPEC) for _ in range(2)]

    np.testing.assert_array_equal(pairs[0], pairs[1])
    np.testing.assert_array_equal(images[0], images[1])
    assert np.array_equal(*pairs[0]) == (policy == "none")
    assert np.shape(pairs) == (2, 2, 48, 48, 3)
    np.testing.assert_array_equal(frame_HWC, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_policy_none_is_what_the_robot_sees(frame_HWC: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(by_policy(frame_HWC, AugmentConfig(policy="none"), rng_for(0, 0, 0), spec=SPEC), prepare(frame_HWC, SPEC))
