"""A trained classifier that teaches another: frozen, in evaluation mode, at the input size it was trained on.

It stands beside the module tree, not in it: nothing of it is trained, averaged, exchanged between processes or kept in a checkpoint. What
is kept is who it was (name, step, digest of its weights), and a run goes on with that one only.
"""

# N batch, C classes, D embedding, H W pixels of the student, h w of the teacher

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from edge_sdk.contract.manifest import Ancestor
from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.ancestry import ancestors_through
from trainer.checkpoint import MODEL, load_model
from trainer.config import DistillConfig
from trainer.errors import CheckpointError, ConfigError
from trainer.models.classifier import DefectClassifier
from trainer.run_folder import best_checkpoint

TEACHER = "key 'distill.teacher'"


@dataclass(frozen=True)
class TeacherIdentity:
    """Name of its run, its step, and the sha256 of its weights, which decides."""

    name: str
    step: int
    sha256: str


class Lesson(NamedTuple):
    """What the teacher says of a batch: `logits_NC`, `maps_NChw` and `pooled_ND`, float32 without gradient."""

    logits_NC: Tensor
    maps_NChw: Tensor
    pooled_ND: Tensor


class _Read(NamedTuple):
    model: DefectClassifier
    spec: PreprocessSpec
    identity: TeacherIdentity
    ancestors: tuple[Ancestor, ...]


class FrozenTeacher(nn.Module):
    """The teacher `distill.teacher` names.

    Args:
        config: Whose `teacher` and `teacher_size` are read.
        spec: The student's geometry.

    Raises:
        ConfigError: If no teacher is given, or it is a ViT and is to see the student's size.
        CheckpointError: If it is gone or damaged, no classifier, or of another class list.
    """

    def __init__(self, config: DistillConfig, spec: PreprocessSpec) -> None:
        super().__init__()
        model, own, self.identity, self.ancestors = _read(config.teacher)
        if config.teacher_size == "student" and model.is_vit:
            raise ConfigError(f"key 'distill.teacher_size': {model.name} is tied to its own input size; leave it at own")
        seen = own if config.teacher_size == "own" else spec
        self.size = (seen.height, seen.width)
        # In a tuple, torch does not see it: not in state_dict, parameters or train().
        self._beside = (model.eval().requires_grad_(False),)

    @property
    def num_features(self) -> int:
        """Length D of its embedding."""
        return self._beside[0].num_features

    def compile_backbone(self) -> None:
        """As `Encoder.compile_backbone`."""
        self._beside[0].compile_backbone()

    @torch.no_grad()
    def forward(self, images_NHWC: Tensor) -> Lesson:
        """Its answer to the student's images (N, H, W, 3) uint8."""
        model = self._beside[0]
        features = model.features(self.seen(images_NHWC))
        return Lesson(*model.classify(features), features.pooled_ND)

    def seen(self, images_NHWC: Tensor) -> Tensor:
        """The images at the teacher's size, (N, h, w, 3): as they are, or resized with antialiasing to float32 of 0..255."""
        if tuple(images_NHWC.shape[1:3]) == self.size:
            return images_NHWC
        resized_NChw = interpolate(images_NHWC.permute(0, 3, 1, 2).float(), self.size, mode="bilinear", antialias=True)
        return resized_NChw.permute(0, 2, 3, 1)

    def get_extra_state(self) -> dict[str, Any]:
        """Its identity, for the run's checkpoint."""
        return asdict(self.identity)

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Compare with the identity in a checkpoint.

        Raises:
            CheckpointError: If the run was begun with another teacher.
        """
        begun = TeacherIdentity(**state)
        if begun.sha256 != self.identity.sha256:
            raise CheckpointError(
                f"{TEACHER}: the run was begun with {begun.name} at step {begun.step} ({begun.sha256[:12]}), this is {self.identity.name} "
                f"at step {self.identity.step} ({self.identity.sha256[:12]}); give that checkpoint, or start a new run"
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What `.to(device)` comes down to: it goes along."""
        self._beside[0]._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _read(teacher: str | None) -> _Read:
    if teacher is None:
        raise ConfigError(f"{TEACHER}: task distill learns from a trained classifier; name a run's folder or a checkpoint")
    path = best_checkpoint(Path(teacher))
    try:
        model, contract, config = load_model(path)
    except CheckpointError as error:
        raise CheckpointError(f"{TEACHER}: {error}") from error
    with (path / MODEL).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    ancestors = ancestors_through("teacher", contract, config, sha256=digest)
    return _Read(model, config.preprocess, TeacherIdentity(config.name, contract.step, digest), ancestors)
