"""What the training loop asks of a task.

A task is a module that holds what is learnt and turns a batch into a loss. It knows nothing of optimiser, device or processes. The loop
calls it in this order, once a step:

    training_step (for each piece of the batch) -> gradients -> before_step -> optimiser -> after_step
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from torch import Tensor, nn

from edge_sdk.contract.manifest import Ancestor
from trainer.data.loader import Batch
from trainer.models import DefectClassifier, Encoder
from trainer.models.pretrained import LoadReport, PretrainedWeights, load_encoder
from trainer.schedule import Moment


class Task(nn.Module):
    """The seam between loop and methods; a subclass is an entry of `TASKS`.

    Attributes:
        num_views: Augmented views of each image it needs: 1 in `Batch.images_NHWC`, 2 in `Batch.views_NHWC`.
    """

    num_views: ClassVar[int] = 1

    @abstractmethod
    def training_step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """`loss`, a scalar with gradient, and scalars without for the log."""

    @abstractmethod
    def kept_model(self) -> Encoder:
        """What a checkpoint holds for use elsewhere. Its embeddings are what RankMe measures."""

    def model_to_validate(self) -> DefectClassifier | None:
        """The classifier whose averaged weights are validated, or None: then there is no best checkpoint but the last."""
        model = self.kept_model()
        return model if isinstance(model, DefectClassifier) else None

    def start_from(self, weights: PretrainedWeights, *, keep_classifier: bool) -> LoadReport:
        """Take over pretrained weights, before the first step.

        Raises:
            CheckpointError: If they do not fit.
        """
        return load_encoder(self.kept_model(), weights, keep_classifier=keep_classifier)

    def ancestors(self) -> tuple[Ancestor, ...]:
        """Trained weights it learns from besides those it starts from, with their own ancestors."""
        return ()

    def compile_backbones(self) -> None:
        """Compile every encoder in it."""
        for module in self.modules():
            if isinstance(module, Encoder):
                module.compile_backbone()

    def clipped_parameters(self) -> Iterable[nn.Parameter]:
        """What `optim.clip` acts on."""
        return self.parameters()

    def before_step(self, at: Moment) -> None:
        """Between gradients and optimiser."""
        return

    def after_step(self, at: Moment) -> None:
        """After the optimiser's step `at`."""
        return
