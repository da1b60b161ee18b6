import threading
from typing import Any

import numpy as np
import pytest

from edge_sdk.errors import EngineError
from edge_sdk.runtime.cuda import Cuda, CudaDevice, open_cuda
from edge_sdk.runtime.owner_thread import OwnerThread
from runtime.standin_machine import Machine

LIBRARIES = [("pycuda",), ("cuda.bindings",), ("cuda.cudart",), ("pycuda", "cuda.bindings")]


@pytest.fixture(params=LIBRARIES, ids="+".join)
def cuda(request: pytest.FixtureRequest, machine: Machine) -> Any:
    machine(cuda=request.param)
    opened = open_cuda()
    yield opened
    opened.close()


def test_cuda_python_serves_where_pycuda_is_missing(machine: Machine) -> None:
    machine(cuda=("cuda.bindings",))
    assert open_cuda().library == "cuda-python"


def test_pycuda_is_taken_where_both_are_there(machine: Machine) -> None:
    machine()
    cuda = open_cuda()
    assert cuda.library == "pycuda" and cuda.can_capture
    cuda.close()


def test_both_libraries_say_the_same_of_the_device(cuda: Cuda) -> None:
    assert cuda.device() == CudaDevice("Stand-in Orin", "8.7", 8192, "12.6", "12.2")


def test_copies_take_their_turn_on_the_stream(cuda: Cuda) -> None:
    source, target = cuda.host_array((3, 5), np.uint8), cuda.host_array((3, 5), np.uint8)
    source[:], target[:] = np.arange(15).reshape(3, 5), 0
    address, event = cuda.device_buffer(15), cuda.event()

    cuda.copy_to_device(address, source)
    cuda.copy_to_host(target, address)
    cuda.record(event)
    before = target.copy()
    cuda.wait(event)

    assert not before.any()
    np.testing.assert_array_equal(target, source)


def test_a_pinned_array_has_its_shape_and_type(cuda: Cuda) -> None:
    array = cuda.host_array((2, 17, 3), np.float32)
    array[:] = 1.5
    assert array.shape == (2, 17, 3) and array.dtype == np.float32 and array.flags.c_contiguous and array.flags.writeable


def test_a_graph_runs_what_was_captured_and_capturing_runs_nothing(cuda: Cuda) -> None:
    if not cuda.can_capture:
        pytest.skip("pycuda alone has no graphs")
    source, target, address = cuda.host_array((4,), np.uint8), cuda.host_array((4,), np.uint8), cuda.device_buffer(4)
    source[:], target[:] = 7, 0

    def copies() -> None:
        cuda.copy_to_device(address, source)
        cuda.copy_to_host(target, address)

    graph = cuda.capture(copies)
    cuda.synchronize()
    assert not target.any()

    cuda.launch(graph)
    cuda.synchronize()
    np.testing.assert_array_equal(target, 7)


def test_a_capture_that_fails_leaves_the_stream_in_order(cuda: Cuda) -> None:
    if not cuda.can_capture:
        pytest.skip("pycuda alone has no graphs")

    def broken() -> None:
        raise ValueError("no such kernel")

    with pytest.raises(ValueError, match="no such kernel"):
        cuda.capture(broken)
    cuda.synchronize()


def test_no_device_is_one_line_that_says_what_each_library_said(machine: Machine) -> None:
    machine(gpu={"num_devices": 0})
    with pytest.raises(EngineError, match=r"pycuda: cuInit failed.*; cuda-python: no CUDA-capable device.*100\)") as caught:
        open_cuda()
    assert caught.value.reason == "no_gpu" and "\n" not in str(caught.value)


def test_this_machine_itself_gives_a_device_or_that_error() -> None:
    """The real libraries, as far as they are installed."""
    try:
        cuda = open_cuda()
    except EngineError as error:
        assert error.reason == "no_gpu" and "\n" not in str(error)
    else:
        assert cuda.device().memory_mb > 0
        cuda.close()


def test_no_library_is_the_same_error(machine: Machine) -> None:
    machine(cuda=())
    with pytest.raises(EngineError, match=r"pycuda: No module named 'pycuda'; cuda-python: No module named 'cuda'"):
        open_cuda()


def test_a_context_stays_with_its_thread_and_the_owner_thread_keeps_it_there(machine: Machine) -> None:
    machine(cuda=("pycuda",))
    owner = OwnerThread("owner")
    cuda = owner.call(open_cuda, 60)

    with pytest.raises(Exception, match="invalid device context"):
        cuda.synchronize()
    owner.call(cuda.synchronize, 60)

    owner.call(cuda.close, 60)
    owner.close()
    assert not any(thread.name == "owner" for thread in threading.enumerate())


def test_the_owner_thread_hands_errors_to_the_caller_and_goes_on() -> None:
    owner = OwnerThread("owner")

    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        owner.call(broken, 60)
    assert owner.call(lambda: threading.current_thread().name, 60) == "owner"
    owner.close()


def test_a_call_that_hangs_is_given_up() -> None:
    owner, gate = OwnerThread("owner"), threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer in 0\.05 s"):
        owner.call(gate.wait, 0.05)
    gate.set()
    owner.close()


def test_a_timeout_raised_by_the_work_is_the_works_own() -> None:
    owner = OwnerThread("owner")

    def slow() -> None:
        raise TimeoutError("the camera's")

    with pytest.raises(TimeoutError, match="the camera's"):
        owner.call(slow, 60)
    owner.close()
