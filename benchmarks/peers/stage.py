"""What all passes share: the film, the graph on disk, and a task for each mode."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from benchmarks.film import FPS, FULL_HD, Film, film_of
from benchmarks.peers.catalogue import MODES, Mode, Way
from benchmarks.peers.runners.task import Task
from benchmarks.record import Setting
from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Graph
from edge_sdk.errors import ContractError, SourceError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # runners inherit them


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared.

    Attributes:
        ways: In the order of the first round.
        rounds: How often each.
        num_frames: Of a pass, by mode.
        kernel: The peers' resize, `linear` or `area`.
        into: Where the environments are, and the enlarged demo drive is kept.
        modes: Films, cameras, or both.
    """

    ways: Sequence[Way]
    rounds: int
    num_frames: dict[Mode, int]
    kernel: str
    into: Path
    modes: Sequence[Mode] = MODES


@dataclass(frozen=True, slots=True)
class Model:
    """The bundle whose graph of one precision everybody runs, and the options it was opened with."""

    bundle: Bundle
    path: Path | None
    trust: Sequence[Path]
    precision: str = "fp32"

    @property
    def graph(self) -> Graph:
        """The graph of that precision.

        Raises:
            ContractError: If the bundle has none.
        """
        for graph in self.bundle.manifest.graphs:
            if graph.precision == self.precision:
                return graph
        carried = ", ".join(graph.precision for graph in self.bundle.manifest.graphs)
        raise ContractError(
            f"{self.bundle.identity} has no {self.precision} graph (it carries: {carried}); give another --bundle or --precision"
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A task for each mode, and what every record says."""

    film: Film
    tasks: dict[Mode, Task]
    settings: dict[str, Setting]


@contextmanager
def stage_of(plan: Plan, film: Path | None, model: Model) -> Iterator[Stage]:
    """Film and graph on disk as the runners take them; the graph is removed in the end.

    Raises:
        EdgeSdkError: If the film cannot be read or is too short, or the bundle has no such graph.
    """
    longest = max(plan.num_frames[mode] for mode in plan.modes)
    shown = film_of(film, FULL_HD, longest, plan.into)
    _check_length(shown.path, longest)
    with TemporaryDirectory(prefix="peers-") as folder:
        (Path(folder) / "model.onnx").write_bytes(model.bundle.read(model.graph.file))
        tasks = {mode: _task(mode, plan, shown, model, Path(folder)) for mode in plan.modes}
        yield Stage(shown, tasks, _settings(shown, tasks[plan.modes[0]]))


def _task(mode: Mode, plan: Plan, film: Film, model: Model, folder: Path) -> Task:
    spec = model.bundle.manifest.preprocess
    return Task(
        film=str(film.path.resolve()),
        model=str(folder / "model.onnx"),
        bundle=None if model.path is None else str(model.path.resolve()),
        trust=tuple(str(key.resolve()) for key in model.trust),
        out=str(folder / "result.json"),
        mode=mode,
        num_frames=plan.num_frames[mode],
        fps=FPS,
        height=spec.height,
        width=spec.width,
        kernel=plan.kernel,
        temperature=model.graph.temperature,
        precision=model.precision,
        option="",
    )


def _settings(film: Film, task: Task) -> dict[str, Setting]:
    return {
        "film": film.origin,
        "film_sha256": hashlib.sha256(film.path.read_bytes()).hexdigest()[:16],
        "size": str(film.size),
        "camera_fps": task.fps,
        "input": f"{task.width}x{task.height}",
        "peers_resize": task.kernel,
        "provider": "cpu",
        "precision": task.precision,
        "cores_of_machine": os.cpu_count(),
        **{name: os.environ.get(name) for name in THREADS},
    }


def _check_length(film: Path, num_frames: int) -> None:
    capture = cv2.VideoCapture(str(film))
    announced = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    if announced < num_frames:
        raise SourceError(f"{film}: {announced:.0f} frames, {num_frames} are asked for; give a longer film or fewer frames")
