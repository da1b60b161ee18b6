"""ultralytics' `predict(stream=True)` with its loaders, its ONNX backend and its results, for a classification graph.

Its own preprocessing cuts the sides off a 16:9 frame and gives floats; the graph takes the whole frame as bytes. So `preprocess`, which
its guide lets one replace, does what all peers do here. Everything else is as it comes.
"""

import os
from pathlib import Path
from typing import Any

from benchmarks.peers.runners.camera import number_of, take_camera
from benchmarks.peers.runners.tally import Tally
from benchmarks.peers.runners.task import Task, task_from_argv


def quiet(folder: Path) -> None:
    """No files in the home folder, no fetching of packages, no network."""
    os.environ.update(YOLO_CONFIG_DIR=str(folder), YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true", YOLO_VERBOSE="false")


def predictor_of(task: Task) -> type:
    """Its classification predictor with the square resize."""
    import torch
    from ultralytics.models.yolo.classify import ClassificationPredictor  # type: ignore[import-not-found]

    class SquarePredictor(ClassificationPredictor):  # type: ignore[misc]
        def preprocess(self, img: list[Any]) -> Any:
            return torch.from_numpy(task.network_image(img[0]))

    return SquarePredictor


def source_of(task: Task, folder: Path) -> str:
    """The film, or a list with it as the one stream, which its loader for cameras takes."""
    if task.mode == "file":
        return task.film
    streams = folder / "camera.streams"
    streams.write_text(task.film)
    return str(streams)


def main() -> None:
    """One pass."""
    task = task_from_argv()
    folder = Path(task.out).parent
    quiet(folder)
    take_camera(task)
    from ultralytics import YOLO  # type: ignore[import-not-found]

    tally = Tally(task)
    model = YOLO(task.model, task="classify")
    options = {"predictor": predictor_of(task), "imgsz": (task.height, task.width), "device": "cpu", "verbose": False, "save": False}
    list(model.predict(task.blank()[0], stream=True, **options))
    tally.ready()

    for counted, result in enumerate(model.predict(source_of(task, folder), stream=True, **options)):
        tally.note(number_of(result.orig_img, counted), result.probs.data.numpy())
    tally.write()


if __name__ == "__main__":
    main()
