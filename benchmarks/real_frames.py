"""How a bundle does on a few real frames whose labels name what is certainly there, not all that is there.

    python -m benchmarks.real_frames FOLDER [--bundle B] [--trust KEY.pub]

FOLDER holds `images/` and `labels.csv` with the columns `file` and `known`: `normal`, a class, `;` between classes that are all there,
`|` between classes one of which is. So recall of the known classes, normal against defect and false alarms on normals can be measured;
precision per class cannot. For looking only: nothing may be trained, chosen or tuned on such frames.
"""

# N frames, C classes

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.preprocess import prepare
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import EdgeSdkError, InputError
from edge_sdk.inspector import session_from_bundle

NORMAL = "normal"
LATERALS = ("GR", "PH", "PB", "OS", "OP")
FEW = 20


class RealFrame(NamedTuple):
    """A frame's file, and its known classes: all of `groups` are there, of each group at least one. No group: normal."""

    path: Path
    groups: tuple[frozenset[str], ...]


def read_frames(folder: Path) -> list[RealFrame]:
    """The labelled frames of a folder.

    Raises:
        InputError: If the folder is no such set.
    """
    path = folder / "labels.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["file"], row["known"]) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: needs columns file and known ({getattr(error, 'strerror', None) or error})") from error
    frames = [RealFrame(folder / "images" / name, _groups(known)) for name, known in rows]
    unknown = {code for frame in frames for group in frame.groups for code in group} - set(taxonomy().codes)
    if unknown or not frames:
        raise InputError(f"{path}: {'classes not in the list: ' + ', '.join(sorted(unknown)) if unknown else 'no rows'}")
    return frames


def scores_of(bundle: Bundle, frames: Sequence[RealFrame]) -> NDArray[np.float64]:
    """Scores (N, C) of the bundle's first graph."""
    graph = bundle.manifest.graphs[0]
    session = session_from_bundle(bundle, graph)
    logits_NC = np.concatenate([session.run(_prepared(bundle, frame)).logits_NC for frame in frames])
    session.close()
    return scores_from_logits(logits_NC, graph.temperature)


def _prepared(bundle: Bundle, frame: RealFrame) -> NDArray[np.uint8]:
    image_HWC = image_from_bytes(frame.path.read_bytes())
    if image_HWC is None:
        raise InputError(f"{frame.path}: not a picture")
    return prepare(image_HWC, bundle.manifest.preprocess)[np.newaxis]


def auroc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Probability that a positive scores above a negative; ties count half (Mann-Whitney)."""
    above = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    return float(above / (len(positive) * len(negative)))


def report(bundle: Bundle, frames: Sequence[RealFrame], scores_NC: NDArray[np.float64]) -> str:
    """The table, as text."""
    codes = taxonomy().codes
    predicted_NC = scores_NC >= np.array(bundle.manifest.graphs[0].thresholds)
    normal_N = np.array([not frame.groups for frame in frames])
    lateral_C = np.isin(codes, LATERALS)
    lateral_N = np.array([any(group <= set(LATERALS) for group in frame.groups) for frame in frames])
    lines = [
        f"{bundle.identity} (trained on {bundle.manifest.training.data_name}) on {len(frames)} real frames, {normal_N.sum()} normal",
        "few frames, labels not exhaustive: an indication, no metric",
        f"AUROC any defect against normal    {auroc(scores_NC[~normal_N].max(axis=1), scores_NC[normal_N].max(axis=1)):.3f}",
        f"AUROC laterals against normal      {_lateral_auroc(scores_NC[:, lateral_C], lateral_N, normal_N)}",
        f"false alarms per normal frame      {predicted_NC[normal_N].sum(axis=1).mean():.2f}",
        f"normal frames without false alarm  {(~predicted_NC[normal_N].any(axis=1)).mean():.1%}",
        "",
        "known     frames  recall",
    ]
    by_group: dict[str, list[bool]] = {}
    for frame, predicted_C in zip(frames, predicted_NC, strict=True):
        for group in frame.groups:
            by_group.setdefault("|".join(sorted(group)), []).append(any(predicted_C[codes.index(code)] for code in group))
    lines += [
        f"{name:12} {len(hits):3}  {np.mean(hits):6.0%}{'  few' if len(hits) < FEW else ''}" for name, hits in sorted(by_group.items())
    ]
    return "\n".join(lines)


def _lateral_auroc(scores_NC: NDArray[np.float64], lateral_N: NDArray[np.bool_], normal_N: NDArray[np.bool_]) -> str:
    if not lateral_N.any() or not normal_N.any():
        return "no such frames"
    return f"{auroc(scores_NC[lateral_N].max(axis=1), scores_NC[normal_N].max(axis=1)):.3f} ({lateral_N.sum()} frames)"


def _groups(known: str) -> tuple[frozenset[str], ...]:
    return () if known == NORMAL else tuple(frozenset(group.split("|")) for group in known.split(";"))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_frames", description="A bundle on a few labelled real frames.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub")
    arguments = parser.parse_args(argv)
    try:
        frames = read_frames(arguments.folder)
        bundle = Bundle.open(arguments.bundle, trust=arguments.trust)
        print(report(bundle, frames, scores_of(bundle, frames)))
    except (EdgeSdkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
