"""Checkpoints: a folder that carries its contract and appears whole or not at all.

    model.safetensors   the network's weights, as they are validated and exported
    state.pt            what resuming needs: all the task learns (a teacher and its centre too), optimiser, loss scale; read with
                        weights_only=True. Random numbers need no state: they follow from the step.
    contract.json       config, class list, data and its digest, git revision, step, metrics

It is written under another name, flushed, and renamed; `best` and `last` are links moved onto it in one step.
"""

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from edge_sdk.contract.manifest import Ancestor, ClassListRef, class_list_ref
from trainer.config import Config, config_from_tree
from trainer.data.provenance import Provenance
from trainer.errors import CheckpointError
from trainer.models import DefectClassifier

WITHOUT_CLASSIFIER = ("dino",)  # tasks
MODEL, STATE, CONTRACT = "model.safetensors", "state.pt", "contract.json"


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a checkpoint says about itself.

    `config` is the resolved tree; `metrics` those of the last validation before it, empty before the first. `ancestors` are the weights
    the run began as and its teacher, and theirs. `doubted_rows` are the training images of a batch that could not be read, which may be
    mended, and `digest_without_doubted` is the data's digest without their lengths.
    """

    config: dict[str, Any]
    classes: ClassListRef
    provenance: Provenance
    data_digest: str
    num_images: int
    git_revision: str
    step: int
    best_f2_ciw: float
    metrics: dict[str, float]
    best_step: int = 0
    ancestors: tuple[Ancestor, ...] = ()
    doubted_rows: tuple[int, ...] = ()
    digest_without_doubted: str | None = None


def save_checkpoint(path: Path, *, contract: Contract, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write a checkpoint folder at `path`; one that is there already is replaced.

    Raises:
        CheckpointError: If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, part / MODEL)
        torch.save(state, part / STATE)
        (part / CONTRACT).write_bytes(msgspec.json.format(msgspec.json.encode(contract), indent=1) + b"\n")
        for file in part.iterdir():
            _flush(file)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    except (OSError, RuntimeError, SafetensorError) as error:  # the latter two: how torch and safetensors report a full disk
        shutil.rmtree(part, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise CheckpointError(f"{path}: cannot be written ({reason}); make room and resume from the last checkpoint") from error


def point(link: Path, checkpoint: Path) -> None:
    """Move a link (`best`, `last`) onto a checkpoint beside it, in one step, and remove checkpoints no link points to."""
    part = link.with_name(f".{link.name}.link")
    part.unlink(missing_ok=True)
    part.symlink_to(checkpoint.name, target_is_directory=True)
    part.replace(link)
    kept = {item.resolve().name for item in link.parent.iterdir() if item.is_symlink()}
    for item in link.parent.iterdir():
        if item.is_dir() and not item.is_symlink() and item.name not in kept:
            shutil.rmtree(item, ignore_errors=True)


def read_contract(path: Path) -> tuple[Contract, Config]:
    """Read what a checkpoint says about itself, and its config.

    Raises:
        CheckpointError: If there is none, or it was made for another class list than this SDK's.
    """
    try:
        contract = msgspec.json.decode((path / CONTRACT).read_bytes(), type=Contract)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: no checkpoint ({getattr(error, 'strerror', None) or error}); give a run's folder") from error
    own = class_list_ref()
    if contract.classes.digest != own.digest:
        raise CheckpointError(
            f"{path}: trained for class list {contract.classes.name} ({contract.classes.digest[:12]}), "
            f"this checkout has {own.name} ({own.digest[:12]}); train again or use the checkout it was made with"
        )
    return contract, config_from_tree(contract.config, str(path / CONTRACT))


def load_model(path: Path) -> tuple[DefectClassifier, Contract, Config]:
    """The network of a checkpoint, on the CPU and in evaluation mode.

    Raises:
        CheckpointError: As `read_contract`, or if the weights are not those of the backbone the contract names, or hold no classifier.
    """
    contract, config = read_contract(path)
    if config.task in WITHOUT_CLASSIFIER:
        raise CheckpointError(f"{path}: task {config.task} trains no classifier; fine-tune it first, with model.weights={path}")
    model = DefectClassifier(config.model.backbone, config.preprocess, pool=config.model.pool)
    try:
        model.load_state_dict(load_weights(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{path / MODEL}: not the weights of {config.model.backbone} ({reason}); use an intact checkpoint") from error
    return model.eval(), contract, config


def load_weights(path: Path) -> dict[str, Tensor]:
    """The network's weights of a checkpoint.

    Raises:
        CheckpointError: If they are missing or damaged.
    """
    try:
        return load_file(path / MODEL)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path / MODEL}: cannot be read ({error}); use an intact checkpoint") from error


def load_state(path: Path) -> dict[str, Any]:
    """What resuming needs, on the CPU.

    Raises:
        CheckpointError: If it is missing or damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path / STATE, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path / STATE}: cannot be resumed from ({str(error).splitlines()[0]}); train anew") from error
    return state


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
