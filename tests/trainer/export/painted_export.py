"""An export folder of the colour model of `tiny`, with images whose colours are faint enough for decisions to be close."""

import csv
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import tiny
from edge_sdk.contract.golden import GoldenFrame, GoldenSet
from edge_sdk.contract.interface import METADATA_PREPROCESS
from edge_sdk.contract.manifest import ClassFigures, Evaluation, Graph, LabelRule, Parity, Precision, Training, class_list_ref
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.runtime.onnx import OnnxSession
from trainer.export.golden import golden_with, json_from_golden
from trainer.export.graphs import graph_name
from trainer.export.parity_record import sha256_of
from trainer.export.quantize_record import CalibrationImages, Cost, QuantisationRecord, json_from_quantisation, record_name
from trainer.export.record import ExportRecord, write_record

DATASET = "name: painted\nkind: other\nlicence: none\nlook_ahead_m: 1.0\nlook_behind_m: 0.3\n"
NUM = 150
PAINTED = ("RB", "RO", "IN")


def write_painted(root: Path, split: str, *, num: int = NUM, seed: int = 0) -> None:
    """Grey pictures with a stain of more or less red, green or blue; the label leans on how much."""
    rng, codes = np.random.default_rng(seed), taxonomy().codes
    (root / split).mkdir(parents=True)
    rows = []
    for number in range(num):
        image_HWC, strength_3 = np.full((64, 64, 3), 60, np.uint8), rng.random(3)
        for channel, strength in enumerate(strength_3):
            image_HWC[:, 20 * channel + 2 : 20 * channel + 18, channel] = 60 + int(195 * strength)
        present = dict(zip(PAINTED, strength_3 + 0.1 * rng.standard_normal(3) > 0.6, strict=True))
        cv2.imwrite(str(root / split / f"{number:04d}.png"), image_HWC[..., ::-1])
        labels = [int(present.get(code, False)) for code in codes]
        rows.append([f"{number:04d}.png", *labels])
    with (root / f"SewerML_{split}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["Filename", *codes], *rows])


def painted_data(root: Path) -> Path:
    """Val and Test, with a DATASET.yaml."""
    for seed, split in enumerate(("Val", "Test")):
        write_painted(root, split, seed=seed)
    (root / "DATASET.yaml").write_text(DATASET)
    return root


def colour_graph(**options: float) -> bytes:
    """The colour model with the metadata an export writes."""
    model = onnx.load_from_string(tiny.tiny_graph(**options))  # type: ignore[arg-type]
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_PREPROCESS, msgspec.json.encode(tiny.SPEC).decode()
    return model.SerializeToString()


def quantised(graph: bytes, folder: Path) -> bytes:
    """The graph with its convolution in int8, calibrated on painted images."""
    images = iter([{"image": np.stack([tiny.painted(colour, height=64, width=64)])} for colour in (tiny.RED, tiny.GREEN, tiny.BLUE)])

    class Painted(CalibrationDataReader):
        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            return next(images, None)

    quantize_static(
        onnx.load_from_string(graph), folder / "q.onnx", Painted(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"],
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    model = onnx.load(folder / "q.onnx")
    (folder / "q.onnx").unlink()
    source = onnx.load_from_string(graph)
    del model.metadata_props[:], model.opset_import[:]
    model.metadata_props.extend(source.metadata_props)
    model.opset_import.extend(source.opset_import)
    return model.SerializeToString()


def add_graph(folder: Path, precision: Precision, graph: bytes) -> None:
    """A graph with the record `quantize` would leave."""
    (folder / graph_name(precision)).write_bytes(graph)
    images = CalibrationImages("painted", "Val", 3, 0, "c" * 64) if precision.startswith("int8") else None
    record = QuantisationRecord(
        precision=precision,
        file=graph_name(precision),
        sha256=sha256_of(graph),
        source_sha256=sha256_of((folder / "model.onnx").read_bytes()),
        method="min-max",
        op_types=("Conv",),
        made_with="test",
        calibration=images,
        quantised=(),
        kept=(),
        cost=Cost(
            data_name="painted", split="Val", num_images=3, f2_ciw_before=0.0, f2_ciw_after=0.0, max_drop=0.5, max_abs_dp=0.0,
            mean_abs_dp=0.0, decision_flips=0,
        ),
    )  # fmt: skip
    (folder / record_name(precision)).write_bytes(json_from_quantisation(record))


def painted_export(folder: Path, data_root: Path | None) -> Path:
    """An export folder with the fp32 graph alone."""
    folder.mkdir(parents=True)
    graph = colour_graph()
    (folder / "model.onnx").write_bytes(graph)
    pictures = {}
    for number, colour in enumerate((tiny.RED, tiny.GREEN, tiny.BLUE, tiny.GREY)):
        name = f"golden-{number:02d}.png"
        pictures[name] = cv2.imencode(".png", tiny.painted(colour)[..., ::-1])[1].tobytes()
        (folder / name).write_bytes(pictures[name])
    empty = GoldenSet({}, tuple(GoldenFrame(name, {}) for name in pictures))
    session = OnnxSession(graph, threads=1)
    (folder / "golden.json").write_bytes(json_from_golden(golden_with(empty, pictures.__getitem__, session, tiny.SPEC)))
    session.close()
    classes = tuple(ClassFigures(code, 0, 0.0, 0.0, 0.0, 0.0) for code in taxonomy().codes)
    evaluation = Evaluation("painted", "Val", "protocol-0.5", NUM, "fp32", 0.1, 0.1, classes)
    record = ExportRecord(
        name="colour",
        classes=class_list_ref(),
        preprocess=tiny.SPEC,
        label_rule=LabelRule(1.0, 0.3),
        graph=Graph("fp32", "model.onnx", "float32", 1.0, (0.5,) * len(taxonomy()), "protocol-0.5"),
        training=Training("colour", "none", "painted", "other", "0" * 64, "none", 0, "none"),
        generator=None,
        checkpoint_step=0,
        evaluation=(evaluation,),
        evaluation_tuned=(),
        parity=Parity("fp32", "torch float32", 1, 0.0, 0.0, 0),
        model_bytes=len(graph),
        data_root=str(data_root) if data_root else None,
    )
    write_record(folder, record)
    return folder


def perturbed(graph: bytes, *, share: float) -> bytes:
    """A quantised graph whose int8 weights are scaled, as a wrong scale would."""
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4:
            weights = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array((weights * share).astype(np.int8), tensor.name))
    return model.SerializeToString()
