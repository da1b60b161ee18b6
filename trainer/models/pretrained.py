"""Weights to start from: a run or checkpoint of ours, or the state dict of a timm backbone.

Only tensors are read (safetensors, or torch with `weights_only=True`). A backbone is taken over whole or refused; a ViT's position
embedding is resampled to another input size. What was taken and what was left is reported in one line and in the run's record.
"""

# T tokens, D embedding

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor

from trainer.checkpoint import CONTRACT, MODEL, load_weights, read_contract
from trainer.errors import CheckpointError
from trainer.models.encoder import MODELS, Encoder
from trainer.run_folder import best_checkpoint

BACKBONE, CLASSIFIER, POSITIONS = "backbone.", "classifier.", "pos_embed"
CONTAINERS = ("state_dict", "model")  # keys under which training programs keep a state dict
PREFIXES = ("module.", "backbone.")  # what wrappers put before timm's names
NUM_NAMED = 4  # tensors named in a message


@dataclass(frozen=True)
class PretrainedWeights:
    """Tensors under timm's names, a classifier's under `classifier.`; the backbone and cells where the file says them."""

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    backbone: str | None = None
    cells: tuple[int, int] | None = None


@dataclass(frozen=True)
class LoadReport:
    """What was taken over."""

    source: str
    sha256: str
    num_loaded: int
    resampled: list[str]
    left_out: list[str]

    def __str__(self) -> str:
        more = f", resampled {', '.join(self.resampled)}" if self.resampled else ""
        rest = f", left out {_named(self.left_out)}" if self.left_out else ""
        return f"weights from {self.source}: {self.num_loaded} tensors{more}{rest}"


def read_weights(path: Path) -> PretrainedWeights:
    """Read what `model.weights` names.

    Args:
        path: A run's folder (its best checkpoint), a checkpoint, or a file of tensors.

    Raises:
        CheckpointError: If it is missing, damaged, no state dict, or of another class list.
    """
    return _of_checkpoint(best_checkpoint(path)) if path.is_dir() else _of_file(path)


def load_encoder(encoder: Encoder, weights: PretrainedWeights, *, keep_classifier: bool = False) -> LoadReport:
    """Put weights into an encoder.

    Args:
        encoder: Its backbone is overwritten whole.
        weights: From `read_weights`.
        keep_classifier: Overwrite the classifier as well.

    Raises:
        CheckpointError: If they are another backbone's, or hold no classifier though it is to be kept.
    """
    if weights.backbone not in (None, encoder.name):
        raise CheckpointError(f"{weights.path}: weights of {weights.backbone}, the recipe asks for {encoder.name}; set model.backbone")
    wanted = {name.removeprefix(BACKBONE): tensor for name, tensor in encoder.state_dict().items() if name.startswith(BACKBONE)}
    if keep_classifier:
        wanted |= {name: tensor for name, tensor in encoder.state_dict().items() if name.startswith(CLASSIFIER)}
    given = {name: tensor for name, tensor in weights.tensors.items() if name in wanted}
    resampled = _resample(given, wanted, encoder, weights.cells)
    _check(given, wanted, encoder, weights.path)
    state = {name if name.startswith(CLASSIFIER) else BACKBONE + name: tensor for name, tensor in given.items()}
    encoder.load_state_dict(state, strict=False)
    left_out = sorted(weights.tensors.keys() - wanted.keys())
    return LoadReport(str(weights.path), weights.sha256, len(given), resampled, left_out)


def _of_checkpoint(path: Path) -> PretrainedWeights:
    _, config = read_contract(path)
    cell = MODELS.get(config.model.backbone, 1)
    tensors = {name.removeprefix(BACKBONE): tensor for name, tensor in load_weights(path).items() if not name.startswith("normalise.")}
    return PretrainedWeights(
        path=path,
        sha256=_digest(path / MODEL),
        tensors=tensors,
        backbone=config.model.backbone,
        cells=(config.preprocess.height // cell, config.preprocess.width // cell),
    )


def _of_file(path: Path) -> PretrainedWeights:
    tensors = _tensors(path)
    for prefix in PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return PretrainedWeights(path, _digest(path), tensors)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        content: Any = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[0]
        raise CheckpointError(f"{path}: cannot be read as weights ({reason}); give a run's folder, a .safetensors or a .pth") from error
    for container in CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(container), dict):
            content = content[container]
    if not (isinstance(content, dict) and content and all(isinstance(tensor, Tensor) for tensor in content.values())):
        raise CheckpointError(f"{path}: holds no state dict; give the backbone's tensors under timm's names, or a folder with {CONTRACT}")
    return content


def _resample(given: dict[str, Tensor], wanted: dict[str, Tensor], encoder: Encoder, cells: tuple[int, int] | None) -> list[str]:
    """Bring a position embedding (1, T, D) to the encoder's cells, as timm does it; what does not fit is left to `_check`."""
    if POSITIONS not in given or given[POSITIONS].shape == wanted[POSITIONS].shape or given[POSITIONS].ndim != 3:
        return []
    num_prefix = encoder.backbone.num_prefix_tokens
    num_cells = given[POSITIONS].shape[1] - num_prefix
    height, width = cells or (round(num_cells**0.5),) * 2
    if height * width != num_cells:
        return []
    given[POSITIONS] = resample_abs_pos_embed(given[POSITIONS], list(encoder.cells), [height, width], num_prefix_tokens=num_prefix)
    return [f"{POSITIONS} {height}x{width} -> {encoder.cells[0]}x{encoder.cells[1]}"]


def _check(given: dict[str, Tensor], wanted: dict[str, Tensor], encoder: Encoder, path: Path) -> None:
    missing = [name for name in wanted if name not in given]
    if missing:
        what = "the classifier" if missing[0].startswith(CLASSIFIER) else encoder.name
        raise CheckpointError(f"{path}: not the weights of {what}, {_named(missing)} missing; give others or set model.backbone")
    for name, tensor in given.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{name} is {tuple(tensor.shape)}, not {tuple(wanted[name].shape)}"
            raise CheckpointError(f"{path}: not the weights of {encoder.name} ({shapes}); give others or set model.backbone")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NUM_NAMED} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
