"""Appendix A of Otero & Mateus on one image, with torchvision v2's functions: the list behind the published Sewer-ML figures.

The appendix was written for Pillow images; this is the same on uint8 tensors. Two details it leaves open are torchvision's defaults:
crops have an aspect of 3/4 to 4/3, the rotation takes the nearest pixel and fills with black. The resize of fine-tuning is the
contract's `prepare`, because that is what the robot does. Hue and blur go through OpenCV: the same to within one grey level, and
torchvision's would be most of the time (at 352x288 hue 6.6 ms against 1.6, blur 3.0 against 0.7).
"""

# C channels, H W pixels

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tvf

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from trainer.data.paper_draws import ColourJitter, FinetuneDraw, PretrainDraw

Image = NDArray[np.uint8]

BLUR_KERNEL_PX = 7  # three standard deviations of the widest blur
SOLARISE_FROM = 128


def pretrain_view(frame_HWC: Image, draw: PretrainDraw, size: tuple[int, int]) -> Image:
    """One view: RGB uint8 of `size` (height, width)."""
    crop = draw.crop
    image = tvf.resized_crop(
        tensor_from_image(frame_HWC), crop.top, crop.left, crop.height, crop.width, list(size), InterpolationMode.BICUBIC, antialias=True
    )
    if draw.jitter:
        image = _jittered(image, draw.jitter)
    if draw.grey:
        image = tvf.rgb_to_grayscale(image, num_output_channels=3)
    if draw.blur_sigma_px:
        image = _blurred(image, draw.blur_sigma_px)
    if draw.tone:
        image = tvf.equalize(image) if draw.tone == "equalise" else tvf.solarize(image, SOLARISE_FROM)
    return image_from_tensor(tvf.horizontal_flip(image) if draw.flip else image)


def finetune_image(frame_HWC: Image, draw: FinetuneDraw, spec: PreprocessSpec) -> Image:
    """One training image: RGB uint8 of the spec's size. Text areas are the caller's."""
    image = _jittered(tensor_from_image(frame_HWC), draw.jitter)
    if draw.equalise:
        image = tvf.equalize(image)
    if draw.autocontrast:
        image = tvf.autocontrast(image)
    image = tvf.affine(image, draw.angle_deg, translate=[0, 0], scale=1.0, shear=[0.0, 0.0])
    prepared_HWC = prepare(image_from_tensor(image), spec)
    changed_HWC = np.array(prepared_HWC[:, ::-1] if draw.flip else prepared_HWC)
    if draw.erase:
        box = draw.erase
        changed_HWC[box.top : box.top + box.height, box.left : box.left + box.width] = 0
    return changed_HWC


def tensor_from_image(image_HWC: Image) -> Tensor:
    """(C, H, W) uint8; a copy."""
    return torch.from_numpy(np.ascontiguousarray(image_HWC.transpose(2, 0, 1)))


def image_from_tensor(image_CHW: Tensor) -> Image:
    """(H, W, C) uint8."""
    return np.ascontiguousarray(image_CHW.numpy().transpose(1, 2, 0))


def _jittered(image_CHW: Tensor, jitter: ColourJitter) -> Tensor:
    for which in jitter.order:
        image_CHW = JITTERS[which](image_CHW, jitter.amounts[which])
    return image_CHW


def _hue(image_CHW: Tensor, turn: float) -> Tensor:
    """Turn the hue by -0.5..0.5 of the circle, as torchvision does: in HSV, and back by a factor of just under 256."""
    hsv_HWC: NDArray[np.float32] = np.asarray(
        cv2.cvtColor(np.multiply(image_from_tensor(image_CHW), 1 / 255, dtype=np.float32), cv2.COLOR_RGB2HSV), dtype=np.float32
    )
    hue_HW = hsv_HWC[..., 0] + np.float32(360 * (turn % 1))
    hsv_HWC[..., 0] = np.where(hue_HW >= 360, hue_HW - np.float32(360), hue_HW)
    rgb_HWC = cv2.cvtColor(hsv_HWC, cv2.COLOR_HSV2RGB)
    return tensor_from_image(np.clip(rgb_HWC * np.float32(255.999), 0, 255).astype(np.uint8))


def _blurred(image_CHW: Tensor, sigma_px: float) -> Tensor:
    kernel = (BLUR_KERNEL_PX, BLUR_KERNEL_PX)
    return tensor_from_image(np.asarray(cv2.GaussianBlur(image_from_tensor(image_CHW), kernel, sigma_px), dtype=np.uint8))


JITTERS: tuple[Callable[[Tensor, float], Tensor], ...] = (tvf.adjust_brightness, tvf.adjust_contrast, tvf.adjust_saturation, _hue)
