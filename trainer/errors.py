"""Every error the trainer raises on purpose, sorted by what the caller does next.

TrainerError
├── ConfigError         mend the recipe or an override
├── DataError           mend the data folder
├── CheckpointError     give another checkpoint, or train again
├── NonFiniteLossError  lower the learning rate, or look at the named images
└── ExportError         the exported graph is not what the contract asks for

Each message names the thing, the values and the remedy in one line.
"""


class TrainerError(Exception):
    """Root of the trainer's errors; the command line turns it into one line and exit code 1."""


class ConfigError(TrainerError):
    """A recipe or an override cannot be used."""


class DataError(TrainerError):
    """The data folder is not what its layout promises."""


class CheckpointError(TrainerError):
    """A checkpoint cannot be used here."""


class NonFiniteLossError(TrainerError):
    """The loss became NaN or infinite; training stopped before the weights were touched."""


class ExportError(TrainerError):
    """An exported graph breaks the contract."""
