"""Where weights come from: each checkpoint lists the ones it began as and was taught by, and theirs, with their data and licences.

A model fine-tuned from another has seen that one's images too, and their licence binds it. The list goes from checkpoint to export,
model card and bundle.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from edge_sdk.contract.manifest import Ancestor
from trainer.checkpoint import Contract, read_contract
from trainer.config import Config

Role = Literal["start", "teacher"]


def ancestors_through(role: Role, contract: Contract, config: Config, *, sha256: str) -> tuple[Ancestor, ...]:
    """A checkpoint as an ancestor, followed by its own.

    Args:
        role: What it is to the run that uses it.
        contract: The checkpoint's.
        config: The checkpoint's.
        sha256: Of its weights.
    """
    data = contract.provenance
    own = Ancestor(role, config.name, sha256, contract.step, data.name, data.kind, data.licence)
    return (own, *ancestors_of(contract, config))


def ancestors_of(contract: Contract, config: Config) -> tuple[Ancestor, ...]:
    """A checkpoint's own; of one written before they were kept, the name of the weights it began as."""
    if contract.ancestors or config.model.weights is None:
        return contract.ancestors
    return (Ancestor("start", Path(config.model.weights).name),)


def ancestors_from(weights: Path, *, sha256: str) -> tuple[Ancestor, ...]:
    """Those of a run that starts from a checkpoint or a file of tensors, which says nothing of its data.

    Raises:
        CheckpointError: If it is a folder and no checkpoint.
    """
    if not weights.is_dir():
        return (Ancestor("start", weights.name, sha256),)
    return ancestors_through("start", *read_contract(weights), sha256=sha256)


def without_repeats(ancestors: Iterable[Ancestor]) -> tuple[Ancestor, ...]:
    """The same in their order, each once: a teacher may have begun as the student did."""
    return tuple(dict.fromkeys(ancestors))
