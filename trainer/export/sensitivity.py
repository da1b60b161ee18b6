"""How much each layer suffers from int8: one layer at a time is quantised, all else stays in float.

Ordered by the mean score difference. F2_CIW decides about a graph, but on a few hundred images it moves by single decisions, too coarse
to order layers by.
"""

from collections.abc import Callable, Iterable, Sequence

import onnx
from onnxruntime.quantization.calibrate import TensorsData

from trainer.export.int8 import Flavour, int8_only
from trainer.export.quantize_record import LayerSensitivity
from trainer.export.quantize_scores import Validation, difference, logits_of

Progress = Callable[[int, int], None]


def sensitivities(
    source: onnx.ModelProto,
    flavour: Flavour,
    ranges: TensorsData,
    layers: Sequence[str],
    validation: Validation,
    progress: Progress = lambda done, total: None,
) -> tuple[LayerSensitivity, ...]:
    """Measure layers, most sensitive first.

    Args:
        source: The folded float graph.
        flavour: Form of int8.
        ranges: Of its activations.
        layers: Names of linear layers.
        validation: Images to measure on; the fp32 scores in it are run once, not once a layer.
        progress: Told how many layers of how many are done.
    """
    found = []
    for done, layer in enumerate(layers, start=1):
        graph = int8_only(source, flavour, ranges, layer)
        logits_NC = logits_of(graph, validation.images_NHWC, precision=flavour.precision, threads=validation.threads)
        change = difference(logits_NC, validation, flavour.precision)
        found.append(LayerSensitivity(layer, change.max_abs_dp, change.mean_abs_dp, change.lost))
        progress(done, len(layers))
    return tuple(sorted(found, key=lambda layer: (-layer.mean_abs_dp, layer.name)))


def text_from_sensitivities(layers: Iterable[LayerSensitivity]) -> str:
    """A table, most sensitive first."""
    rows = list(layers)
    width = max([len("layer"), *(len(row.name) for row in rows)])
    lines = [f"{'layer':<{width}}  max|dp|   mean|dp|  F2_CIW lost"]
    lines += [f"{row.name:<{width}}  {row.max_abs_dp:.5f}  {row.mean_abs_dp:.6f}  {row.f2_ciw_lost:+.2f}" for row in rows]
    return "\n".join(lines)
