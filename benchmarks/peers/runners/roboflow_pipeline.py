"""roboflow's InferencePipeline with custom logic: its sources, buffers and sink around an onnxruntime session."""

import os
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.peers.runners.camera import Camera, FilmReader, number_of, take_camera
from benchmarks.peers.runners.tally import Tally
from benchmarks.peers.runners.task import task_from_argv

DRAIN_S = 0.5


def quiet(folder: Path) -> None:
    """No telemetry, no network, caches in the folder of this pass."""
    os.environ.update(TELEMETRY_OPT_OUT="True", OFFLINE_MODE="True", MODEL_CACHE_DIR=str(folder), DISABLE_VERSION_CHECK="True")


def end_with_camera(pipeline: Any) -> None:
    """It would wait for a camera to come back for ever."""
    while not isinstance(camera := FilmReader.started, Camera) or camera.isOpened():
        time.sleep(0.02)
    time.sleep(DRAIN_S)
    pipeline.terminate()


def main() -> None:
    """One pass."""
    task = task_from_argv()
    quiet(Path(task.out).parent)
    take_camera(task)
    import onnxruntime
    from inference import InferencePipeline  # type: ignore[import-not-found]

    tally = Tally(task)
    session = onnxruntime.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    session.run(["logits"], {"image": task.blank()})
    tally.ready()

    def infer(frames: list[Any]) -> list[Any]:
        return [session.run(["logits"], {"image": task.network_image(frame.image)})[0][0] for frame in frames]

    def sink(logits_C: Any, frame: Any) -> None:
        tally.note(number_of(frame.image, frame.frame_id - 1), logits_C)

    pipeline = InferencePipeline.init_with_custom_logic(video_reference=task.film, on_video_frame=infer, on_prediction=sink)
    pipeline.start(use_main_thread=False)
    if task.mode == "live":
        threading.Thread(target=end_with_camera, args=[pipeline], daemon=True).start()
    pipeline.join()
    tally.write()


if __name__ == "__main__":
    main()
