"""CUDA by whichever library this machine has: pycuda where it is installed, cuda-python elsewhere.

Every call on an opened device must come from the thread that opened it (see `owner_thread`).
"""

from edge_sdk.errors import EngineError
from edge_sdk.runtime.cuda_device import Cuda, CudaDevice
from edge_sdk.runtime.cuda_python import CudaPython
from edge_sdk.runtime.pycuda import PyCuda

__all__ = ["Cuda", "CudaDevice", "CudaPython", "PyCuda", "open_cuda"]


def open_cuda() -> Cuda:
    """The first library that finds a device.

    Raises:
        EngineError: If none does; says what each of them said.
    """
    said = []
    for opened in (PyCuda, CudaPython):
        try:
            return opened()
        except Exception as error:  # noqa: PERF203 - each library has its own classes, which cannot be named without importing it
            said.append(f"{opened.library}: {' '.join(str(error).split())[:200]}")
    raise EngineError(f"no CUDA device can be used ({'; '.join(said)}); see that the NVIDIA driver and one of them work", reason="no_gpu")
