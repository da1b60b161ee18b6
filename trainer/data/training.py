"""What a run reads: both splits, their provenance and digest, and the loaders over them."""

import hashlib
import logging
from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace
from torch.utils.data import Dataset, Subset

from trainer.config import AugmentConfig, Config
from trainer.data.augment_device import check_device, on_device, source_spec
from trainer.data.images import Frames, ImageAt, image_reader
from trainer.data.loader import Batch, EvalImages, StepSampler, TrainImages, eval_loader, plainly, train_loader
from trainer.data.provenance import Provenance, provenance_of
from trainer.data.sewer_ml import Split, read_split
from trainer.data.subset import training_part
from trainer.errors import DataError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingData:
    """Training and validation split, and what is known of them. `digest` covers both splits (see `Split.digest`)."""

    train: Split
    val: Split
    provenance: Provenance
    digest: str

    def digest_without(self, rows: Collection[int]) -> str:
        """`digest` without the lengths of these rows' training images: the same before and after they were mended."""
        return _joined(self.train.digest_without(rows), self.val.digest)


def read_data(config: Config) -> TrainingData:
    """Read and check everything a run needs from the data folder; of the training split the part that the recipe asks for.

    Raises:
        DataError: If it is not what the layout promises, or the training images do not fill one batch.
    """
    root = Path(config.data.root)
    provenance = provenance_of(config.data)
    train, val = training_part(read_split(root, "Train"), config.data), read_split(root, "Val")
    if len(train) < config.loop.batch_size:
        raise DataError(
            f"{train.csv_path}: {len(train)} training images do not fill a batch of {config.loop.batch_size}; "
            f"set loop.batch_size to {len(train)} or less"
        )
    return TrainingData(train, val, provenance, _joined(train.digest, val.digest))


def crops_stored_frames(config: Config, num_views: int) -> bool:
    """Whether crops are cut from frames as they are stored, unless `data.cache` keeps prepared images: then it changes what is seen."""
    return config.augment.on == "loader" and (num_views > 1 or config.augment.policy == "paper")


def batches(data: TrainingData, order: StepSampler, config: Config, *, num_views: int = 1) -> Generator[Batch, None, None]:
    """Augmented batches of the run, from the sampler's first step on; with two views where a task asks for them.

    The paper's crops, and those of two views, are cut from the frames as they are stored, unless prepared images are cached or
    augmentation runs on the GPU.

    Raises:
        ConfigError: If it cannot run there.
    """
    if config.augment.on == "gpu":
        check_device(config)
        plain = replace(config, augment=AugmentConfig(policy="none"), preprocess=source_spec(config.preprocess, num_views))
        stream = _from_loader(data.train, order, plain, num_views=1)
        return on_device(stream, order, config, num_views=num_views, device=torch.device("cuda", torch.cuda.current_device()))
    return _from_loader(data.train, order, config, num_views=num_views)


def _from_loader(split: Split, order: StepSampler, config: Config, *, num_views: int) -> Generator[Batch, None, None]:
    cache, on_corrupt = config.data.cache, config.data.on_corrupt
    if not cache and crops_stored_frames(config, num_views):
        image_at: ImageAt = Frames(split, config.preprocess)
    else:
        image_at = image_reader(split, config.preprocess, cache=cache, on_corrupt=on_corrupt)
    images = TrainImages(split, image_at, config.augment, config.seed, config.preprocess, num_views, on_corrupt)
    stream = plainly(train_loader(images, order, workers=config.data.workers))
    return stream if on_corrupt == "stop" else _naming_replaced(stream, order, split)


def eval_batches(split: Split, config: Config, rows: Sequence[int] | None = None) -> Generator[Batch, None, None]:
    """A split as the robot would see it, in the order of its CSV; or some of its rows in the order given.

    A picture that cannot be decoded is an error whatever `data.on_corrupt` says: figures on other images than the split's would mislead.
    """
    images: Dataset[Batch] = EvalImages(split, image_reader(split, config.preprocess, cache=config.data.cache))
    part = images if rows is None else Subset(images, rows)
    return plainly(eval_loader(part, batch_size=config.loop.batch_size, workers=config.data.workers))


def _joined(*digests: str) -> str:
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _naming_replaced(stream: Generator[Batch, None, None], order: StepSampler, split: Split) -> Generator[Batch, None, None]:
    """Name and count images that were replaced: here, because a loader process cannot count for all."""
    replaced: set[int] = set()
    with closing(stream):
        for draws, batch in zip(order, stream, strict=True):
            for draw, row in zip(draws, batch.index_N.tolist(), strict=True):
                if draw.row != row and draw.row not in replaced:
                    replaced.add(draw.row)
                    logger.warning(
                        "%s cannot be decoded, %s stands in for it (%d so far)", split.path(draw.row), split.files[row], len(replaced)
                    )
            yield batch
