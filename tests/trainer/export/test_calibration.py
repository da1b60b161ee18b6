import hashlib
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.trainer.export.small_models import SPEC, pictures, source
from tests.trainer.folders import random_targets, write_split
from trainer.data.sewer_ml import Split, read_split
from trainer.errors import DataError, ExportError
from trainer.export.calibration import METHODS, activation_ranges, calibration_images, spread_rows
from trainer.export.quantize_layers import LINEAR, layers_of


@pytest.fixture
def split(tmp_path: Path) -> Split:
    write_split(tmp_path, "Train", random_targets(20))
    return read_split(tmp_path, "Train")


def test_images_are_those_the_robot_would_prepare_named_by_their_digest(split: Split) -> None:
    images_NHWC, record = calibration_images(split, SPEC, data_name="random", num=5)

    assert images_NHWC.shape == (5, 64, 64, 3)
    assert images_NHWC.dtype == np.uint8
    assert (record.data_name, record.split, record.num_images, record.seed) == ("random", "Train", 5, 0)
    assert record.digest == hashlib.sha256(images_NHWC.tobytes()).hexdigest()
    assert (record.in_manifest.split, record.in_manifest.num_images, record.in_manifest.digest) == ("Train", 5, record.digest)


def test_choice_depends_on_the_seed_alone(split: Split) -> None:
    digests = [calibration_images(split, SPEC, data_name="random", num=5, seed=seed)[1].digest for seed in (0, 0, 1)]

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(("num_rows", "num"), [(100, 7), (10, 9), (1000, 512)])
def test_rows_are_one_from_each_stretch_of_the_split(num_rows: int, num: int) -> None:
    rows = spread_rows(num_rows, num, seed=3)

    assert len(set(rows.tolist())) == num
    assert [int(row) * num // num_rows for row in rows] == pytest.approx(list(range(num)), abs=1)
    assert 0 <= rows.min() <= rows.max() < num_rows


def test_split_with_fewer_images_gives_them_all(split: Split) -> None:
    images_NHWC, record = calibration_images(split, SPEC, data_name="random", num=512)

    assert len(images_NHWC) == record.num_images == 20


def test_black_images_are_refused_in_one_line(split: Split) -> None:
    for index in range(len(split)):
        cv2.imwrite(str(split.path(index)), np.zeros((64, 72, 3), np.uint8))

    with pytest.raises(DataError, match="calibration images show nothing") as caught:
        calibration_images(split, SPEC, data_name="random", num=8)

    assert "\n" not in str(caught.value)


def test_picture_that_cannot_be_decoded_is_named(split: Split) -> None:
    split.path(3).write_bytes(b"no picture")

    with pytest.raises(DataError, match=split.path(3).name):
        calibration_images(split, SPEC, data_name="random", num=20)


def test_ranges_cover_the_inputs_of_every_linear_layer() -> None:
    ranges = activation_ranges(source("vit"), pictures(12), method="minmax", op_types=LINEAR, symmetric=False)
    nodes = {node.name: node for node in source("vit").graph.node}

    assert all(nodes[layer].input[0] in ranges.data for layer in layers_of(source("vit").graph).body)


def test_minmax_ranges_are_those_of_the_activations() -> None:
    graph = source("resnet")
    first = next(node for node in graph.graph.node if node.op_type == "Conv").input[0]
    mean, std = 255 * np.array((0.523, 0.453, 0.345)), 255 * np.array((0.210, 0.199, 0.154))
    standardised = (pictures(12) - mean) / std

    low, high = activation_ranges(graph, pictures(12), method="minmax", op_types=LINEAR, symmetric=False).data[first].range_value

    assert np.ravel(low)[0] == pytest.approx(standardised.min(), abs=1e-4)
    assert np.ravel(high)[0] == pytest.approx(standardised.max(), abs=1e-4)


def test_percentiles_and_entropy_cut_outliers_that_minmax_keeps() -> None:
    graph = source("resnet")
    name = [node for node in graph.graph.node if node.op_type == "Conv"][4].input[0]
    images_NHWC = pictures(12)

    width = {
        method: np.ravel(activation_ranges(graph, images_NHWC, method=method, op_types=LINEAR, symmetric=True).data[name].range_value[1])[0]
        for method in METHODS
    }

    assert width["percentile-99.9"] < width["percentile-99.99"] <= width["percentile-99.999"] <= width["minmax"]
    assert width["entropy"] < width["minmax"]


def test_calibration_says_nothing_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    activation_ranges(source("resnet"), pictures(12), method="percentile-99.99", op_types=LINEAR, symmetric=True)

    assert capfd.readouterr().out == ""


def test_calibration_on_a_full_disk_is_one_line() -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(ExportError, match=r"^calibration failed \(.*has room") as caught:
            activation_ranges(source("resnet"), pictures(2), method="minmax", op_types=LINEAR, symmetric=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert "\n" not in str(caught.value)
