"""Appendix A of Otero & Mateus on a batch, where the tensor lies: for a GPU that would otherwise wait for the CPU's augmentation.

The draws are those of the path for one image, so a batch is the same pictures up to the rounding of bytes. Every change runs once over
the images that have it; only the crops, each of another size, run image by image. All images of a batch have one size: frames of
several resolutions go through the path for one image, or are prepared first.
"""

# N batch, M images of it that a change applies to, C channels, H W pixels

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as nnf
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tvf

from trainer.data.paper import BLUR_KERNEL_PX, SOLARISE_FROM
from trainer.data.paper_draws import ColourJitter, FinetuneDraw, PretrainDraw

LUMA_C = (0.2989, 0.587, 0.114)  # torchvision's, ITU-R BT.601
Change = Callable[[Tensor, Tensor], Tensor]


def pretrain_view_batch(frames_NCHW: Tensor, draws: Sequence[PretrainDraw], size: tuple[int, int]) -> Tensor:
    """One view of each frame.

    Args:
        frames_NCHW: RGB uint8 on any device.
        draws: One for each frame.
        size: Height and width of the views.

    Returns:
        RGB uint8 (N, C, *size), on the same device.
    """
    crops = [draw.crop for draw in draws]
    images = torch.stack(
        [
            tvf.resized_crop(frame, box.top, box.left, box.height, box.width, list(size), InterpolationMode.BICUBIC, antialias=True)
            for frame, box in zip(frames_NCHW, crops, strict=True)
        ]
    )
    images = _jitter(images, [draw.jitter for draw in draws])
    images = _where(images, [draw.grey for draw in draws], _grey)
    images = _blur(images, [draw.blur_sigma_px for draw in draws])
    images = _where(images, [draw.tone == "equalise" for draw in draws], tvf.equalize)
    images = _where(images, [draw.tone == "solarise" for draw in draws], lambda some: tvf.solarize(some, SOLARISE_FROM))
    return _where(images, [draw.flip for draw in draws], tvf.horizontal_flip)


def finetune_batch(frames_NCHW: Tensor, draws: Sequence[FinetuneDraw], size: tuple[int, int]) -> Tensor:
    """Training images; as `pretrain_view_batch`.

    A resize here is bilinear with antialiasing: the contract's kernel is OpenCV's. Give prepared images to have none.
    """
    images = _jitter(frames_NCHW, [draw.jitter for draw in draws])
    images = _where(images, [draw.equalise for draw in draws], tvf.equalize)
    images = _where(images, [draw.autocontrast for draw in draws], tvf.autocontrast)
    images = _rotate(images, [draw.angle_deg for draw in draws])
    if tuple(images.shape[-2:]) != size:
        images = tvf.resize(images, list(size), InterpolationMode.BILINEAR, antialias=True)
    images = _where(images, [draw.flip for draw in draws], tvf.horizontal_flip)
    for image, draw in zip(images, draws, strict=True):
        if draw.erase:
            box = draw.erase
            image[:, box.top : box.top + box.height, box.left : box.left + box.width] = 0
    return images


def _where(images: Tensor, wanted: Sequence[bool], change: Callable[[Tensor], Tensor]) -> Tensor:
    """The batch with the change in the images that want it; a batch that nobody changes is handed on as it is."""
    rows = torch.tensor([row for row, wants in enumerate(wanted) if wants], device=images.device)
    return images.index_copy(0, rows, change(images[rows])) if len(rows) else images


def _jitter(images: Tensor, jitters: Sequence[ColourJitter | None]) -> Tensor:
    """Each image's four changes in its own order: place by place, all images that have the same change there at once."""
    for place in range(len(JITTERS)):
        for which, change in enumerate(JITTERS):
            wanted = [jitter is not None and jitter.order[place] == which for jitter in jitters]
            amounts = [jitter.amounts[which] for jitter in jitters if jitter is not None and jitter.order[place] == which]
            amounts_M111 = torch.tensor(amounts, device=images.device).view(-1, 1, 1, 1)
            images = _where(images, wanted, lambda some, change=change, amounts=amounts_M111: _bytes(change(some.float(), amounts)))  # type: ignore[misc]
    return images


