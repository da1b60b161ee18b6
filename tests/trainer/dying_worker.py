"""The trainer's command line as a worker that dies at its seventh step, once: for a test of torchrun's restarts."""

import os
import signal
import sys

from trainer.cli import main
from trainer.schedule import Moment
from trainer.tasks import Task

STEP = 7


def die(self: Task, at: Moment) -> None:
    if at.step == STEP:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        Task.after_step = Task.before_step = die  # type: ignore[method-assign]
    sys.exit(main())
