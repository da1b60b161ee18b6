"""A run that meets a picture it cannot decode loses nothing: mended, it goes on as if nothing had been."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trainer.config import Config
from trainer.data.loader import StepSampler
from trainer.errors import ConfigError, DataError
from trainer.loop import train
from trainer.run_folder import metrics_lines

LOOP = {"epochs": 1, "batch_size": 2, "precision": "32", "threads": 2, "log_every_steps": 1, "plots": False}
DINO = {"hidden": 32, "bottleneck": 16, "prototypes": 32}


def picture_of_step(data_root: Path, step: int) -> Path:
    """The first picture that step asks for."""
    row = list(StepSampler(12, 2, 1, seed=0))[step][0].row
    return data_root / "Train" / f"{row + 1:08d}.png"


def test_run_goes_on_exactly_where_the_picture_was_mended(tiny: Callable[..., Config], data_root: Path) -> None:
    """Cut short, as by a full disk: its length differs before and after."""
    whole = train(tiny(name="whole", loop=LOOP), stop_at=5)
    victim = picture_of_step(data_root, 3)
    good = victim.read_bytes()
    victim.write_bytes(good[:100])

    with pytest.raises(DataError, match=rf"{victim.name}: not a picture .*; step 3 is kept: .* --resume") as met:
        train(tiny(name="part", loop=LOOP))
    with pytest.raises(DataError, match=victim.name):  # not mended yet
        train(tiny(name="part", loop=LOOP), resume=True)
    victim.write_bytes(good)
    part = train(tiny(name="part", loop=LOOP), resume=True, stop_at=5)

    one, other = (load_file(run.run_dir / "checkpoints" / "last" / "model.safetensors") for run in (whole, part))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert metrics_lines(whole.run_dir) == metrics_lines(part.run_dir)
    assert "\n" not in str(met.value)


def test_other_pictures_may_not_change_with_the_mended_one(tiny: Callable[..., Config], data_root: Path) -> None:
    victim, other = picture_of_step(data_root, 2), picture_of_step(data_root, 4)
    good = victim.read_bytes()
    victim.write_bytes(b"no picture")
    with pytest.raises(DataError, match="step 2 is kept"):
        train(tiny(loop=LOOP))

    victim.write_bytes(good)
    other.write_bytes(other.read_bytes() + b"more")

    with pytest.raises(DataError, match="has changed since"):
        train(tiny(loop=LOOP), resume=True)


@pytest.mark.parametrize(
    ("parts", "free"),
    [({"augment": {"policy": "paper"}}, False), ({"task": "dino", "dino": DINO}, False), ({}, True)],
    ids=["paper", "two views", "light"],
)
def test_cache_may_change_on_resume_where_it_does_not_change_what_is_seen(
    tiny: Callable[..., Config], data_root: Path, parts: dict[str, object], free: bool
) -> None:
    train(tiny(loop=LOOP, **parts), stop_at=1)
    cached = tiny(loop=LOOP, data={"root": str(data_root), "workers": 0, "cache": True}, **parts)

    if free:
        assert train(cached, resume=True, stop_at=2).step == 2
        return
    with pytest.raises(ConfigError, match=r"started with another data\.cache"):
        train(cached, resume=True)
