import numpy as np
import onnx
import pytest

from tests.trainer.export.small_models import pictures, source, validation, with_outlier
from trainer.export import sensitivity
from trainer.export.calibration import activation_ranges
from trainer.export.int8 import Flavour, flavour_of
from trainer.export.quantize_layers import layers_of
from trainer.export.quantize_record import LayerSensitivity
from trainer.export.quantize_scores import Validation, difference, logits_of
from trainer.export.sensitivity import sensitivities, text_from_sensitivities


@pytest.fixture(scope="module")
def planted() -> tuple[onnx.ModelProto, str, Flavour, Validation]:
    graph, layer = with_outlier(source("resnet"), 1000.0)
    return graph, layer, flavour_of("int8-trt", graph), validation(graph, 24)


def test_planted_layer_is_the_most_sensitive_by_far(planted: tuple[onnx.ModelProto, str, Flavour, Validation]) -> None:
    graph, layer, flavour, truth = planted
    ranges = activation_ranges(graph, pictures(12), method="minmax", op_types=flavour.op_types, symmetric=True)
    layers = layers_of(graph.graph).body
    done = []

    table = sensitivities(graph, flavour, ranges, layers, truth, lambda *counts: done.append(counts))

    assert table[0].name == layer
    assert table[0].mean_abs_dp > 3 * table[1].mean_abs_dp > 0
    assert {row.name for row in table} == set(layers)
    assert [row.mean_abs_dp for row in table] == sorted((row.mean_abs_dp for row in table), reverse=True)
    assert done == [(number, len(layers)) for number in range(1, len(layers) + 1)]


def test_figures_are_of_the_graph_with_that_layer_alone(planted: tuple[onnx.ModelProto, str, Flavour, Validation]) -> None:
    graph, layer, flavour, truth = planted
    ranges = activation_ranges(graph, pictures(12), method="minmax", op_types=flavour.op_types, symmetric=True)

    (row,) = sensitivities(graph, flavour, ranges, [layer], truth)

    alone = sensitivity.int8_only(graph, flavour, ranges, layer)
    found = difference(logits_of(alone, truth.images_NHWC, precision="int8-trt", threads=1), truth, "int8-trt")
    assert row == LayerSensitivity(layer, found.max_abs_dp, found.mean_abs_dp, found.lost)
    assert found.f2_before == pytest.approx(100 * np.average(truth.targets_NC.any(axis=0), weights=_ciw()))


def test_table_reads_from_the_top() -> None:
    text = text_from_sensitivities([LayerSensitivity("conv2", 0.25, 0.0125, 1.5), LayerSensitivity("c", 0.1, 0.001, -0.25)])

    assert text.splitlines() == [
        "layer  max|dp|   mean|dp|  F2_CIW lost",
        "conv2  0.25000  0.012500  +1.50",
        "c      0.10000  0.001000  -0.25",
    ]


def _ciw() -> np.ndarray:
    from edge_sdk.contract.taxonomy import taxonomy

    return taxonomy().ciw
