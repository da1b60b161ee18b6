from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from msgspec.structs import replace

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from trainer.config import AugmentConfig, Config
from trainer.data.augment import augment, rng_for
from trainer.data.images import image_reader
from trainer.data.loader import StepSampler, epoch_order
from trainer.data.sewer_ml import read_split
from trainer.data.subset import take
from trainer.data.training import batches, eval_batches, read_data
from trainer.errors import DataError
from trainer.loop import train

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


def test_images_that_do_not_fill_a_batch_are_one_clear_line(tiny: Callable[..., Config]) -> None:
    with pytest.raises(DataError, match=r"12 training images do not fill a batch of 13; set loop\.batch_size to 12 or less"):
        read_data(tiny(loop={"batch_size": 13}))


def drawn(config: Config, num_views: int = 1) -> list[torch.Tensor]:
    training = read_data(config)
    order = StepSampler(len(training.train), 2, 2, seed=0)
    return [torch.stack(list(batch.views_NHWC) or [batch.images_NHWC]) for batch in batches(training, order, config, num_views=num_views)]


def test_batches_do_not_depend_on_workers_or_cache(tiny: Callable[..., Config]) -> None:
    def images(workers: int, cache: bool) -> list[torch.Tensor]:
        return drawn(tiny(data={"root": tiny().data.root, "workers": workers, "cache": cache}))

    plain = images(0, cache=False)

    for others in (images(2, cache=False), images(0, cache=True), images(1, cache=True)):
        assert all(torch.equal(one, other) for one, other in zip(plain, others, strict=True))


@pytest.mark.parametrize(("policy", "num_views"), [("paper", 1), ("paper", 2), ("light", 2)])
def test_views_and_the_papers_images_do_not_depend_on_workers(tiny: Callable[..., Config], policy: str, num_views: int) -> None:
    def images(workers: int) -> list[torch.Tensor]:
        torch.manual_seed(workers)
        root = tiny().data.root
        return drawn(tiny(augment={"policy": policy}, data={"root": root, "workers": workers}), num_views)

    alone, shared = images(0), images(2)

    assert alone[0].shape == (num_views, 2, 32, 32, 3)
    assert all(torch.equal(one, other) for one, other in zip(alone, shared, strict=True))
    assert not torch.equal(alone[0], alone[6])


def test_two_views_of_an_image_differ_and_the_first_is_the_batchs_image(tiny: Callable[..., Config]) -> None:
    training = read_data(tiny())

    batch = next(batches(training, StepSampler(12, 2, 1, seed=0), tiny(), num_views=2))

    first, second = batch.views_NHWC
    assert torch.equal(batch.images_NHWC, first)
    assert not torch.equal(first, second)


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


def corrupt(root: Path, *rows: int, split: str = "Train") -> None:
    for row in rows:
        (root / split / f"{row + 1:08d}.png").write_bytes(b"not a picture")


@pytest.mark.parametrize(("workers", "cache"), [(0, False), (2, False), (0, True)])
def test_corrupt_images_are_replaced_by_the_next_good_one_of_the_epoch(
    tiny: Callable[..., Config], data_root: Path, workers: int, cache: bool, caplog: pytest.LogCaptureFixture
) -> None:
    order = [draw.row for batch in StepSampler(12, 2, 1, seed=0) for draw in batch]
    corrupt(data_root, order[3], order[4])
    config = tiny(data={"root": str(data_root), "workers": workers, "cache": cache, "on_corrupt": "skip"})

    rows = [row for batch in batches(read_data(config), StepSampler(12, 2, 1, seed=0), config) for row in batch.index_N.tolist()]

    assert rows == [*order[:3], order[5], order[5], *order[5:]]
    assert [record.args[2] for record in caplog.records] == [1, 2]  # type: ignore[index]
    assert f"{order[3] + 1:08d}.png cannot be decoded, {order[5] + 1:08d}.png stands in for it (1 so far)" in caplog.text


@pytest.mark.parametrize("cache", [False, True])
def test_corrupt_image_stops_the_run_by_default(tiny: Callable[..., Config], data_root: Path, cache: bool) -> None:
    corrupt(data_root, 4)
    config = tiny(data={"root": str(data_root), "workers": 0, "cache": cache})

    with pytest.raises(DataError, match=r"00000005\.png: not a picture .* drop row 6 of SewerML_Train\.csv"):
        list(batches(read_data(config), StepSampler(12, 2, 1, seed=0), config))


def test_cache_built_while_skipping_still_stops_a_run_that_asks_for_it(tiny: Callable[..., Config], data_root: Path) -> None:
    corrupt(data_root, 4)
    skipping = tiny(data={"root": str(data_root), "workers": 0, "cache": True, "on_corrupt": "skip"})
    assert len(list(batches(read_data(skipping), StepSampler(12, 2, 1, seed=0), skipping))) == 6
    stopping = tiny(data={"root": str(data_root), "workers": 0, "cache": True})

    with pytest.raises(DataError, match=r"00000005\.png"):
        list(batches(read_data(stopping), StepSampler(12, 2, 1, seed=0), stopping))


def test_folder_of_corrupt_images_is_an_error_even_when_skipping(tiny: Callable[..., Config], data_root: Path) -> None:
    corrupt(data_root, *range(12))
    config = tiny(data={"root": str(data_root), "workers": 0, "on_corrupt": "skip"})

    with pytest.raises(DataError, match="none of its 12 images can be decoded"):
        list(batches(read_data(config), StepSampler(12, 2, 1, seed=0), config))


def test_corrupt_validation_image_is_an_error_even_when_skipping(tiny: Callable[..., Config], data_root: Path) -> None:
    corrupt(data_root, 2, split="Val")
    config = tiny(data={"root": str(data_root), "workers": 0, "on_corrupt": "skip"})

    with pytest.raises(DataError, match=r"Val/00000003\.png"):
        list(eval_batches(read_data(config).val, config))


def test_evaluation_of_some_rows_keeps_their_order(tiny: Callable[..., Config], data_root: Path) -> None:
    split = read_split(data_root, "Val")

    rows = [row for batch in eval_batches(split, tiny(), [4, 0, 3]) for row in batch.index_N.tolist()]

    assert rows == [4, 0, 3]


def test_part_of_a_split_reads_the_cache_of_the_whole(data_root: Path) -> None:
    spec = PreprocessSpec(height=32, width=32)
    whole = read_split(data_root, "Train")
    whole_at = image_reader(whole, spec, cache=True)

    part_at = image_reader(take(whole, np.array([7, 2])), spec, cache=True)

    np.testing.assert_array_equal(part_at(0), whole_at(7))
    np.testing.assert_array_equal(part_at(1), whole_at(2))
    assert len(list((data_root / ".prepared").iterdir())) == 1


def test_run_stopped_by_a_corrupt_image_goes_on_with_skip(tiny: Callable[..., Config], data_root: Path) -> None:
    """The file keeps its length, as after a disk's fault: the data's digest is names and lengths."""
    config = tiny(loop={"epochs": 2, "batch_size": 2, "precision": "32", "threads": 1})
    train(config, stop_at=2)
    last = data_root / "Train" / f"{epoch_order(12, config.seed, 0)[-1] + 1:08d}.png"
    last.write_bytes(bytes(last.stat().st_size))

    with pytest.raises(DataError, match=last.name):
        train(config, resume=True)
    result = train(replace(config, data=replace(config.data, on_corrupt="skip")), resume=True)

    assert (result.step, result.interrupted) == (12, False)
