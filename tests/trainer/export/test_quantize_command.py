import hashlib
import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.runtime.onnx import OnnxSession
from tests.trainer.export.small_models import SPEC, export_folder, exported, pictures, source, with_outlier
from trainer.cli import main
from trainer.errors import ExportError
from trainer.export.graphs import graph_bytes, graph_name, present
from trainer.export.quantize_layers import layers_of
from trainer.export.quantize_record import json_from_quantisation, read_quantisation, record_name
from trainer.export.record import read_record, write_record
from trainer.export.storage import store_weights

FEW = ["--threads", "1", "--num-calibration", "12", "--max-drop", "20"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export folder with all three precisions."""
    export = export_folder(tmp_path_factory.mktemp("whole"))
    assert main(["quantize", str(export), *FEW]) == 0
    return export


@pytest.fixture(scope="module")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_folder(tmp_path_factory.mktemp("fresh"))


@pytest.fixture
def fresh(_fresh: Path, tmp_path: Path) -> Path:
    """An export folder that a test may change."""
    shutil.copytree(_fresh.parent, tmp_path / "fresh")
    export = tmp_path / "fresh" / "export"
    write_record(export, msgspec.structs.replace(read_record(export), data_root=str(tmp_path / "fresh" / "data")))
    return export


def files(export: Path) -> set[str]:
    return {path.name for path in export.iterdir()}


def error_of(export: Path, capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line of a run that fails and writes nothing."""
    before = files(export)

    assert main(["quantize", str(export), *FEW, *args]) == 1

    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert files(export) == before
    return line


def test_every_precision_lies_beside_the_fp32_graph_and_runs_under_the_contract(whole: Path) -> None:
    assert present(whole) == ("fp32", "fp16", "int8-trt", "int8-x86")
    for precision in present(whole):
        session = OnnxSession(graph_bytes(whole, precision, SPEC), precision=precision, threads=1)
        assert np.isfinite(session.run(pictures(2)).logits_NC).all()
        session.close()
    assert not [name for name in files(whole) if "part" in name]


@pytest.mark.parametrize("precision", ["fp16", "int8-trt", "int8-x86"])
def test_record_says_what_was_made_of_what_and_what_it_cost(whole: Path, precision: str) -> None:
    record = read_quantisation(whole, precision)  # type: ignore[arg-type]

    assert record.precision == precision
    assert record.file == graph_name(record.precision)
    assert record.sha256 == hashlib.sha256((whole / record.file).read_bytes()).hexdigest()
    assert record.source_sha256 == hashlib.sha256((whole / "model.onnx").read_bytes()).hexdigest()
    assert set(record.quantised) == set(layers_of(source("resnet").graph).body)
    assert {node.reason for node in record.kept} >= {"classifier head"}
    assert (record.cost.split, record.cost.num_images, record.cost.data_name, record.cost.max_drop) == ("Val", 24, "random", 20.0)
    with_positives = np.array(taxonomy().ciw) @ _any_positive(whole) / np.sum(taxonomy().ciw)
    assert record.cost.f2_ciw_before == pytest.approx(100 * with_positives)  # the labels are what fp32 decides
    assert record.cost.lost == pytest.approx(record.cost.f2_ciw_before - record.cost.f2_ciw_after)
    assert 0 < record.cost.mean_abs_dp < record.cost.max_abs_dp
    assert record.sensitivity == ()


def test_int8_records_name_their_calibration_images_and_fp16_needs_none(whole: Path) -> None:
    calibrations = [read_quantisation(whole, precision).calibration for precision in ("int8-trt", "int8-x86")]  # type: ignore[arg-type]

    assert calibrations[0] == calibrations[1] is not None
    assert (calibrations[0].split, calibrations[0].num_images) == ("Train", 12)
    assert read_quantisation(whole, "fp16").calibration is None


def test_record_survives_json_and_refuses_what_it_does_not_know(whole: Path) -> None:
    data = (whole / record_name("int8-trt")).read_bytes()
    assert json_from_quantisation(read_quantisation(whole, "int8-trt")) == data

    (whole / record_name("int8-trt")).write_bytes(data.replace(b'"method"', b'"methods"'))
    with pytest.raises(ExportError, match="methods"):
        read_quantisation(whole, "int8-trt")
    (whole / record_name("int8-trt")).write_bytes(data)


def test_planted_sensitive_layer_and_no_other_goes_back_to_float(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted, _ = with_outlier(source("resnet"), 1000.0)
    sensitive = _names(planted)[2]
    export = export_folder(tmp_path, graph=planted)

    args = ["--precision", "int8-trt", "--sensitivity-images", "24", "--method", "minmax", "--max-drop", "5"]
    assert main(["quantize", str(export), *FEW, *args]) == 0

    record = read_quantisation(export, "int8-trt")
    assert [node.name for node in record.kept if node.reason.startswith("sensitive")] == [sensitive]
    assert sensitive not in record.quantised
    assert record.sensitivity[0].name == sensitive
    assert record.num_sensitivity_images == 24
    assert record.cost.lost <= 5.0
    said = capsys.readouterr()
    assert f"returned to float: {sensitive}" in said.out
    assert "each layer alone in int8, 24 images" in said.out


def test_sensitivity_is_measured_on_request(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantize", str(fresh), *FEW, "--precision", "int8-x86", "--sensitivity", "--sensitivity-images", "8"]) == 0

    record = read_quantisation(fresh, "int8-x86")
    assert len(record.sensitivity) == len(record.quantised) == 10
    assert record.num_sensitivity_images == 8
    assert "returned to float: none" in capsys.readouterr().out


def test_fewer_images_than_asked_for_are_all_used_and_it_says_so(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantize", str(fresh), "--threads", "1", "--max-drop", "20", "--precision", "int8-trt"]) == 0

    assert "24 images of Train, all there are of 512 asked for" in capsys.readouterr().err
    calibration = read_quantisation(fresh, "int8-trt").calibration
    assert calibration is not None
    assert calibration.num_images == 24


def test_stored_int8_weights_are_quantised_from_what_they_fold_to(fresh: Path) -> None:
    (fresh / "model.onnx").write_bytes(store_weights(exported("resnet"), "int8").SerializeToString())

    assert main(["quantize", str(fresh), *FEW, "--precision", "int8-x86"]) == 0

    assert read_quantisation(fresh, "int8-x86").cost.lost <= 20.0


def test_vit_goes_through_every_precision(tmp_path: Path) -> None:
    export = export_folder(tmp_path, "vit")

    assert main(["quantize", str(export), *FEW]) == 0

    assert len(present(export)) == 4


def test_bound_that_cannot_be_kept_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted, _ = with_outlier(source("resnet"), 2.0**20)
    export = export_folder(tmp_path, graph=planted)

    line = error_of(export, capsys, "--precision", "fp16")

    assert "float16 holds 65504" in line


def test_empty_split_is_one_line(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv = fresh.parent / "data" / "SewerML_Train.csv"
    csv.write_text(csv.read_text().splitlines()[0] + "\n")

    assert "needs at least one image" in error_of(fresh, capsys, "--precision", "int8-trt")


def test_data_of_another_class_list_are_one_line(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv = fresh.parent / "data" / "SewerML_Val.csv"
    csv.write_text(csv.read_text().replace(",RB,", ",XX,", 1))

    assert "column RB is missing" in error_of(fresh, capsys)


def test_data_that_are_gone_are_one_line(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fresh.parent / "data").rename(fresh.parent / "elsewhere")

    assert "no such folder; --data" in error_of(fresh, capsys)
    assert main(["quantize", str(fresh), *FEW, "--precision", "fp16", "--data", str(fresh.parent / "elsewhere")]) == 0


def test_export_that_does_not_know_its_data_asks_for_them(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_record(fresh, msgspec.structs.replace(read_record(fresh), data_root=None))

    assert "give --data" in error_of(fresh, capsys)


def test_folder_without_an_export_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no export" in error_of(tmp_path, capsys)


def test_graph_that_is_no_onnx_is_one_line(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fresh / "model.onnx").write_bytes(b"\xff no graph")

    assert "not an ONNX file" in error_of(fresh, capsys)


@pytest.mark.parametrize(
    "args",
    [
        ["--precision", "int4"],
        ["--max-drop", "-1"],
        ["--num-calibration", "0"],
        ["--calibration", "Test"],
        ["--seed", "-1"],
        ["--threads", "-1"],
    ],
)
def test_unusable_arguments_are_usage_errors(args: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["quantize", str(tmp_path), *args])

    assert caught.value.code == 2


def _names(graph: onnx.ModelProto) -> list[str]:
    return [node.name for node in graph.graph.node if node.op_type == "Conv"]


def _any_positive(export: Path) -> np.ndarray:
    from trainer.data.sewer_ml import read_split

    return read_split(export.parent / "data", "Val").targets_NC.any(axis=0).astype(float)
