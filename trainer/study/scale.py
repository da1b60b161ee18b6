"""How large a study is run: settings as data in `scales.yaml`."""

from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta

from trainer.errors import ConfigError

SCALES = Path(__file__).with_name("scales.yaml")

Count = Annotated[int, Meta(ge=1)]
Percent = Annotated[int, Meta(ge=1, le=100)]
Overrides = dict[str, bool | int | float | str | list[int] | None]


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `scales.yaml`; overrides are differences from the recipes as part.field -> value."""

    about: str  # one line for the head of the table
    time: str | None  # how long it takes, on what and how that is known; None: not measured
    train_images: Count | None  # most training images, taken at equal distances; None: all
    resamples: Count  # for the bootstrap intervals
    backbones: tuple[str, ...]
    fractions: dict[Percent, Overrides]  # per cent of the training labels -> overrides for fine-tuning on them
    all: Overrides  # for every cell
    dino: Overrides
    hybrid: Overrides
    linear: Overrides
    finetune: Overrides


def scale_named(name: str, path: Path = SCALES) -> Scale:
    """Read one scale.

    Raises:
        ConfigError: If there is none of this name.
    """
    scales = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), dict[str, Scale])
    if name not in scales:
        raise ConfigError(f"scale '{name}' is unknown; choose one of {', '.join(scales)}")
    return scales[name]