def _bytes(images: Tensor) -> Tensor:
    return images.clamp(0, 255).to(torch.uint8)  # cut off, not rounded, as torchvision does after each change


def _brightness(images: Tensor, factor: Tensor) -> Tensor:
    return images * factor


def _contrast(images: Tensor, factor: Tensor) -> Tensor:
    mean = _luma(images).floor().mean(dim=(1, 2, 3), keepdim=True)
    return factor * images + (1 - factor) * mean


def _saturation(images: Tensor, factor: Tensor) -> Tensor:
    return factor * images + (1 - factor) * _luma(images).floor()


def _hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue by -0.5..0.5 of the circle, from RGB to RGB by the closed form of HSV: f(n) = V - VS·max(0, min(k, 4 - k, 1))."""
    value, least = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    chroma = value - least
    red, green, blue = torch.split(images, 1, dim=1)
    safe = chroma.clamp_min(1e-6)
    sector = torch.where(
        value == red, (green - blue) / safe, torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    )
    shifted = [torch.remainder(n + sector + 6 * turn, 6) for n in (5, 3, 1)]
    turned = torch.cat([value - chroma * torch.minimum(k, 4 - k).clamp(0, 1) for k in shifted], dim=1)
    return turned * (255.999 / 255)  # torchvision's scale on the way from floats back to bytes


JITTERS: tuple[Change, ...] = (_brightness, _contrast, _saturation, _hue)


def _luma(images: Tensor) -> Tensor:
    red, green, blue = torch.split(images.float(), 1, dim=1)
    return LUMA_C[0] * red + LUMA_C[1] * green + LUMA_C[2] * blue


def _grey(images: Tensor) -> Tensor:
    return _bytes(_luma(images)).expand(-1, 3, -1, -1)


def _blur(images: Tensor, sigmas: Sequence[float | None]) -> Tensor:
    """A Gaussian of each image's own width: one depthwise convolution per direction over all that have one."""
    kept = torch.tensor([sigma for sigma in sigmas if sigma], device=images.device)
    return _where(images, [bool(sigma) for sigma in sigmas], lambda some: _gaussian(some, kept))


def _gaussian(images: Tensor, sigma_M: Tensor) -> Tensor:
    num, channels, height, width = images.shape
    reach = BLUR_KERNEL_PX // 2
    offsets = torch.arange(-reach, reach + 1, device=images.device)
    taps_MK = torch.softmax(-0.5 * (offsets / sigma_M[:, None]) ** 2, dim=1).repeat_interleave(channels, dim=0)
    padded = nnf.pad(images.float(), (reach, reach, reach, reach), mode="reflect").view(1, num * channels, height + 2 * reach, -1)
    across = nnf.conv2d(padded, taps_MK[:, None, None, :], groups=num * channels)
    both = nnf.conv2d(across, taps_MK[:, None, :, None], groups=num * channels)
    return both.view(num, channels, height, width).round().to(torch.uint8)


def _rotate(images: Tensor, angles_deg: Sequence[float]) -> Tensor:
    """About the centre, nearest pixel, black outside; a positive angle turns clockwise, as torchvision's affine."""
    height, width = images.shape[-2:]
    angle_N = torch.deg2rad(torch.tensor(angles_deg, device=images.device))
    cos, sin, none = angle_N.cos(), angle_N.sin(), torch.zeros_like(angle_N)
    theta_N23 = torch.stack([cos, sin * height / width, none, -sin * width / height, cos, none], dim=1).view(-1, 2, 3)
    grid = nnf.affine_grid(theta_N23, list(images.shape), align_corners=False)
    return nnf.grid_sample(images.float(), grid, mode="nearest", align_corners=False).to(torch.uint8)
