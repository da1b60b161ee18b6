"""What a run reads: both splits, their provenance and digest, and the loaders over them."""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from trainer.config import Config
from trainer.data.images import image_reader
from trainer.data.loader import Batch, EvalImages, StepSampler, TrainImages, eval_loader, plainly, train_loader
from trainer.data.provenance import Provenance, provenance_of
from trainer.data.sewer_ml import Split, read_split


@dataclass(frozen=True)
class TrainingData:
    """Training and validation split, and what is known of them. `digest` covers both splits (see `Split.digest`)."""

    train: Split
    val: Split
    provenance: Provenance
    digest: str


def read_data(config: Config) -> TrainingData:
    """Read and check everything a run needs from the data folder.

    Raises:
        DataError: If it is not what the layout promises.
    """
    root = Path(config.data.root)
    provenance = provenance_of(config.data)
    train, val = read_split(root, "Train"), read_split(root, "Val")
    return TrainingData(train, val, provenance, hashlib.sha256(f"{train.digest} {val.digest}".encode()).hexdigest())


def batches(data: TrainingData, order: StepSampler, config: Config) -> Generator[Batch, None, None]:
    """Augmented batches of the run, from the sampler's first step on."""
    image_at = image_reader(data.train, config.preprocess, cache=config.data.cache)
    images = TrainImages(data.train, image_at, config.augment, config.seed)
    return plainly(train_loader(images, order, workers=config.data.workers))


def eval_batches(split: Split, config: Config) -> Generator[Batch, None, None]:
    """A split as the robot would see it, in the order of its CSV."""
    images = EvalImages(split, image_reader(split, config.preprocess, cache=config.data.cache))
    return plainly(eval_loader(images, batch_size=config.loop.batch_size, workers=config.data.workers))
