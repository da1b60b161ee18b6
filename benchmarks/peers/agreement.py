"""Whether all ways say the same of the same frames: a quicker way that says something else is no peer.

Peers decode and resize otherwise than we do, so there are two references, both computed here on the same graph: the network's image as
this SDK makes it, and as peers make it. A peer must agree with the second up to rounding; what lies between the two is the resize's
doing, and said in decisions.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.runners.task import Task
from edge_sdk.bundle import Bundle
from edge_sdk.camera import FilmSource, Frame
from edge_sdk.camera.film_decoder import DecoderChoice
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.manifest import Graph
from edge_sdk.frame_inference import prepared_image
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
    ways: tuple[tuple[DecoderChoice, dict[int, NDArray[np.float64]], Callable[[Frame], NDArray[np.uint8]]], ...] = (
        ("auto", ours, lambda frame: prepared_image(frame, bundle.manifest.preprocess)[np.newaxis]),
        ("opencv", peers, lambda frame: task.network_image(np.asarray(frame.stored))),
    )
    for decoder, scores, network_image in ways:
        with FilmSource(film, decoder=decoder) as source:
            for frame in islice(source.frames(), task.num_frames):
                if frame.seq in wanted and frame.stored is not None:
                    scores[frame.seq] = scores_from_logits(session.run(network_image(frame)).logits_NC[0], graph.temperature)
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
