"""Statistics of rendered labels beside Sewer-ML's published ones, as Markdown; and the fit that brings the one near the other.

    python -m trainer.synth.statistics [--profile natural] [--num 3000] [--fit]

What is counted is what can be seen (strict labels), not what was asked for. `--fit` renders frames of both profiles and rewrites
`class_draws.yaml`; run it whenever painters have changed, once or twice, until the table is as wanted.
"""
# N frames, C classes

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.draw_fit import Counted, fit_draws, seen_share, write_draws
from trainer.synth.errors import SynthError
from trainer.synth.frame import check_seed, render_frame
from trainer.synth.profiles import DRAWS_FILE, PROFILES, class_draws, draw_classes, target_shares
from trainer.synth.workers import run_jobs

SIZE = (72, 88)
SEED = 60_000_000_000  # far from the frames of any data set
_CHUNK = 25
_TOP_PAIRS = 12


def count_frames(profile: str, num: int, *, seed: int = SEED, size: tuple[int, int] = SIZE, workers: int = 1) -> Counted:
    """Render `num` small frames and note what was asked for and what is seen."""
    starts = range(seed, seed + num, _CHUNK)
    jobs = [range(start, min(start + _CHUNK, seed + num)) for start in starts]
    parts = list(run_jobs(partial(_count, profile, size), jobs, workers=workers))
    return Counted(np.concatenate([p.asked for p in parts]), np.concatenate([p.seen for p in parts]))


def _count(profile: str, size: tuple[int, int], seeds: range) -> Counted:
    asked = np.zeros((len(seeds), len(taxonomy())), np.bool_)
    seen = np.zeros_like(asked)
    for row, seed in enumerate(seeds):
        for code in draw_classes(np.random.default_rng([seed, 0]), profile):
            asked[row, taxonomy().index(code)] = True
        seen[row] = render_frame(seed, size=size, profile=profile).labels
    return Counted(asked, seen)


def statistics_table(profile: str, seen: NDArray[np.bool_]) -> str:
    """Shares of classes and of normal frames, labels per defect frame, frequent pairs: Markdown of labels (N, 17)."""
    normal, shares = target_shares(profile)
    has = seen.any(axis=1)
    aim = "Sewer-ML" if profile == "natural" else "aim"
    lines = [f"| {profile}, {len(seen)} frames | rendered % | {aim} % | ratio |", "|---|--:|--:|--:|"]
    rows = [("normal", 1 - has.mean(), normal), *zip(taxonomy().codes, seen.mean(axis=0), shares, strict=True)]
    lines += [f"| {name} | {100 * found:.2f} | {100 * wanted:.2f} | {found / wanted:.2f} |" for name, found, wanted in rows]
    found, wanted = seen.sum() / max(has.sum(), 1), shares.sum() / (1 - normal)
    lines += [f"| labels per defect frame | {found:.2f} | {wanted:.2f} | {found / wanted:.2f} |", ""]
    return "\n".join([*lines, *_pairs(seen)])


def _pairs(seen: NDArray[np.bool_]) -> list[str]:
    """The most frequent pairs of classes, and how much more often than by chance they are."""
    counts = seen.astype(int).T @ seen.astype(int)
    pairs = sorted(combinations(range(len(taxonomy())), 2), key=lambda p: -counts[p])[:_TOP_PAIRS]
    lines = ["| pair | % of frames | times chance within defect frames |", "|---|--:|--:|"]
    has = max(seen.any(axis=1).sum(), 1)
    for i, j in pairs:
        chance = counts[i, i] * counts[j, j] / has
        name = f"{taxonomy().codes[i]} + {taxonomy().codes[j]}"
        lines.append(f"| {name} | {100 * counts[i, j] / len(seen):.2f} | {counts[i, j] / max(chance, 1e-9):.2f} |")
    return lines


def fit(num: int, *, seed: int, workers: int) -> None:
    """Measure with the present draws, fit, and store."""
    from trainer.synth import SYNTH_VERSION

    counted = {profile: count_frames(profile, num, seed=seed, workers=workers) for profile in PROFILES}
    visible = seen_share(list(counted.values()))
    draws = {profile: fit_draws(profile, counted[profile], visible) for profile in PROFILES}
    seen = {code: round(float(share), 3) for code, share in zip(taxonomy().codes, visible, strict=True)}
    measured: dict[str, object] = {"renderer": SYNTH_VERSION, "frames": num, "size": f"{SIZE[1]}x{SIZE[0]}", "seed": seed, "seen": seen}
    write_draws(DRAWS_FILE, draws, measured=measured, command=f"python -m trainer.synth.statistics --fit --num {num} --seed {seed}")
    class_draws.cache_clear()


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; with `--fit`, fit first and print what has come of it on other seeds."""
    parser = argparse.ArgumentParser(prog="python -m trainer.synth.statistics", description="Statistics of rendered labels.")
    parser.add_argument("--profile", choices=PROFILES, default="natural")
    parser.add_argument("--num", type=int, default=3000, help="frames (3000)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--fit", action="store_true", help="rewrite class_draws.yaml first")
    arguments = parser.parse_args(argv)
    try:
        check_seed(arguments.seed)
        if arguments.num < 1:
            raise SynthError(f"num {arguments.num} must be at least 1.")
        if arguments.fit:
            fit(arguments.num, seed=arguments.seed, workers=arguments.workers)
        seed = arguments.seed + arguments.num * arguments.fit
        seen = count_frames(arguments.profile, arguments.num, seed=seed, workers=arguments.workers).seen
    except SynthError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(statistics_table(arguments.profile, seen))  # noqa: T201  # a program of its own
    return 0


if __name__ == "__main__":
    sys.exit(main())
