"""supervision's frames generator with an onnxruntime session in the loop, as its guides show.

For films with its `prefetch`, which decodes ahead in a thread; for cameras without, which would only let frames grow old. Its
`process_video` writes a film besides, which is other work, and is built on this generator.
"""

from benchmarks.peers.runners.camera import number_of, take_camera
from benchmarks.peers.runners.tally import Tally
from benchmarks.peers.runners.task import task_from_argv

PREFETCH = 8


def main() -> None:
    """One pass."""
    task = task_from_argv()
    take_camera(task)
    import onnxruntime

    import supervision  # type: ignore[import-not-found]

    tally = Tally(task)
    session = onnxruntime.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    session.run(["logits"], {"image": task.blank()})
    tally.ready()

    frames = supervision.get_video_frames_generator(task.film, prefetch=PREFETCH if task.mode == "file" else 0)
    for counted, frame_HWC in enumerate(frames):
        (logits_NC,) = session.run(["logits"], {"image": task.network_image(frame_HWC)})
        tally.note(number_of(frame_HWC, counted), logits_NC[0])
    tally.write()


if __name__ == "__main__":
    main()
