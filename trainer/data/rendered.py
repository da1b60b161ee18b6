"""A rendered data set of all three splits in one folder, in Sewer-ML's layout with its `DATASET.yaml`."""

from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from trainer.data.provenance import LABEL_RULES
from trainer.data.sewer_ml import SplitName
from trainer.synth import SYNTH_VERSION
from trainer.synth.benchmark_set import BenchmarkSet, write_benchmark
from trainer.synth.errors import SynthError
from trainer.synth.frame import check_seed
from trainer.synth.write import ImageFormat, SplitPlan, write_splits

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
    image_format: ImageFormat = "jpg",
    masks: bool = False,
    depth: bool = False,
    progress: Callable[[str, int], None] | None = None,
) -> None:
    """Render the splits with as many frames each as `nums` says (0: no such split); `out` appears when all is written.

    An interrupted run is gone on with by the same call.

    Raises:
        SynthError: For impossible arguments, if `out` exists and is not an empty folder, or if the disk is full.
    """
    if not any(nums.values()) or min(nums.values()) < 0:
        raise SynthError(f"numbers of frames ({', '.join(f'{k} {v}' for k, v in nums.items())}) must not be negative, and not all zero.")
    check_seed(seed)
    plans = [
        SplitPlan(name, num, seed * SEED_STRIDE + SEED_OFFSET[name], profile, ((size, 1.0),), image_format, masks, depth)
        for name, num in nums.items()
        if num
    ]
    dataset = _dataset(f"{SYNTH_VERSION}-{profile}-seed{seed}", f"profile {profile}, seed {seed}")
    write_splits(out, plans, workers=workers, progress=progress, dataset=dataset)


def write_rendered_benchmark(
    out: Path, definition: BenchmarkSet, *, workers: int = 1, progress: Callable[[str, int], None] | None = None
) -> None:
    """Render a named benchmark set; see `trainer.synth.benchmark_set`."""
    dataset = _dataset(definition.name, f"set {definition.name}")
    write_benchmark(out, definition, dataset=dataset, workers=workers, progress=progress)


def _dataset(name: str, drawn: str) -> str:
    rule = LABEL_RULES["rendered"]
    stated = {
        "name": name,
        "kind": "rendered",
        "licence": LICENCE,
        "generator": f"trainer.synth {SYNTH_VERSION}, {drawn}",
        "look_ahead_m": rule.look_ahead_m,
        "look_behind_m": rule.look_behind_m,
    }
    return yaml.safe_dump(stated, sort_keys=False)
