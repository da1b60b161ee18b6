"""A model of a few hundred bytes with the real interface, for tests that need the whole path but no training.

Its maps are linear in colour: red is RB, green is RO, blue is IN, and every other class stays silent. So a test can paint what a frame
shall show, and knows the score and the place it must get.
"""

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import onnx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge_sdk.bundle import file_entries, write_bundle
from edge_sdk.contract.golden import GoldenFrame, GoldenSet
from edge_sdk.contract.interface import (
    INPUT,
    INTERFACE_VERSION,
    LOGITS,
    MAPS,
    METADATA_CLASSES_DIGEST,
    METADATA_INTERFACE,
    OPSET,
    scores_from_logits,
)
from edge_sdk.contract.manifest import Graph, LabelRule, Manifest, Training, class_list_ref
from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.contract.taxonomy import taxonomy

SPEC = PreprocessSpec(height=64, width=64)
RED, GREEN, BLUE, GREY = (230, 20, 20), (20, 230, 20), (20, 20, 230), (90, 90, 90)
CLASS_OF_COLOUR = {RED: "RB", GREEN: "RO", BLUE: "IN"}
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def tiny_graph(
    *, metadata: dict[str, str] | None = None, gain: float = 12.0, bias: float = -5.0, names: tuple[str, str] = (LOGITS, MAPS)
) -> bytes:
    """ONNX bytes of the colour model; `names` are the two outputs, `metadata` replaces the contract's."""
    codes = taxonomy().codes
    weight = np.zeros((len(codes), 3, 1, 1), np.float32)
    for channel, code in enumerate(("RB", "RO", "IN")):
        weight[codes.index(code), :, 0, 0] = -gain / 2
        weight[codes.index(code), channel, 0, 0] = gain
    nodes = [
        helper.make_node("Cast", [INPUT], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "scale"], ["unit"]),
        helper.make_node("Transpose", ["unit"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["nchw"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["cells", "weight", "bias"], [names[1]]),
        helper.make_node("GlobalMaxPool", [names[1]], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], [names[0]]),
    ]
    constants = {"scale": np.array(255, np.float32), "weight": weight, "bias": np.full(len(codes), bias, np.float32)}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", SPEC.height, SPEC.width, 3])],
        [
            helper.make_tensor_value_info(names[0], TensorProto.FLOAT, ["N", len(codes)]),
            helper.make_tensor_value_info(names[1], TensorProto.FLOAT, ["N", len(codes), 8, 8]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    contract = {METADATA_CLASSES_DIGEST: taxonomy().digest, METADATA_INTERFACE: str(INTERFACE_VERSION)}
    helper.set_model_props(model, contract if metadata is None else metadata)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def tiny_manifest(content: dict[str, bytes], **changes: Any) -> Manifest:
    """A valid manifest for `content`; `changes` replace fields."""
    manifest = Manifest(
        schema_version=1,
        name="tiny",
        version="1.0.0",
        created="2026-01-01",
        interface_version=INTERFACE_VERSION,
        classes=class_list_ref(),
        preprocess=SPEC,
        label_rule=LabelRule(look_ahead_m=0.0, look_behind_m=0.0),
        graphs=(Graph("fp32", "model.onnx", "float32", 1.0, (0.5,) * len(taxonomy()), "protocol-0.5"),),
        training=Training("colour", "none", "painted", "rendered", "0" * 64, "none", 0, "none"),
        evaluation=(),
        parity=(),
        golden="golden.json",
        model_card="card.md",
        files=file_entries(content),
    )
    return msgspec.structs.replace(manifest, **changes)


def tiny_content(**changes: bytes) -> dict[str, bytes]:
    """The files of the tiny bundle, golden scores computed by hand from the colours."""
    model = changes.get("model.onnx", tiny_graph())
    frames, pictures = [], {}
    for i, colour in enumerate((RED, GREEN, BLUE, GREY)):
        image = painted(colour)
        pictures[f"golden-{i}.png"] = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
        frames.append(GoldenFrame(f"golden-{i}.png", {"fp32": tuple(float(s) for s in expected_scores(image))}))
    golden = msgspec.json.encode(GoldenSet({"fp32": 0.01}, tuple(frames)))
    return {"model.onnx": model, "golden.json": golden, "card.md": b"# Painted\n", **pictures, **changes}


def tiny_bundle(path: Path, *, key: Ed25519PrivateKey | None = KEY, content: dict[str, bytes] | None = None, **changes: Any) -> Path:
    """Write the tiny bundle to `path`, signed with `KEY`."""
    content = content or tiny_content()
    write_bundle(path, tiny_manifest(content, **changes), content, key)
    return path


def painted(
    colour: tuple[int, int, int], *, height: int = 96, width: int = 128, box: tuple[int, int, int, int] | None = None
) -> NDArray[np.uint8]:
    """An RGB frame in one colour, or grey with a coloured box (left, top, right, bottom)."""
    image = np.full((height, width, 3), GREY if box else colour, np.uint8)
    if box:
        image[box[1] : box[3], box[0] : box[2]] = colour
    return image


def expected_scores(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What the tiny model must say of a frame, computed without it."""
    codes = taxonomy().codes
    cells = prepare(image, SPEC).reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) / 255
    logits = np.full(len(codes), -5.0)
    for channel, code in enumerate(("RB", "RO", "IN")):
        others = cells.sum(axis=-1) - cells[..., channel]
        logits[codes.index(code)] = (12.0 * cells[..., channel] - 6.0 * others).max() - 5.0
    return scores_from_logits(logits)


def write_film(path: Path, frames: list[NDArray[np.uint8]], *, fps: float = 25.0) -> Path:
    """A film of RGB frames (MPEG-4)."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path
