"""OpenVINO as its guide says: hint THROUGHPUT and its asynchronous queue for films, hint LATENCY for a camera's newest frame.

It computes in the precision it chooses for the processor, or in the one that `option` names.
"""

import os
from itertools import count
from typing import Any

import cv2
import openvino

from benchmarks.peers.runners.camera import number_of, take_camera
from benchmarks.peers.runners.newest import NewestFrame
from benchmarks.peers.runners.tally import Tally
from benchmarks.peers.runners.task import Task, task_from_argv


def compiled_model(task: Task) -> Any:
    """The graph at batch one, compiled for the mode, having run once."""
    core = openvino.Core()
    model = core.read_model(task.model)
    model.reshape({"image": [1, task.height, task.width, 3]})
    hints = {"PERFORMANCE_HINT": "LATENCY" if task.mode == "live" else "THROUGHPUT"}
    if task.option:
        hints["INFERENCE_PRECISION_HINT"] = task.option
    compiled = core.compile_model(model, "CPU", hints)
    compiled({"image": task.blank()})
    return compiled


def whole_film(task: Task, tally: Tally, compiled: Any) -> Any:
    """Every frame through the asynchronous queue; results come in any order, each with its number.

    Returns:
        The queue, to be held: freed while its last callback is just ending, it aborts the process ("Resource deadlock avoided").
    """
    logits = compiled.output("logits")
    requests = openvino.AsyncInferQueue(compiled)
    requests.set_callback(lambda request, seq: tally.note(seq, request.get_tensor(logits).data[0].copy()))
    film = cv2.VideoCapture(task.film)
    for seq in count():
        ok, frame_HWC = film.read()
        if not ok:
            break
        requests.start_async({"image": task.network_image(frame_HWC)}, seq)
    requests.wait_all()
    return requests


def newest_frames(task: Task, tally: Tally, compiled: Any) -> None:
    """The newest frame, one at a time."""
    logits = compiled.output("logits")
    for frame_HWC in NewestFrame(task.film):
        outputs = compiled({"image": task.network_image(frame_HWC)})
        tally.note(number_of(frame_HWC, 0), outputs[logits][0])


def main() -> None:
    """One pass."""
    task = task_from_argv()
    take_camera(task)
    tally = Tally(task)
    compiled = compiled_model(task)
    tally.ready()
    if task.mode == "live":
        newest_frames(task, tally, compiled)
    else:
        _held = whole_film(task, tally, compiled)
    tally.write(remark=f"computed in {compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name()}")
    os._exit(0)  # the queue's end races with its own threads on a busy machine and aborts; the result is written


if __name__ == "__main__":
    main()
