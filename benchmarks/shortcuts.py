"""Does a model look at the pipe, or at something that only goes along with the label? Test frames with parts of the picture taken away.

    python -m benchmarks.shortcuts DATA [--split Test] [--num 2000] [--bundle B] [--trust KEY.pub]

What should cost little: blurring the bands where text stands, cropping the borders. What should cost nearly everything: keeping only the
borders, or only the colours. A class that stays good there is recognised by a shortcut.
"""

# N frames, C classes, H W pixels

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.metrics import SewerMetrics, sewer_metrics
from edge_sdk.contract.preprocess import prepare
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import EdgeSdkError, InputError
from edge_sdk.inspector import session_from_bundle
from edge_sdk.runtime import Session
from trainer.data.sewer_ml import Split, read_split
from trainer.errors import TrainerError

Image = NDArray[np.uint8]

BAND, BORDER, RIM = 0.15, 0.10, 0.12  # shares of the side
TEXT_BLUR_PX = 51  # Sewer-ML blurs on-screen text with this radius


def text_blurred(image_HWC: Image) -> Image:
    """The bands at top and bottom, where on-screen text stands, blurred away."""
    rows = round(BAND * image_HWC.shape[0])
    blurred = cv2.blur(cv2.blur(image_HWC, (TEXT_BLUR_PX, TEXT_BLUR_PX)), (TEXT_BLUR_PX, TEXT_BLUR_PX))
    image = image_HWC.copy()
    image[:rows], image[-rows:] = blurred[:rows], blurred[-rows:]
    return image


def borders_cropped(image_HWC: Image) -> Image:
    """Without a tenth of the picture on every side."""
    rows, columns = (round(BORDER * side) for side in image_HWC.shape[:2])
    return np.ascontiguousarray(image_HWC[rows:-rows, columns:-columns])


def grey(image_HWC: Image) -> Image:
    """Without colour."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image_HWC, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def only_borders(image_HWC: Image) -> Image:
    """Everything inside the borders replaced by the mean colour: text, frame and corners remain."""
    rows, columns = (round(RIM * side) for side in image_HWC.shape[:2])
    image = image_HWC.copy()
    image[rows:-rows, columns:-columns] = image_HWC.mean(axis=(0, 1)).astype(np.uint8)
    return image


def only_colours(image_HWC: Image) -> Image:
    """Reduced to four by four patches: light and colour remain, no shape."""
    small = cv2.resize(image_HWC, (4, 4), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image_HWC.shape[1::-1], interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


ABLATIONS: dict[str, Callable[[Image], Image]] = {
    "as it is": lambda image: image,
    "text blurred": text_blurred,
    "borders cropped": borders_cropped,
    "grey": grey,
    "only borders": only_borders,
    "only colours": only_colours,
}


def ablate(bundle: Bundle, split: Split, num: int) -> dict[str, SewerMetrics]:
    """The contract's metric on the first `num` frames of a split, per ablation."""
    graph = bundle.manifest.graphs[0]
    session = session_from_bundle(bundle, graph)
    logits: dict[str, list[NDArray[np.float32]]] = {name: [] for name in ABLATIONS}
    for index in range(min(num, len(split))):
        path = split.path(index)
        image_HWC = image_from_bytes(path.read_bytes())
        if image_HWC is None:
            raise InputError(f"{path}: not a picture")
        for name, change in ABLATIONS.items():
            logits[name].append(_logits(session, bundle, change(image_HWC)))
    session.close()
    targets_NC = split.targets_NC[:num]
    threshold_C = np.array(graph.thresholds)
    return {
        name: sewer_metrics(scores_from_logits(np.concatenate(rows), graph.temperature), targets_NC, taxonomy().ciw, threshold=threshold_C)
        for name, rows in logits.items()
    }


def _logits(session: Session, bundle: Bundle, image_HWC: Image) -> NDArray[np.float32]:
    return session.run(prepare(image_HWC, bundle.manifest.preprocess)[np.newaxis]).logits_NC


def report(title: str, metrics: dict[str, SewerMetrics]) -> str:
    """F2 per class and ablation, as text."""
    plain = metrics["as it is"]
    rows = [("F2_CIW", [m.f2_ciw for m in metrics.values()]), ("F1_Normal", [m.f1_normal for m in metrics.values()])]
    rows += [(f"{code} n={plain.num_positive_C[c]}", [m.f2_C[c] for m in metrics.values()]) for c, code in enumerate(taxonomy().codes)]
    head = " " * 12 + "".join(f"{name:>17}" for name in metrics)
    return "\n".join([title, head, *(f"{name:12}" + "".join(f"{100 * v:15.1f} %" for v in values) for name, values in rows)])


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shortcuts", description="A bundle on test frames with parts taken away.")
    parser.add_argument("data", type=Path, help="folder in Sewer-ML's layout")
    parser.add_argument("--split", default="Test")
    parser.add_argument("--num", type=int, default=2000, help="frames (2000)")
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub")
    arguments = parser.parse_args(argv)
    try:
        split = read_split(arguments.data, arguments.split)
        bundle = Bundle.open(arguments.bundle, trust=arguments.trust)
        title = f"{bundle.identity} on {min(arguments.num, len(split))} frames of {arguments.data.name}/{arguments.split}"
        print(report(title, ablate(bundle, split, arguments.num)))
    except (EdgeSdkError, TrainerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
