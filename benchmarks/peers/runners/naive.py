"""What is written first: read, resize, infer, one after the other."""

from itertools import count

import cv2
import onnxruntime

from benchmarks.peers.runners.camera import number_of, take_camera
from benchmarks.peers.runners.tally import Tally
from benchmarks.peers.runners.task import task_from_argv


def main() -> None:
    """One pass."""
    task = task_from_argv()
    take_camera(task)
    tally = Tally(task)
    session = onnxruntime.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    session.run(["logits"], {"image": task.blank()})
    tally.ready()

    film = cv2.VideoCapture(task.film)
    for counted in count():
        ok, frame_HWC = film.read()
        if not ok:
            break
        (logits_NC,) = session.run(["logits"], {"image": task.network_image(frame_HWC)})
        tally.note(number_of(frame_HWC, counted), logits_NC[0])
    tally.write()


if __name__ == "__main__":
    main()
