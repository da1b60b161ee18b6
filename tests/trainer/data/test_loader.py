from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from trainer.config import AugmentConfig, Config
from trainer.data.augment import augment, rng_for
from trainer.data.images import image_reader
from trainer.data.loader import StepSampler
from trainer.data.sewer_ml import read_split
from trainer.data.training import batches, eval_batches, read_data
from trainer.errors import DataError

UNCHANGED = AugmentConfig(
    flip=0, rotate_deg=0, zoom=0, shift=0, brightness=0, contrast=0, saturation=0, hue_deg=0, grey=0, blur=0, noise=0, erase=0
)


def test_each_epoch_draws_every_image_at_most_once() -> None:
    order = StepSampler(num_images=10, batch_size=3, epochs=2, seed=0)

    draws = [draw for batch in order for draw in batch]

    assert len(list(order)) == len(order) == 6
    for epoch in range(2):
        rows = [draw.row for draw in draws if draw.epoch == epoch]
        assert len(rows) == len(set(rows)) == 9


@pytest.mark.parametrize("start", range(7))
def test_order_from_a_later_step_is_the_rest_of_the_order(start: int) -> None:
    whole = list(StepSampler(10, 3, 2, seed=5))

    assert list(StepSampler(10, 3, 2, seed=5, start=start)) == whole[start:]


def test_devices_share_each_batch_without_overlap() -> None:
    whole = list(StepSampler(9, 4, 1, seed=1))

    parts = [list(StepSampler(9, 4, 1, seed=1, rank=rank, world_size=2)) for rank in range(2)]

    for batch, first, second in zip(whole, *parts, strict=True):
        assert sorted(first + second) == sorted(batch)
        assert len(first) == len(second)


def test_split_smaller_than_a_batch_is_one_batch() -> None:
    assert [len(batch) for batch in StepSampler(3, 8, 2, seed=0)] == [3, 3]


def test_batches_do_not_depend_on_workers_or_cache(tiny: Callable[..., Config]) -> None:
    def images(workers: int, cache: bool) -> list[torch.Tensor]:
        config = tiny()
        data = tiny(data={"root": config.data.root, "workers": workers, "cache": cache})
        training = read_data(data)
        order = StepSampler(len(training.train), 2, 1, seed=0)
        return [batch.images_NHWC for batch in batches(training, order, data)]

    plain = images(0, cache=False)

    for others in (images(2, cache=False), images(0, cache=True), images(1, cache=True)):
        assert all(torch.equal(one, other) for one, other in zip(plain, others, strict=True))


def test_augmentation_differs_by_epoch_and_repeats_for_the_same_draw(tiny: Callable[..., Config]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)

    first, again, later = (augment(image, AugmentConfig(), rng_for(0, epoch, 7)) for epoch in (0, 0, 1))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, later)


def test_augmentation_of_nothing_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)

    np.testing.assert_array_equal(augment(image, UNCHANGED, rng_for(0, 0, 0)), image)


def test_flip_alone_mirrors_left_and_right() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    config = AugmentConfig(**{name: getattr(UNCHANGED, name) for name in UNCHANGED.__struct_fields__} | {"flip": 1.0})

    np.testing.assert_array_equal(augment(image, config, rng_for(0, 0, 0)), image[:, ::-1])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shape", [(16, 16, 3), (33, 64, 3)])
def test_augmentation_keeps_shape_and_type_and_its_input(seed: int, shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    before = image.copy()

    changed = augment(image, AugmentConfig(blur=1, noise=1, erase=1, grey=0.5), rng_for(seed, 0, 0))

    assert (changed.shape, changed.dtype) == (shape, np.uint8)
    np.testing.assert_array_equal(image, before)


def test_evaluation_sees_what_the_robot_sees(tiny: Callable[..., Config]) -> None:
    config = tiny()
    split = read_split(Path(config.data.root), "Val")

    images_NHWC = next(iter(eval_batches(split, config))).images_NHWC

    frame = cv2.cvtColor(cv2.imread(str(split.path(1))), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(images_NHWC[1], prepare(frame, config.preprocess))


def test_file_that_is_no_picture_is_named(data_root: Path) -> None:
    (data_root / "Train" / "00000002.png").write_bytes(b"not a picture")
    reader = image_reader(read_split(data_root, "Train"), PreprocessSpec(height=32, width=32), cache=False)

    with pytest.raises(DataError, match=r"00000002\.png"):
        reader(1)


def test_cache_is_built_anew_when_the_data_change(data_root: Path) -> None:
    spec = PreprocessSpec(height=32, width=32)
    before = image_reader(read_split(data_root, "Train"), spec, cache=True)(0)
    cv2.imwrite(str(data_root / "Train" / "00000001.png"), np.zeros((50, 50, 3), np.uint8))

    after = image_reader(read_split(data_root, "Train"), spec, cache=True)(0)

    assert before.any()
    assert not after.any()
