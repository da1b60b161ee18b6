"""What is wrong with a picture: flags a data set stores beside a frame, from the camera that made it and from the picture itself."""
# H W pixels

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.camera_chain import Chain
from trainer.synth.light import Lamps

QualityFlag = Literal["blurred", "compressed", "dark", "fogged_lens", "greyscale", "hazy", "interlaced", "letterbox", "over_exposed"]
BLURRED_PX, MOVED_PX = 1.5, 3.0
FOGGED, HAZY = 0.3, 0.15
COARSE_QUALITY, COARSE_SHRINK = 25, 0.65
OVER_EXPOSED_SHARE, OVER_EXPOSED_AT = 0.15, 0.97
DARK_AT, GREY_BELOW = 45, 0.02


def quality_flags(chain: Chain, lamps: Lamps, image: NDArray[np.uint8]) -> tuple[QualityFlag, ...]:
    """Flags of a developed frame (H, W, 3) uint8 RGB, in alphabetical order.

    Blur, fog, fields, bars, coding and colour follow from the chain and the lamps; over-exposed and dark are judged on the picture:
    a share of it at the camera's white, or a median below a dark grey.
    """
    luma = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[::2, ::2])
    up_to = np.cumsum(cv2.calcHist([luma], [0], None, [256], [0, 256]).reshape(-1).astype(np.int64))  # pixels at most as bright
    middle = [int(np.searchsorted(up_to, rank, side="right")) for rank in ((luma.size - 1) // 2, luma.size // 2)]
    white = chain.white * 255 * OVER_EXPOSED_AT
    num_white = luma.size - int(up_to[int(np.ceil(white)) - 1])
    lens, recorder = chain.lens, chain.recorder
    flags: dict[QualityFlag, bool] = {
        "blurred": lens.blur_px >= BLURRED_PX or (lens.motion != "none" and lens.motion_px >= MOVED_PX),
        "compressed": min(recorder.qualities) < COARSE_QUALITY or recorder.shrink < COARSE_SHRINK,
        "dark": sum(middle) / 2 < DARK_AT,
        "fogged_lens": lens.fog >= FOGGED,
        "greyscale": recorder.saturation < GREY_BELOW,
        "hazy": lamps.haze >= HAZY,
        "interlaced": recorder.comb_px > 0,
        "letterbox": any(chain.bars),
        "over_exposed": num_white / luma.size > OVER_EXPOSED_SHARE,
    }
    return tuple(sorted(name for name, there in flags.items() if there))
