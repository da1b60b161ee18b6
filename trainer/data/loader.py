"""Batches in a reproducible order: which image comes at which step follows from the seed alone.

The sampler yields (epoch, row) for every step of the whole run, so the position in the data is the step number: resuming is starting at
another step, and augmentation, seeded by the same pair, does not depend on workers.
"""

# N batch, C classes, H W pixels

import signal
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.config import AugmentConfig
from trainer.data.augment import rng_for
from trainer.data.images import ImageAt, OnCorrupt
from trainer.data.policy import finetune_image, pretrain_views
from trainer.data.sewer_ml import Split
from trainer.errors import DataError
from trainer.interrupt import SIGNALS


class Batch(NamedTuple):
    """`images_NHWC` uint8, `targets_NC` uint8 and the rows `index_N` they come from.

    `views_NHWC` holds the augmented views of tasks that compare them; `images_NHWC` is then the first.
    """

    images_NHWC: Tensor
    targets_NC: Tensor
    index_N: Tensor
    views_NHWC: Sequence[Tensor] = ()


class Draw(NamedTuple):
    """One image of one epoch."""

    epoch: int
    row: int


@dataclass(frozen=True)
class StepSampler:
    """Batches of draws from step `start` to the end; each epoch is a new permutation and drops the rest that fills no batch.

    On several devices each rank takes its slice of every batch.
    """

    num_images: int
    batch_size: int
    epochs: int
    seed: int
    start: int = 0
    rank: int = 0
    world_size: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in the split."""
        return self.num_images // self.batch_size

    @property
    def num_steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_per_epoch * self.epochs

    def __len__(self) -> int:
        return self.num_steps - self.start

    def __iter__(self) -> Iterator[list[Draw]]:
        for epoch in range(self.start // self.steps_per_epoch, self.epochs):
            order = epoch_order(self.num_images, self.seed, epoch)
            for position in range(max(self.start - epoch * self.steps_per_epoch, 0), self.steps_per_epoch):
                rows = order[position * self.batch_size : (position + 1) * self.batch_size]
                yield [Draw(epoch, int(row)) for row in rows[self.rank :: self.world_size]]


def epoch_order(num_images: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The rows of an epoch in the order they are drawn."""
    return np.random.default_rng((seed, epoch)).permutation(num_images)


@dataclass(frozen=True)
class TrainImages(Dataset[Batch]):
    """Augmented images, or two views of each, keyed by `Draw`.

    `image_at` gives frames or prepared images (see `policy.py`). With `on_corrupt` "skip", an image that cannot be decoded is replaced by
    the next one in the epoch's order that can: `Batch.index_N` tells which.
    """

    split: Split
    image_at: ImageAt
    augment: AugmentConfig
    seed: int
    spec: PreprocessSpec
    num_views: int = 1
    on_corrupt: OnCorrupt = "stop"

    def __getitem__(self, draw: Draw) -> Batch:
        """One sample: (H, W, 3), (C,), (), and two views (H, W, 3) where they are asked for."""
        row, frame_HWC = draw.row, self._frame(draw)
        if frame_HWC is None:
            row, frame_HWC = self._next_good(draw)
        rng = rng_for(self.seed, draw.epoch, row)
        if self.num_views == 1:
            return _sample(finetune_image(frame_HWC, self.augment, rng, spec=self.spec), self.split, row)
        views = pretrain_views(frame_HWC, self.augment, rng, spec=self.spec)
        return _sample(views[0], self.split, row)._replace(views_NHWC=tuple(map(torch.from_numpy, views)))

    def _frame(self, draw: Draw) -> NDArray[np.uint8] | None:
        try:
            return self.image_at(draw.row)
        except DataError:
            if self.on_corrupt == "stop":
                raise
            return None

    def _next_good(self, draw: Draw) -> tuple[int, NDArray[np.uint8]]:
        order = epoch_order(len(self.split), self.seed, draw.epoch)
        place = int(np.flatnonzero(order == draw.row)[0])
        for row in (*order[place + 1 :].tolist(), *order[:place].tolist()):
            frame_HWC = self._frame(Draw(draw.epoch, row))
            if frame_HWC is not None:
                return row, frame_HWC
        raise DataError(f"{self.split.csv_path}: none of its {len(self.split)} images can be decoded")


class EvalImages(Dataset[Batch]):
    """Images exactly as the robot would see them, keyed by row."""

    def __init__(self, split: Split, image_at: ImageAt) -> None:
        self._split, self._image_at = split, image_at

    def __getitem__(self, index: int) -> Batch:
        """One sample (H, W, 3), (C,), ()."""
        return _sample(self._image_at(index), self._split, index)

    def __len__(self) -> int:
        return len(self._split)


def train_loader(images: TrainImages, sampler: StepSampler, *, workers: int) -> "DataLoader[Batch]":
    """Batches of the run from the sampler's first step on."""
    return DataLoader(images, batch_sampler=sampler, **_workers(workers))  # type: ignore[arg-type]


def eval_loader(images: Dataset[Batch], *, batch_size: int, workers: int) -> "DataLoader[Batch]":
    """All images once, in the order of the CSV."""
    return DataLoader(images, batch_size=batch_size, **_workers(workers))  # type: ignore[arg-type]


def plainly(loader: "DataLoader[Batch]") -> Generator[Batch, None, None]:
    """The loader's batches; an error in a worker comes as it was raised, and the workers end with the iteration.

    They ignore signals, so whoever leaves them running waits for them for ever when the program ends.
    """
    iterator = iter(loader)
    try:
        yield from iterator
    except DataError as error:
        last = str(error).strip().splitlines()[-1]  # torch puts the worker's whole traceback into the message
        raise DataError(last.partition(f"{DataError.__name__}: ")[2] or last) from None
    finally:
        if hasattr(iterator, "_shutdown_workers"):
            iterator._shutdown_workers()


def _workers(workers: int) -> dict[str, object]:
    # A generator of its own: the loader must not draw from torch's global one, whose state is part of a checkpoint.
    shared = {"num_workers": workers, "generator": torch.Generator().manual_seed(0), "pin_memory": torch.cuda.is_available()}
    return {**shared, "worker_init_fn": _enter_worker, "prefetch_factor": 4} if workers else shared


def _enter_worker(_: int) -> None:
    """OpenCV's own threads would fight the training for cores.

    A stop signal often reaches the whole process group; the main process finishes its step and then ends its workers.
    """
    cv2.setNumThreads(0)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _sample(image: NDArray[np.uint8], split: Split, index: int) -> Batch:
    return Batch(torch.from_numpy(image), torch.from_numpy(split.targets_NC[index]), torch.tensor(index))
