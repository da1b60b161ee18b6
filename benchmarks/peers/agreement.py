"""Whether all ways say the same of the same frames: a quicker way that says something else is no peer.

Peers resize otherwise than we do, so there are two references, both computed here on the same graph: the network's image as `prepare`
makes it, and as peers make it. A peer must agree with the second up to rounding; what lies between the two is the resize's doing, and
said in decisions.
"""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.runners.task import Task
from edge_sdk.bundle import Bundle
from edge_sdk.camera import FilmSource
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.manifest import Graph
from edge_sdk.contract.preprocess import prepare
from edge_sdk.inspector import session_from_bundle

NUM_FRAMES = 24
ROUNDING = 0.02  # decoders and resizes of two OpenCV versions differ by a grey level here and there; runtimes in the last digits


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Scores of one way against ours on some frames.

    `max_dp` is the largest difference from our session on the image this way should have made, `holds` whether it is within rounding;
    `max_dp_ours` and `mean_dp_ours` are from our image, `flips` the decisions that differ from ours of `decisions`, `same_top` the
    share of frames with the same highest class.
    """

    max_dp: float
    holds: bool
    max_dp_ours: float
    mean_dp_ours: float
    flips: int
    decisions: int
    same_top: float


class References(msgspec.Struct, frozen=True):
    """Scores by frame number: of our image, and of the peers'."""

    ours: dict[int, NDArray[np.float64]]
    peers: dict[int, NDArray[np.float64]]
    thresholds_C: NDArray[np.float64]


def references(film: Path, bundle: Bundle, graph: Graph, task: Task) -> References:
    """Score frames spread over the film, both ways.

    Raises:
        SourceError: If the film cannot be read.
    """
    wanted = set(np.linspace(0, task.num_frames - 1, min(NUM_FRAMES, task.num_frames)).astype(int).tolist())
    session = session_from_bundle(bundle, graph)
    ours: dict[int, NDArray[np.float64]] = {}
    peers: dict[int, NDArray[np.float64]] = {}
    with FilmSource(film) as source:
        for frame in islice(source.frames(), task.num_frames):
            image_HWC = frame.image_HWC
            if frame.seq not in wanted or image_HWC is None:
                continue
            for scores, image_NHWC in (
                (ours, prepare(image_HWC, bundle.manifest.preprocess)[np.newaxis]),
                (peers, task.network_image(cv2.cvtColor(image_HWC, cv2.COLOR_RGB2BGR))),
            ):
                scores[frame.seq] = scores_from_logits(session.run(image_NHWC).logits_NC[0], graph.temperature)
    session.close()
    return References(ours, peers, np.asarray(graph.thresholds))


def agreement_of(scores: Mapping[int, NDArray[np.float64]], reference: References, *, is_ours: bool) -> Agreement:
    """One way against both references, on the frames it answered."""
    frames = sorted(set(scores) & set(reference.ours))
    got_NC = np.array([scores[seq] for seq in frames])
    ours_NC, peers_NC = (np.array([table[seq] for seq in frames]) for table in (reference.ours, reference.peers))
    max_dp = float(np.abs(got_NC - (ours_NC if is_ours else peers_NC)).max())
    flips_NC = (got_NC >= reference.thresholds_C) != (ours_NC >= reference.thresholds_C)
    return Agreement(
        max_dp=max_dp,
        holds=max_dp <= ROUNDING,
        max_dp_ours=float(np.abs(got_NC - ours_NC).max()),
        mean_dp_ours=float(np.abs(got_NC - ours_NC).mean()),
        flips=int(flips_NC.sum()),
        decisions=flips_NC.size,
        same_top=float((got_NC.argmax(axis=1) == ours_NC.argmax(axis=1)).mean()),
    )
