"""What happens to a training image between the decoder and the network: `augment.policy`, for one image and for two views of it.

All policies take a frame of any size, or one that is prepared already, and end at the network's input size. Every image of every epoch
has its own generator (see `augment.rng_for`), so that neither resuming nor the number of workers changes a pixel.
"""

# H W pixels

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.random import Generator
from numpy.typing import NDArray

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from trainer.config import AugmentConfig
from trainer.data import paper
from trainer.data.augment import augment
from trainer.data.paper_draws import draw_crop, draw_finetune, draw_pretrain

Image = NDArray[np.uint8]


def finetune_image(frame_HWC: Image, config: AugmentConfig, rng: Generator, *, spec: PreprocessSpec) -> Image:
    """One image to learn labels from: RGB uint8 of the spec's size, by `config.policy`.

    Args:
        frame_HWC: RGB uint8, as stored or prepared; its text areas are blurred already where the spec has some.
        config: The policy.
        rng: The image's own generator.
        spec: Geometry of the network's input.
    """
    bare = replace(spec, text_areas=())
    if config.policy == "paper":
        return paper.finetune_image(frame_HWC, draw_finetune(rng, (spec.height, spec.width)), bare)
    prepared_HWC = prepare(frame_HWC, bare)
    return augment(prepared_HWC, config, rng) if config.policy == "light" else prepared_HWC


def pretrain_views(frame_HWC: Image, config: AugmentConfig, rng: Generator, *, spec: PreprocessSpec) -> tuple[Image, Image]:
    """Two global views for self-supervised learning, drawn one after the other; arguments as `finetune_image`.

    `none` gives the same picture twice: for tests only, nothing can be learnt from it.
    """
    return _view(frame_HWC, config, rng, spec), _view(frame_HWC, config, rng, spec)


def _view(frame_HWC: Image, config: AugmentConfig, rng: Generator, spec: PreprocessSpec) -> Image:
    size = (spec.height, spec.width)
    if config.policy == "paper":
        return paper.pretrain_view(frame_HWC, draw_pretrain(rng, frame_HWC.shape[:2]), size)
    if config.policy == "none":
        return prepare(frame_HWC, replace(spec, text_areas=()))
    return augment(_cropped(frame_HWC, rng, size), config, rng)


def _cropped(frame_HWC: Image, rng: Generator, size: tuple[int, int]) -> Image:
    """The paper's crop, in OpenCV: views that share all their content teach little."""
    box = draw_crop(rng, *frame_HWC.shape[:2])
    part = frame_HWC[box.top : box.top + box.height, box.left : box.left + box.width]
    shrinks = box.height > size[0] and box.width > size[1]
    return np.asarray(cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), dtype=np.uint8)
