"""ONNX Runtime with its copies told apart: inputs and outputs bound to device memory, each step waited for.

Only for measuring. The waits between the steps cost a little, so that the sum is above the session's own time.
"""

from time import perf_counter
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge_sdk.contract.interface import INPUT, LOGITS, MAPS, Outputs
from edge_sdk.errors import InferenceError, RuntimeUnavailableError
from edge_sdk.runtime.session import checked_outputs

if TYPE_CHECKING:
    from benchmarks.stages import Note

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class BoundOnnx:
    """A graph on a device of ONNX Runtime, with copies of their own; see `stages.StagedRun`.

    Raises:
        RuntimeUnavailableError: If the session cannot be created there.
    """

    def __init__(self, model: bytes, *, device: Literal["cpu", "cuda"]) -> None:
        self._device = device
        options = ort.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(model, options, providers=[PROVIDERS[device]], enable_fallback=0)
        except Exception as error:  # as in edge_sdk.runtime.onnx
            raise RuntimeUnavailableError(f"onnxruntime cannot bind the model to {device}: {str(error).splitlines()[0]}") from error

    def __call__(self, images_NHWC: NDArray[np.uint8], note: "Note") -> Outputs:
        """One frame."""
        try:
            return self._run(images_NHWC, note)
        except InferenceError:
            raise
        except Exception as error:  # as above
            raise InferenceError(f"onnxruntime failed on {self._device}: {str(error).splitlines()[0]}") from error

    def _run(self, images_NHWC: NDArray[np.uint8], note: "Note") -> Outputs:
        binding, begin = self._session.io_binding(), perf_counter()
        image = ort.OrtValue.ortvalue_from_numpy(images_NHWC, self._device, 0)
        binding.bind_ortvalue_input(INPUT, image)
        for name in (LOGITS, MAPS):
            binding.bind_output(name, self._device)
        binding.synchronize_inputs()
        copied = perf_counter()
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        ran = perf_counter()
        logits_NC, maps_NChw = binding.copy_outputs_to_cpu()
        note("copy in", 1e3 * (copied - begin))
        note("inference", 1e3 * (ran - copied))
        note("copy out", 1e3 * (perf_counter() - ran))
        return checked_outputs(logits_NC, maps_NChw, len(images_NHWC))
