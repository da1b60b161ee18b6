"""Every error the SDK raises on purpose, sorted by what the caller does next.

EdgeSdkError
├── InputError               mend what was given: a path, a file, an argument
│   ├── SourceError          the film, folder or stream
│   ├── OdometerError        the odometer file
│   └── FrameShapeError      an image that is not (H, W, 3) uint8
├── BundleError              do not serve this model; fetch or sign another
│   ├── UntrustedBundleError signature missing, wrong or by an unknown key
│   ├── CorruptBundleError   bytes that are not what was signed
│   └── ContractError        another class list, graph interface or schema than this SDK's
├── RuntimeUnavailableError  no inference runtime could be started
│   └── EngineError          no TensorRT engine on this device; another runtime can serve
├── InferenceError           the runtime failed or returned what must not become an observation
└── OutputError              a report or picture could not be written

Each message names the thing, the values and the remedy in one line.
"""


class EdgeSdkError(Exception):
    """Root of the SDK's errors; the command line turns it into one line and exit code 1."""


class InputError(EdgeSdkError):
    """Something the user gave cannot be used."""


class SourceError(InputError):
    """A film, folder or stream cannot be read."""


class OdometerError(InputError):
    """An odometer file cannot be used."""


class FrameShapeError(InputError):
    """An image is not (H, W, 3) uint8 of a size the SDK takes."""


class BundleError(EdgeSdkError):
    """A model bundle must not serve."""


class UntrustedBundleError(BundleError):
    """The bundle's signature is missing, wrong or made with an unknown key."""


class CorruptBundleError(BundleError):
    """The bundle's bytes are not the ones that were signed."""


class ContractError(BundleError):
    """The bundle was made for another class list, graph interface or schema."""


class RuntimeUnavailableError(EdgeSdkError):
    """No inference runtime could be started."""


class EngineError(RuntimeUnavailableError):
    """No TensorRT engine could be built or loaded on this device; the next runtime of the chain can still serve.

    Args:
        message: One line: what, where, what to do.
        reason: The same in one word, for counters: no_tensorrt, bad_version, no_gpu, contract, parse, build, timeout, memory, stopped,
            crashed, load or warm_up.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InferenceError(EdgeSdkError):
    """The runtime failed, or returned NaN, Inf or another shape than the contract's."""


class OutputError(EdgeSdkError):
    """A report, picture or film could not be written."""
