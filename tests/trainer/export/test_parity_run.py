"""The gate on real graphs, from the command line."""

import csv
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import torch
from onnx import helper

import tiny
from edge_sdk.contract.manifest import Parity, class_list_ref
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import ContractError, InferenceError
from edge_sdk.runtime.links import LINKS
from tests.trainer.export.painted_export import add_graph, colour_graph, painted_data, painted_export, perturbed, quantised, write_painted
from trainer.checkpoint import Contract, save_checkpoint
from trainer.cli import main
from trainer.config import config_from_tree
from trainer.data.training import read_data
from trainer.errors import ExportError
from trainer.export.parity_record import ParityRecord, read_parity
from trainer.export.parity_run import measure_parity
from trainer.export.parity_runners import torch_runner
from trainer.models import DefectClassifier


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with a true int8 graph and an fp16 that is the fp32 graph again."""
    home = tmp_path_factory.mktemp("made")
    folder = painted_export(home / "export", painted_data(home / "data"))
    add_graph(folder, "fp16", colour_graph())
    add_graph(folder, "int8-x86", quantised(colour_graph(), home))
    return folder


@pytest.fixture
def export(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "export"))


def measured(export: Path, **options: object) -> ParityRecord:
    return measure_parity(export, threads=1, num_resamples=20, **options)  # type: ignore[arg-type]


def parity_read(export: Path, precision: str) -> Parity:
    """What was written of a precision."""
    record = read_parity(export)
    assert record is not None
    row = record.row(precision)
    assert row is not None and row.parity is not None
    return row.parity


def error_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one error line of a command that must fail."""
    assert main(["parity", *words, "--threads", "1"]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


def test_an_identical_graph_flips_nothing_and_passes_and_int8_is_close(export: Path) -> None:
    record = measured(export)

    same, int8 = record.row("fp16"), record.row("int8-x86")
    assert record.reference == "onnx fp32" and record.broken == ()
    assert "does not say where its checkpoint lies" in record.remarks[0]
    assert same is not None and same.parity is not None and int8 is not None and int8.parity is not None
    assert (same.parity.decision_flips, same.parity.max_abs_dp, same.parity.passed) == (0, 0.0, True)
    assert 0 < int8.parity.max_abs_dp < 0.1
    assert int8.parity.num_images == record.num_images == 150
    assert int8.f2_ciw is not None and int8.f2_ciw > 0.05
    assert read_parity(export) == record


def test_planted_loss_in_a_quantised_graph_breaks_the_gate_with_exit_code_1(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (export / "model.int8-x86.onnx").read_bytes()
    add_graph(export, "int8-x86", perturbed(whole, share=0.7))

    line = error_of(capsys, str(export))

    parity = parity_read(export, "int8-x86")
    lost = -100 * (parity.delta_f2_ciw or 0.0)
    assert lost > 0.5 and parity.passed is False
    assert f"onnx int8-x86 loses {lost:.2f} points of F2_CIW at the frozen thresholds, 0.5 allowed" in line
    assert "fp16" not in line

    assert main(["parity", str(export), "--threads", "1", "--bound", "100", "--bound-tuned", "100"]) == 0


def test_a_graph_that_returns_nan_breaks_the_gate_and_the_others_are_still_measured(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_graph(export, "fp16", colour_graph(bias=float("nan")))

    line = error_of(capsys, str(export))

    assert "onnx fp16 fails: the model returned NaN" in line
    assert parity_read(export, "int8-x86").passed


def test_all_three_files_say_the_same_and_unmeasured_rows_say_why(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parity", str(export), "--threads", "1", "--num", "40"]) == 0

    text = capsys.readouterr().out
    record = read_parity(export)
    assert record is not None and record.num_images == 40 and "at most 40 images" in text
    with (export / "parity.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    int8 = record.row("int8-x86")
    assert int8 is not None and int8.f2_ciw is not None
    assert float(rows["onnx int8-x86"]["f2_ciw"]) == int8.f2_ciw
    assert float(rows["onnx int8-x86"]["f2_RB"]) == int8.f2_C[taxonomy().codes.index("RB")]
    assert f"{100 * int8.f2_ciw:.2f}" in text and f"{100 * int8.f2_ciw:.2f}" in (export / "parity.md").read_text()
    tensorrt = next(row for row in record.rows if row.name == "tensorrt fp32")
    if tensorrt.not_measured is not None:
        assert tensorrt.f2_ciw is None and f"tensorrt fp32: not measured, {tensorrt.not_measured}" in text


@pytest.mark.skipif(LINKS["openvino"].missing() is not None, reason="OpenVINO is optional, and for x86 processors")
def test_graphs_are_measured_on_openvino_too_and_held_against_the_same(export: Path) -> None:
    record = measured(export)

    for precision in ("fp32", "fp16", "int8-x86"):
        row, onnx = record.row(precision, on="openvino"), record.row(precision)
        assert row is not None and row.parity is not None and onnx is not None and row.sha256 == onnx.sha256
        assert row.parity.provider is not None and row.parity.provider.startswith("OpenVINO ") and row.parity.max_abs_dp < 0.1
    fp32 = record.row("fp32", on="openvino")
    assert fp32 is not None and fp32.parity is not None and fp32.parity.max_abs_dp < 1e-4
    assert record.row("int8-trt", on="openvino") is None


def test_where_openvino_is_not_its_rows_say_so(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)

    row = measured(export).row("fp32", on="openvino")

    assert row is not None and row.parity is None and "openvino" in str(row.not_measured).lower()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A network as it begins, in a checkpoint that says where its data lie."""
    painted_data(tmp_path / "data")
    write_painted(tmp_path / "data", "Train", num=12, seed=2)
    tree = {"name": "begun", "data": {"root": str(tmp_path / "data")}, "preprocess": {"height": 32, "width": 32}, "loop": {"batch_size": 4}}
    config = config_from_tree(tree, "test")
    data = read_data(config)
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two would wait for each other where cores are shared
    contract = Contract(
        config=msgspec.to_builtins(config), classes=class_list_ref(), provenance=data.provenance, data_digest=data.digest,
        num_images=len(data.train), git_revision="none", step=1, best_f2_ciw=0.0, metrics={},
    )  # fmt: skip
    path = tmp_path / "runs" / "begun" / "checkpoints" / "step-1"
    save_checkpoint(path, contract=contract, weights=DefectClassifier("resnet18", config.preprocess).state_dict(), state={})
    return path


def test_torch_is_the_reference_while_its_checkpoint_is_there(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = tmp_path / "export"
    assert main(["export", str(checkpoint), "--out", str(export), "--threads", "1"]) == 0
    record = measured(export, split="Val")
    fp32 = record.row("fp32")
    assert record.reference == "torch fp32" and fp32 is not None and fp32.parity is not None
    assert (fp32.parity.decision_flips, fp32.parity.passed, fp32.parity.reference) == (0, True, "torch float32")

    other = json.loads((checkpoint / "contract.json").read_text()) | {"step": 2}
    (checkpoint / "contract.json").write_text(json.dumps(other))
    assert "at step 2, but resnet18 of run begun at step 1 was exported" in error_of(
        capsys, str(export), "--split", "Val", "--checkpoint", str(checkpoint)
    )
    moved_on = measured(export, split="Val", num=20)
    (checkpoint / "contract.json").write_text(json.dumps(other | {"step": 1, "config": {**other["config"], "name": "another"}}))
    assert "of run another at step 1" in error_of(capsys, str(export), "--split", "Val", "--checkpoint", str(checkpoint))
    assert moved_on.reference == "onnx fp32" and "no longer what was exported" in moved_on.remarks[0]

    shutil.rmtree(checkpoint)
    gone = measured(export, split="Val", num=20)
    assert gone.reference == "onnx fp32" and "is gone; give --checkpoint" in gone.remarks[0]
    assert "no checkpoint" in error_of(capsys, str(export), "--split", "Val", "--checkpoint", str(checkpoint))


def changed(graph: bytes, *, opset: int = 17, domain: str = "", external: bool = False, inner: bool = False) -> bytes:
    """`inner` puts the foreign operator into a branch, or the weight outside the file into a constant."""
    model = onnx.load_from_string(graph)
    model.opset_import[0].version = opset
    if inner:
        branch = helper.make_graph([helper.make_node("Gelu", ["image"], ["y"], domain=domain)], "branch", [], [])
        constant = onnx.numpy_helper.from_array(np.zeros(1, np.float32))
        constant.data_location = onnx.TensorProto.EXTERNAL if external else onnx.TensorProto.DEFAULT
        model.graph.node.append(helper.make_node("Constant", [], ["c"], value=constant))
        model.graph.node.append(helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch))
        return model.SerializeToString()
    if domain:
        model.graph.node[0].domain = domain
        model.opset_import.append(helper.make_opsetid(domain, 1))
    if external:
        model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (lambda: changed(colour_graph(), opset=18), "opset"),
        (lambda: changed(colour_graph(), domain="com.microsoft"), "operators of com.microsoft"),
        (lambda: changed(colour_graph(), external=True), "single files only"),
        (lambda: changed(colour_graph(), domain="com.microsoft", inner=True), "operators of com.microsoft"),
        (lambda: changed(colour_graph(), external=True, inner=True), "single files only"),
        (lambda: b"no onnx", "not an ONNX file"),
        (lambda: tiny.tiny_graph(names=("scores", "maps")), "interface"),
        (lambda: tiny.tiny_graph(metadata={}), "graph interface None"),
    ],
)  # fmt: skip
def test_a_graph_that_breaks_the_contract_is_one_line_and_nothing_is_written(
    export: Path, capsys: pytest.CaptureFixture[str], graph: object, words: str
) -> None:
    before = sorted(item.name for item in export.iterdir())
    (export / "model.fp16.onnx").write_bytes(graph())  # type: ignore[operator]

    assert words in error_of(capsys, str(export))
    assert sorted(item.name for item in export.iterdir()) == before


def test_missing_data_and_folders_are_one_line_each(export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such folder" in error_of(capsys, str(export), "--data", str(tmp_path / "absent"))
    (tmp_path / "empty").mkdir()
    assert "DATASET.yaml" in error_of(capsys, str(export), "--data", str(tmp_path / "empty"))
    assert "SewerML_Train.csv" in error_of(capsys, str(export), "--split", "Train")
    assert "no export" in error_of(capsys, str(tmp_path))
    stated = painted_export(tmp_path / "stated", None)
    assert "give --data" in error_of(capsys, str(stated))
    (export / "model.onnx").unlink()
    assert "model.onnx: No such file" in error_of(capsys, str(export))


def test_an_export_for_another_class_list_is_refused(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = export / "export.json"
    digest = taxonomy().digest
    path.write_text(path.read_text().replace(digest, digest[::-1]))

    assert "exported for class list" in error_of(capsys, str(export))


def test_bounds_that_are_no_points_are_usage_errors(export: Path) -> None:
    for words in (("--bound", "-1"), ("--bound", "much"), ("--num", "0")):
        with pytest.raises(SystemExit) as caught:
            main(["parity", str(export), *words])
        assert caught.value.code == 2


def test_errors_are_ours_when_called_from_python(export: Path) -> None:
    (export / "model.fp16.onnx").write_bytes(tiny.tiny_graph(metadata={}))

    with pytest.raises((ExportError, ContractError), match="fp16"):
        measured(export)


def test_latency_is_measured_for_each_graph_in_its_own_process(export: Path) -> None:
    from trainer.export.latency import measured_latency

    graphs = {"onnx fp32": colour_graph(), "onnx int8-x86": (export / "model.int8-x86.onnx").read_bytes()}

    found = measured_latency(graphs, (64, 64), threads=(1,), rounds=2, runs=3)

    assert set(found) == set(graphs)
    for (latency,) in found.values():
        assert (latency.threads, latency.num_runs) == (1, 6)
        assert np.isfinite(latency.p50_ms) and latency.p50_ms > 0


def test_an_interrupt_meant_for_the_parent_does_not_end_a_child_that_measures() -> None:
    from trainer.export.latency import _Child

    with _Child(colour_graph(), (64, 64), 1) as child:
        child.run(1)
        os.kill(child._process.pid, signal.SIGINT)
        assert len(child.run(2)) == 2


def test_a_torch_model_that_returns_nan_is_no_reference() -> None:
    """NaN is below every threshold: against it, each graph would gain."""
    torch.manual_seed(0)
    model = DefectClassifier("resnet18", tiny.SPEC).eval()
    next(model.parameters()).data.fill_(float("nan"))

    with pytest.raises(InferenceError, match="NaN"):
        torch_runner(model).run(np.zeros((1, 64, 64, 3), np.uint8))
