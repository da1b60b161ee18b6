"""The first layer of every network: uint8 frames to standardised channels. Mean and standard deviation live here and nowhere else."""

import torch
from torch import Tensor, nn

# Of Sewer-ML's training images (RGB, 0..1), as the published baselines use them.
MEAN_RGB, STD_RGB = (0.523, 0.453, 0.345), (0.210, 0.199, 0.154)


class Normalise(nn.Module):
    """(N, H, W, 3) uint8 RGB to (N, 3, H, W) float32; the permuted result already lies in memory as channels-last."""

    mean_3: Tensor
    std_3: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean_3", 255.0 * torch.tensor(MEAN_RGB))
        self.register_buffer("std_3", 255.0 * torch.tensor(STD_RGB))

    def forward(self, images_NHWC: Tensor) -> Tensor:
        """Bring the channels forward and standardise, in this order: ONNX Runtime broadcasts over planes in half the time."""
        return (images_NHWC.float().permute(0, 3, 1, 2) - self.mean_3[:, None, None]) / self.std_3[:, None, None]
