"""The paper's augmentation on the device that trains (`augment.on: gpu`), where loader processes cannot keep up with it.

The loader then only decodes and prepares; the draws are those of the loader's own path, image by image from (seed, epoch, row). Images of
a batch must have one size on the device, so they are prepared first: single images to the network's size, views to what leaves the
smallest crop about as many pixels as the network takes.
"""

# N batch, H W pixels

from collections.abc import Generator, Iterable
from contextlib import closing

import torch
from msgspec.structs import replace
from torch import Tensor

from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.config import Config
from trainer.data.augment import rng_for
from trainer.data.loader import Batch, Draw
from trainer.data.paper_batch import finetune_batch, pretrain_view_batch
from trainer.data.paper_draws import CROP_SCALE, draw_finetune, draw_pretrain
from trainer.errors import ConfigError

MAX_SIDE_PX = 1024  # of the contract's PreprocessSpec


def check_device(config: Config) -> None:
    """Refuse what cannot run on a GPU.

    Raises:
        ConfigError: If there is no GPU, or the policy is not the paper's.
    """
    if config.augment.policy != "paper":
        raise ConfigError(f"key 'augment.on': policy {config.augment.policy} runs in the loader; set augment.policy=paper")
    if config.loop.device == "cpu" or not torch.cuda.is_available():
        raise ConfigError("key 'augment.on': there is no GPU to augment on; set augment.on=loader")


def source_spec(spec: PreprocessSpec, num_views: int) -> PreprocessSpec:
    """Geometry of what the loader hands over."""
    if num_views == 1:
        return spec
    height, width = (min(round(side / CROP_SCALE[0] ** 0.5), MAX_SIDE_PX) for side in (spec.height, spec.width))
    return replace(spec, height=height, width=width)


def on_device(
    stream: Generator[Batch, None, None], order: Iterable[list[Draw]], config: Config, *, num_views: int, device: torch.device
) -> Generator[Batch, None, None]:
    """The stream's batches, augmented on the device and left there."""
    with closing(stream):
        for draws, batch in zip(order, stream, strict=True):
            yield augmented(batch, draws[0].epoch, config, num_views=num_views, device=device)


def augmented(batch: Batch, epoch: int, config: Config, *, num_views: int, device: torch.device) -> Batch:
    """One batch of prepared images, augmented."""
    images_NCHW = batch.images_NHWC.to(device, non_blocking=True).permute(0, 3, 1, 2)
    rngs = [rng_for(config.seed, epoch, row) for row in batch.index_N.tolist()]
    size = (config.preprocess.height, config.preprocess.width)
    if num_views == 1:
        return batch._replace(images_NHWC=_channels_last(finetune_batch(images_NCHW, [draw_finetune(rng, size) for rng in rngs], size)))
    height, width = images_NCHW.shape[-2:]
    views = [
        _channels_last(pretrain_view_batch(images_NCHW, [draw_pretrain(rng, (height, width)) for rng in rngs], size))
        for _ in range(num_views)
    ]
    return batch._replace(images_NHWC=views[0], views_NHWC=views)


def _channels_last(images_NCHW: Tensor) -> Tensor:
    return images_NCHW.permute(0, 2, 3, 1).contiguous()
