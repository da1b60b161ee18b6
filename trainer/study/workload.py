"""How much work a cell is, for the time that is left: forward passes of a ViT-T over one image.

A training step is three passes an image, forwards and twice as much backwards; a pretraining step has two views and a teacher.
"""

from trainer.config import Config

PASSES = {"finetune": 3, "linear": 1, "dino": 8, "hybrid": 8}
BACKBONES = {"vit_tiny_patch16_224": 1.0, "vit_small_patch16_224": 3.0}  # 3.7 by arithmetic; larger matrices run faster


def workload(config: Config, *, num_train: int, num_val: int, num_measured: int) -> float:
    """Passes of one cell.

    Args:
        config: The cell's.
        num_train: Images of the training split after `data.every_nth`, before `data.fraction`.
        num_val: Validated after each epoch.
        num_measured: Of the split its figures are taken on.
    """
    pretraining = config.task == "dino"
    validated = min(config.dino.rankme_images, num_val) if pretraining else num_val
    epoch = PASSES[config.task] * num_train * config.data.fraction + validated
    passes = config.loop.epochs * epoch + (0 if pretraining else num_val + num_measured)
    return BACKBONES.get(config.model.backbone, 1.0) * passes


def seconds_left(done: list[tuple[float, float]], left: float) -> float | None:
    """Of the work that is left, from (work, seconds) of cells that are done; None before the first.

    The latest cell counts most: the machine may have become busier or quieter.
    """
    if not done:
        return None
    weights = [0.5 ** (len(done) - 1 - place) for place in range(len(done))]
    work = sum(weight * one for weight, (one, _) in zip(weights, done, strict=True))
    seconds = sum(weight * one for weight, (_, one) in zip(weights, done, strict=True))
    return left * seconds / work
