"""A network says of every network it came from what that one had seen, down to the bundle's card."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from safetensors.torch import load_file, save_file

from edge_sdk.contract.manifest import Ancestor, Training
from trainer.checkpoint import read_contract
from trainer.config import Config
from trainer.export.card import model_card
from trainer.export.run import export_checkpoint, training_of
from trainer.loop import train

LOOP = {"epochs": 1, "batch_size": 6, "precision": "32", "threads": 2, "plots": False}


def data(root: Path, name: str, kind: str, licence: str) -> dict[str, object]:
    return {"root": str(root), "workers": 0, "name": name, "kind": kind, "licence": licence}


def sha256(checkpoint: Path) -> str:
    return hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture
def lineage(tiny: Callable[..., Config], data_root: Path, teacher: Path) -> tuple[Path, Path]:
    """Checkpoints of two runs: `first` on one set, `second` begun as it, taught by `teacher`, on another set."""
    first = train(tiny(name="first", loop=LOOP, data=data(data_root, "Pipes A", "sewer-ml", "CC BY-NC-SA 4.0"))).run_dir
    second = train(
        tiny(name="second", task="distill", loop=LOOP, model={"weights": str(first)}, data=data(data_root, "drawn", "rendered", "CC0"))
    ).run_dir
    return (first / "checkpoints" / "last").resolve(), (second / "checkpoints" / "last").resolve()


def test_checkpoint_record_and_manifest_name_all_ancestors_with_their_licences(lineage: tuple[Path, Path], teacher: Path) -> None:
    first, second = lineage
    taught = (teacher / "checkpoints" / "best").resolve()

    contract, config = read_contract(second)

    assert read_contract(first)[0].ancestors == ()
    assert contract.ancestors == (
        Ancestor("start", "first", sha256(first), 2, "Pipes A", "sewer-ml", "CC BY-NC-SA 4.0"),
        Ancestor("teacher", "teacher", sha256(taught), read_contract(taught)[0].step, "random", "other", "none"),
    )
    assert training_of(contract, config).ancestors == contract.ancestors
    record = json.loads((second.parents[1] / "run.json").read_text())
    assert [ancestor["data_licence"] for ancestor in record["ancestors"]] == ["CC BY-NC-SA 4.0", "none"]


def test_list_grows_from_run_to_run_and_survives_resuming(lineage: tuple[Path, Path], tiny: Callable[..., Config]) -> None:
    _, second = lineage
    parts = {"name": "third", "loop": LOOP, "model": {"weights": str(second)}}
    train(tiny(**parts), stop_at=1)

    run = train(tiny(**parts), resume=True).run_dir

    contract, _ = read_contract(run / "checkpoints" / "last")
    assert [(ancestor.role, ancestor.name) for ancestor in contract.ancestors] == [
        ("start", "second"), ("start", "first"), ("teacher", "teacher"),
    ]  # fmt: skip


def test_file_of_tensors_is_named_though_it_says_nothing_of_its_data(
    lineage: tuple[Path, Path], tiny: Callable[..., Config], tmp_path: Path
) -> None:
    tensors = load_file(lineage[0] / "model.safetensors")
    file = tmp_path / "bare.safetensors"
    save_file({name: tensor for name, tensor in tensors.items() if name.startswith("backbone.")}, file)

    run = train(tiny(name="bare", loop=LOOP, model={"weights": str(file)}), stop_at=1).run_dir

    (ancestor,) = read_contract(run / "checkpoints" / "last")[0].ancestors
    assert (ancestor.role, ancestor.name, ancestor.data_licence) == ("start", "bare.safetensors", None)
    assert ancestor.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_card_states_every_licence_and_does_not_deny_real_images_of_an_ancestor(lineage: tuple[Path, Path], tmp_path: Path) -> None:
    record = export_checkpoint(lineage[1], tmp_path / "export", threads=1)

    card = model_card(record, name="trial", version="1.0.0", packed=(), sizes={})

    assert "- Comes from first, trained on Pipes A (sewer-ml), licence CC BY-NC-SA 4.0" in card
    assert "- Taught by teacher, trained on random (other), licence none" in card
    assert "No real sewer was seen" not in card


def test_manifest_without_ancestors_is_written_as_before() -> None:
    training = Training("resnet18", "finetune", "a", "other", "0" * 64, "none", 3, "unknown")

    assert "ancestors" not in msgspec.json.encode(training).decode()
    assert msgspec.json.decode(msgspec.json.encode(training), type=Training) == training
