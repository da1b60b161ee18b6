"""What is written second: a thread decodes and resizes while another infers; of a camera only the newest frame counts."""

import queue
import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import cv2
import onnxruntime
from numpy.typing import NDArray

from benchmarks.peers.runners.camera import number_of, take_camera
from benchmarks.peers.runners.newest import NewestFrame
from benchmarks.peers.runners.tally import Tally
from benchmarks.peers.runners.task import Task, task_from_argv

DEPTH = 8


def prepared_frames(task: Task) -> Iterator[tuple[int, NDArray[Any]]]:
    """Every frame's number and network image, made ahead in a thread."""
    waiting: queue.Queue[tuple[int, NDArray[Any]] | None] = queue.Queue(DEPTH)

    def read() -> None:
        film = cv2.VideoCapture(task.film)
        for counted in count():
            ok, frame_HWC = film.read()
            if not ok:
                break
            waiting.put((counted, task.network_image(frame_HWC)))
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (item := waiting.get()) is not None:
        yield item


def newest_frames(task: Task) -> Iterator[tuple[int, NDArray[Any]]]:
    """The newest frame's number and network image."""
    for frame_HWC in NewestFrame(task.film):
        yield number_of(frame_HWC, 0), task.network_image(frame_HWC)


def main() -> None:
    """One pass."""
    task = task_from_argv()
    take_camera(task)
    tally = Tally(task)
    session = onnxruntime.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    session.run(["logits"], {"image": task.blank()})
    tally.ready()

    for seq, image_NHWC in newest_frames(task) if task.mode == "live" else prepared_frames(task):
        (logits_NC,) = session.run(["logits"], {"image": image_NHWC})
        tally.note(seq, logits_NC[0])
    tally.write()


if __name__ == "__main__":
    main()
