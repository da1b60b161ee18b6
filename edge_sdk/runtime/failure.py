"""Why a link of the runtime chain did not hold: a stage, a reason code for machines, and a line for people.

The runtimes speak in free text, and a trial in a child process brings nothing but text, so codes are read from the text. The phrases
are those of CUDA's error names (cudaError_t), of ONNX Runtime's allocator and of TensorRT's logger.
"""

import re

from edge_sdk.errors import EngineError, RuntimeUnavailableError
from edge_sdk.records import Stage

MAX_DETAIL = 300

OUT_OF_MEMORY, CONTEXT_LOST, SILENT_CPU = "out_of_memory", "cuda_context_lost", "silent_cpu"
NOT_INSTALLED, IMPORT_FAILED, PROVIDER_MISSING = "not_installed", "import_failed", "provider_missing"
LOADER_CRASHED, LOADER_TIMED_OUT = "loader_crashed", "loader_timed_out"
HUNG, NO_GPU, BAD_VERSION = "hung", "no_gpu", "bad_version"
NO_GRAPH, GOLDEN_MISMATCH, BAD_OUTPUTS, BUNDLE_ALTERED = "no_graph", "golden_mismatch", "bad_outputs", "bundle_altered"

ABSENT = frozenset({NOT_INSTALLED, PROVIDER_MISSING})  # nothing is broken: this machine just does not have it
OF_THE_LINK = ABSENT | {  # another graph would fare no better
    IMPORT_FAILED, LOADER_CRASHED, LOADER_TIMED_OUT, SILENT_CPU, CONTEXT_LOST, HUNG, NO_GPU, BAD_VERSION,
}  # fmt: skip
LOST = frozenset({CONTEXT_LOST, HUNG})  # no GPU runtime of this process comes back from these
_OF_ENGINES = {"memory": OUT_OF_MEMORY, "crashed": LOADER_CRASHED, "timeout": LOADER_TIMED_OUT, "no_tensorrt": IMPORT_FAILED}

_PHRASES = (
    (
        OUT_OF_MEMORY,
        r"out[ _]?of[ _]?memory|cudaErrorMemoryAllocation|allocate (memory|\d+ bytes)|bfc_?arena|insufficient memory|bad_alloc",
    ),
    (
        CONTEXT_LOST,  # the errors after which CUDA answers every call of this process with the same error
        r"illegal (memory access|address|instruction)|misaligned address|unspecified launch failure|device-side assert|launch timed out"
        r"|hardware stack error|uncorrectable ecc|fallen off the bus|cudaError(IllegalAddress|LaunchFailure|ECCUncorrectable|Assert)"
        r"|CUDA_ERROR_(ILLEGAL_ADDRESS|LAUNCH_FAILED|ECC_UNCORRECTABLE|ASSERT|CONTEXT_IS_DESTROYED)|context is destroyed",
    ),
    (HUNG, r"no answer in \d"),
    (SILENT_CPU, r"asked onnxruntime for"),
    (BAD_OUTPUTS, r"NaN or infinity|outputs of shape"),
)


class LinkFailure(RuntimeUnavailableError):  # noqa: N818 - an outcome that the chain records, seldom an error
    """One link failed at one stage.

    Args:
        stage: How far it came.
        reason: The code.
        detail: One line.
    """

    def __init__(self, stage: Stage, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.stage: Stage = stage
        self.reason, self.detail = reason, one_line(detail)


def failure_from_error(error: BaseException, stage: Stage, *, otherwise: str) -> LinkFailure:
    """The failure behind an exception: its code is read from the text, or is `otherwise`."""
    if isinstance(error, LinkFailure):
        return error
    text = one_line(str(error)) or type(error).__name__
    if isinstance(error, EngineError):  # it names its reason itself
        otherwise = _OF_ENGINES.get(error.reason, error.reason)
    return LinkFailure(stage, reason_of(text, otherwise=otherwise), text)


def reason_of(text: str, *, otherwise: str) -> str:
    """The code that a runtime's words stand for."""
    return next((code for code, phrase in _PHRASES if re.search(phrase, text, re.IGNORECASE)), otherwise)


def one_line(text: str) -> str:
    """The text without line breaks, cut to what a record should hold."""
    return " ".join(text.split())[:MAX_DETAIL]
