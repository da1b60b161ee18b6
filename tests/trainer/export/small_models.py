"""Real networks, cut short, and pictures for the tests of precision conversion. What is returned is shared: copy before changing it."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.manifest import Graph, LabelRule, Parity, Training, class_list_ref
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from tests.trainer.folders import DATASET, random_targets, write_split
from trainer.export.onnx import onnx_from_model
from trainer.export.quantize_scores import Validation, logits_of
from trainer.export.quantize_source import float_source
from trainer.export.record import MODEL, ExportRecord, write_record
from trainer.models import DefectClassifier

SPEC = PreprocessSpec(height=64, width=64)
C = len(taxonomy())
GAIN = 8


@cache
def exported(kind: str) -> onnx.ModelProto:
    """`resnet`: stem and two of four stages; `vit`: two of twelve blocks. Random weights, every class's logits spread by 2."""
    torch.manual_seed(0)
    if kind == "resnet":
        model = DefectClassifier("resnet18", SPEC)
        model.backbone.layer3, model.backbone.layer4 = nn.Identity(), nn.Identity()
        model.classifier = nn.Linear(128, C)
    else:
        model = DefectClassifier("vit_tiny_patch16_224", SPEC)
        model.backbone.blocks = model.backbone.blocks[:2]
        for name, weight in model.backbone.named_parameters():
            if weight.ndim > 1 and "blocks" in name:
                weight.data.mul_(3)  # attention that attends
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point() and tensor.ndim == 1 and len(tensor) > 3:
                tensor.add_(0.05 * torch.rand_like(tensor))
        model.eval()
        logits_NC = model(torch.from_numpy(pictures(32))).logits_NC
        gain_C = 2 / logits_NC.std(dim=0)
        model.classifier.bias.sub_(logits_NC.mean(dim=0)).mul_(gain_C)
        model.classifier.weight.mul_(gain_C[:, None])
    return onnx_from_model(model, SPEC)


@cache
def source(kind: str) -> onnx.ModelProto:
    """The folded graph."""
    return float_source(exported(kind), SPEC, kind)


@cache
def pictures(num: int, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth random colours (num, 64, 64, 3): unlike noise, every picture has another mean in every place."""
    coarse = np.random.default_rng(seed).integers(0, 256, (num, 4, 4, 3), dtype=np.uint8)
    return np.stack([cv2.resize(image, (SPEC.width, SPEC.height), interpolation=cv2.INTER_CUBIC) for image in coarse])


def validation(graph: onnx.ModelProto, num: int = 40) -> Validation:
    """Pictures labelled by what the graph itself decides, its thresholds in the widest gap of each class's scores."""
    images_NHWC = pictures(num, seed=1)
    logits_NC = logits_of(graph, images_NHWC, precision="fp32", threads=1)
    scores_NC = scores_from_logits(logits_NC)
    ranked_NC = np.sort(scores_NC, axis=0)[3:-3]
    widest_C = np.diff(ranked_NC, axis=0).argmax(axis=0)
    thresholds_C = np.array([ranked_NC[g : g + 2, c].mean() for c, g in enumerate(widest_C)])
    targets_NC = (scores_NC >= thresholds_C).astype(np.uint8)
    return Validation(images_NHWC, targets_NC, thresholds_C, logits_NC, "pictures", "Val", 1)


def with_outlier(graph: onnx.ModelProto, factor: float) -> tuple[onnx.ModelProto, str]:
    """A ResNet with one channel between two convolutions `factor` times as large, which the second takes back; names the second one.

    ReLU lets a positive factor through, so float32 does not notice. But the range of the second convolution's input is that channel's
    alone, and its results, made to weigh more than the residual they are added to, are lost in int8.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    convolutions = [node for node in changed.graph.node if node.op_type == "Conv"]
    first, second = convolutions[1], convolutions[2]
    tensors = {tensor.name: tensor for tensor in changed.graph.initializer}
    for name, index, scale in (
        (first.input[1], np.s_[0], factor),
        (first.input[2], np.s_[0], factor),
        (second.input[1], np.s_[:, 0], 1 / factor),
        (second.input[1], np.s_[:], GAIN),
    ):
        values = numpy_helper.to_array(tensors[name]).copy()
        values[index] *= scale
        tensors[name].CopyFrom(numpy_helper.from_array(values, name))
    return changed, second.name


def export_folder(folder: Path, kind: str = "resnet", *, graph: onnx.ModelProto | None = None, num: int = 24) -> Path:
    """An export folder of a small model with its data beside it: pictures labelled by what the model decides."""
    data = folder / "data"
    graph = exported(kind) if graph is None else graph
    truth = validation(graph, num)
    for split, targets_NC, images_NHWC in (("Train", random_targets(num), pictures(num)), ("Val", truth.targets_NC, truth.images_NHWC)):
        write_split(data, split, targets_NC)
        for number, image_HWC in enumerate(images_NHWC, start=1):
            cv2.imwrite(str(data / split / f"{number:08d}.png"), image_HWC[..., ::-1])
    (data / "DATASET.yaml").write_text(DATASET)
    out = folder / "export"
    out.mkdir()
    (out / MODEL).write_bytes(graph.SerializeToString())
    write_record(out, _record(tuple(truth.thresholds_C.tolist()), data))
    return out


def _record(thresholds: tuple[float, ...], data: Path) -> ExportRecord:
    return ExportRecord(
        name="small",
        classes=class_list_ref(),
        preprocess=SPEC,
        label_rule=LabelRule(1.0, 0.3),
        graph=Graph("fp32", MODEL, "float32", 1.0, thresholds, "tuned-on-validation"),
        training=Training("resnet18", "finetune", "random", "other", "0" * 64, "none", 24, "none"),
        generator=None,
        checkpoint_step=1,
        evaluation=(),
        evaluation_tuned=(),
        parity=Parity("fp32", "torch float32", 1, 0.0, 0.0, 0),
        model_bytes=1,
        data_root=str(data),
    )
