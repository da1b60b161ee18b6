"""One file per thing that is learnt. `TASKS` lists what a recipe's `task` may name; `task.py` says what the loop asks of one."""

from trainer.tasks.dino import Dino
from trainer.tasks.distill import Distill
from trainer.tasks.finetune import Finetune
from trainer.tasks.hybrid import Hybrid
from trainer.tasks.linear import Linear
from trainer.tasks.task import Task

TASKS: dict[str, type[Dino] | type[Finetune]] = {
    "finetune": Finetune,
    "linear": Linear,
    "dino": Dino,
    "hybrid": Hybrid,
    "distill": Distill,
}

__all__ = ["TASKS", "Dino", "Distill", "Finetune", "Hybrid", "Linear", "Task"]
