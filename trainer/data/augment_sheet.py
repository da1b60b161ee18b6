"""A picture sheet of an augmentation policy: what the network sees, to be looked at before a run.

    python -m trainer.data.augment_sheet --data DIR --out FILE.jpg [--task pretrain|finetune] [--policy paper|light]

Each row is one training frame: first as the robot would see it, then what the policy makes of it. Rows of `pretrain` are pairs of views.
"""

# H W pixels

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from trainer.config import AugmentConfig
from trainer.data.augment import rng_for
from trainer.data.images import Frames
from trainer.data.policy import finetune_image, pretrain_views
from trainer.data.sewer_ml import Split, read_split
from trainer.errors import TrainerError

Image = NDArray[np.uint8]

NUM_ROWS, NUM_COLUMNS = 5, 8
GAP_PX, GAP_GREY = 4, 255
JPEG_QUALITY = 60


def sheet(split: Split, config: AugmentConfig, *, task: str, side: int, seed: int = 0) -> Image:
    """The sheet as RGB uint8: `NUM_ROWS` frames spread over the split, one column plain and `NUM_COLUMNS` changed."""
    spec = PreprocessSpec(height=side, width=side)
    rows = np.linspace(0, len(split) - 1, NUM_ROWS).astype(int).tolist()
    frame_at = Frames(split, spec)
    return _stacked([_stacked(_row(frame_at(row), config, spec, task, seed, row), axis=1) for row in rows], axis=0)


def _row(frame_HWC: Image, config: AugmentConfig, spec: PreprocessSpec, task: str, seed: int, row: int) -> list[Image]:
    changed: list[Image] = []
    for epoch in range(NUM_COLUMNS):
        rng = rng_for(seed, epoch, row)
        if task == "finetune":
            changed.append(finetune_image(frame_HWC, config, rng, spec=spec))
        elif epoch % 2 == 0:
            changed.extend(pretrain_views(frame_HWC, config, rng, spec=spec))
    return [prepare(frame_HWC, replace(spec, text_areas=())), *changed]


def _stacked(images: Sequence[Image], *, axis: int) -> Image:
    gap_shape = list(images[0].shape)
    gap_shape[axis] = GAP_PX
    gap = np.full(gap_shape, GAP_GREY, np.uint8)
    return np.concatenate([part for image in images for part in (image, gap)][:-1], axis=axis)


def main(argv: Sequence[str] | None = None) -> int:
    """Write a sheet; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m trainer.data.augment_sheet", description="A picture sheet of an augmentation policy.")
    parser.add_argument("--data", type=Path, required=True, help="folder in Sewer-ML's layout; its training split is shown")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--task", choices=("pretrain", "finetune"), default="pretrain", help="two views, or one image (pretrain)")
    parser.add_argument("--policy", choices=("paper", "light"), default="paper", help="augment.policy (paper)")
    parser.add_argument("--side", type=int, default=112, help="pixels of one picture (112)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    try:
        image_HWC = sheet(read_split(args.data, "Train"), AugmentConfig(policy=args.policy), task=args.task, side=args.side, seed=args.seed)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(args.out), cv2.cvtColor(image_HWC, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    except (TrainerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(args.out)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
