"""A rendered data set of all three splits in one folder, in Sewer-ML's layout with its `DATASET.yaml`."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import yaml

from trainer.data.provenance import DATASET, LABEL_RULES
from trainer.data.sewer_ml import SplitName
from trainer.synth import SYNTH_VERSION, SynthError, write_frames

LICENCE = "Apache-2.0 (rendered, no real sewer)"
# Each split draws from its own seed, hence from pipes that no other split has seen.
SEED_OFFSET: dict[SplitName, int] = {"Train": 0, "Val": 1, "Test": 2}
SEED_STRIDE = 4


def write_rendered(
    out: Path,
    nums: Mapping[SplitName, int],
    *,
    seed: int,
    profile: str = "balanced",
    size: tuple[int, int] = (288, 352),
    workers: int = 1,
    image_format: Literal["png", "jpg"] = "jpg",
    masks: bool = False,
    progress: Callable[[SplitName, int], None] | None = None,
) -> None:
    """Render the splits with as many frames each as `nums` says (0: no such split); `out` appears when all is written.

    Raises:
        SynthError: For impossible arguments, or if `out` exists and is not an empty folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SynthError(f"{out} is not empty; choose a new folder.")
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "whole").mkdir(parents=True)
    try:
        for name in (name for name, num in nums.items() if num):
            write_frames(
                part / name,
                nums[name],
                seed=seed * SEED_STRIDE + SEED_OFFSET[name],
                profile=profile,
                size=size,
                workers=workers,
                image_format=image_format,
                masks=masks,
                split=name,
                progress=partial(progress, name) if progress else None,
            )
            for item in (part / name).iterdir():
                item.rename(part / "whole" / item.name)
        (part / "whole" / DATASET).write_text(_dataset(seed, profile), encoding="utf-8")
        if out.exists():
            out.rmdir()
        (part / "whole").rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _dataset(seed: int, profile: str) -> str:
    rule = LABEL_RULES["rendered"]
    stated = {
        "name": f"{SYNTH_VERSION}-{profile}-seed{seed}",
        "kind": "rendered",
        "licence": LICENCE,
        "generator": f"trainer.synth {SYNTH_VERSION}, profile {profile}, seed {seed}",
        "look_ahead_m": rule.look_ahead_m,
        "look_behind_m": rule.look_behind_m,
    }
    return yaml.safe_dump(stated, sort_keys=False)
