"""One file per thing that is learnt. `TASKS` lists what a recipe's `task` may name.

A task is a module that holds a network and its loss and turns a batch into `{"loss": scalar, "logits": (N, C)}`. It knows nothing of
the loop, the optimiser or the device.
"""

from trainer.tasks.finetune import Finetune

TASKS = {"finetune": Finetune}

__all__ = ["TASKS", "Finetune"]
