from collections.abc import Callable

import pytest
import torch

from trainer.config import Config
from trainer.data.augment_device import augmented, source_spec
from trainer.data.images import image_reader
from trainer.data.loader import Draw, StepSampler, TrainImages
from trainer.data.training import batches, read_data
from trainer.errors import ConfigError

CPU = torch.device("cpu")


@pytest.mark.parametrize("num_views", [1, 2])
def test_batch_on_the_device_is_the_loaders_picture_from_the_same_prepared_images(tiny: Callable[..., Config], num_views: int) -> None:
    config = tiny(augment={"policy": "paper", "on": "gpu"})
    split = read_data(config).train
    source = source_spec(config.preprocess, num_views)
    image_at = image_reader(split, source, cache=False)
    plain = next(batches(read_data(tiny()), StepSampler(12, 4, 1, seed=0), tiny(augment={"policy": "none"})))
    prepared = plain._replace(images_NHWC=torch.stack([torch.from_numpy(image_at(row)) for row in plain.index_N.tolist()]))

    batch = augmented(prepared, 3, config, num_views=num_views, device=CPU)

    one_by_one = TrainImages(split, image_at, config.augment, config.seed, config.preprocess, num_views)
    samples = [one_by_one[Draw(3, row)] for row in plain.index_N.tolist()]
    for view in range(num_views):
        got = (batch.views_NHWC[view] if num_views > 1 else batch.images_NHWC).int()
        expected = torch.stack([sample.views_NHWC[view] if num_views > 1 else sample.images_NHWC for sample in samples]).int()
        assert got.shape == (4, 32, 32, 3)
        assert (got - expected).abs().float().mean() < 1
    assert torch.equal(batch.images_NHWC, batch.views_NHWC[0] if num_views > 1 else batch.images_NHWC)


def test_views_come_from_more_pixels_than_the_network_takes(tiny: Callable[..., Config]) -> None:
    spec = tiny().preprocess

    assert source_spec(spec, 1) is spec
    assert (source_spec(spec, 2).height, source_spec(spec, 2).width) == (45, 45)


@pytest.mark.parametrize(("augment", "said"), [({"policy": "light"}, "set augment.policy=paper"), ({"policy": "paper"}, "no GPU")])
def test_what_cannot_run_on_a_gpu_is_one_clear_line(tiny: Callable[..., Config], augment: dict[str, str], said: str) -> None:
    config = tiny(augment={**augment, "on": "gpu"}, loop={"batch_size": 2, "device": "cpu"})

    with pytest.raises(ConfigError, match=said):
        batches(read_data(config), StepSampler(12, 2, 1, seed=0), config)


@pytest.mark.gpu
@pytest.mark.parametrize("num_views", [1, 2])
def test_augmentation_on_a_gpu_repeats_and_stays_there(tiny: Callable[..., Config], num_views: int) -> None:
    config = tiny(augment={"policy": "paper", "on": "gpu"})
    data, order = read_data(config), StepSampler(12, 4, 2, seed=0)

    for batch in batches(data, order, config, num_views=num_views):
        assert batch.images_NHWC.is_cuda
    again = list(batches(data, order, config, num_views=num_views))
    assert torch.equal(batch.images_NHWC, again[-1].images_NHWC)
