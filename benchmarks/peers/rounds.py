"""Passes in turns: every way once in each round, every second round backwards, so that what the machine does meets all alike."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measuring import Bench, Samples
from benchmarks.peers.agreement import References, agreement_of, references
from benchmarks.peers.catalogue import WAYS, Mode, Way
from benchmarks.peers.environment import environment_words, python_of
from benchmarks.peers.passes import WARM_UP, Pass, PeerFailedError, run_pass
from benchmarks.peers.runners.task import Task
from benchmarks.peers.stage import Model, Plan, Stage
from benchmarks.record import Measurement, Setting
from edge_sdk.errors import InputError
from edge_sdk.runtime.links import LINKS

ALL = "all figures"
PATIENCE = 2  # failures of one way; a peer that races with itself may do better in the next round


class Rounds:
    """Runs a plan and keeps a record of each pass; a way that fails twice is given up, and each reason recorded.

    Args:
        plan: What is compared.
        stage: Film, graph and tasks.
        model: Whose graph it is.
        bench: Takes the records.
    """

    def __init__(self, plan: Plan, stage: Stage, model: Model, bench: Bench) -> None:
        self._plan, self._stage, self._bench = plan, stage, bench
        self._precisions = {graph.precision for graph in model.bundle.manifest.graphs}
        self._references: References = references(stage.film.path, model.bundle, model.graph, stage.tasks[plan.modes[0]])
        self._pairing, self._failures = uuid.uuid4().hex[:12], Counter[str]()

    def run(self) -> list[Measurement]:
        """All rounds."""
        for number in range(self._plan.rounds):
            for mode in self._plan.modes:
                ways = [way for way in self._plan.ways if mode in way.modes]
                for way in ways[::-1] if number % 2 else ways:
                    if self._failures[f"{way.name}/{mode}"] < PATIENCE:
                        self._one(way, mode, number)
        return self._bench.records

    def _one(self, way: Way, mode: Mode, number: int) -> None:
        versions = environment_words(way.environment, self._plan.into)
        task = replace(self._stage.tasks[mode], option=way.option)
        name, task = f"{way.name}/{mode}", replace(task, precision=way.precision or task.precision, provider=way.provider)
        settings: dict[str, Setting] = {**self._stage.settings, "mode": mode, "frames": task.num_frames, "round": number}
        settings["environment"] = versions
        if (why := self._cannot(way, task)) is not None:
            self._bench.note(name, not_measured={ALL: why}, settings=settings, pairing=self._pairing)
            return
        Path(task.out).unlink(missing_ok=True)  # or a runner that dies would leave the former one's figures
        try:
            done = run_pass(way, task, None if way.is_ours else python_of(way.environment, self._plan.into))
        except (InputError, PeerFailedError) as error:
            self._failures[name] += PATIENCE if isinstance(error, InputError) else 1
            self._bench.note(name, not_measured={ALL: str(error)}, settings=settings, pairing=self._pairing)
            return
        figures, failed = self._agreement(way, done) if mode == "file" else ({}, ())
        samples = Samples(done.times_ms, WARM_UP, ())
        settings["usable_cores"] = done.usable_cores
        settings["environment"] = ", ".join(filter(None, (versions, done.remark)))
        self._bench.note(
            name, samples=samples, figures={**done.figures, **figures}, settings=settings, pairing=self._pairing, failed=failed
        )

    def _cannot(self, way: Way, task: Task) -> str | None:
        """Why one of our ways cannot be gone with this bundle, or here."""
        if task.precision not in self._precisions:
            return f"the bundle has no {task.precision} graph"
        missing = LINKS[way.provider].missing() if way.is_ours else None
        return None if missing is None else missing.detail

    def _agreement(self, way: Way, done: Pass) -> tuple[dict[str, float], tuple[str, ...]]:
        """What a pass says of the same frames; live frames carry a number in a pixel and are left out."""
        agreed = agreement_of(done.scores, self._references, is_ours=way.is_ours)
        broken = f"scores differ by up to {agreed.max_dp:.3f} from the same graph on the same image"
        figures = {
            "max_dp": agreed.max_dp,
            "max_dp_ours": agreed.max_dp_ours,
            "mean_dp_ours": agreed.mean_dp_ours,
            "flips": float(agreed.flips),
            "decisions": float(agreed.decisions),
            "same_top": agreed.same_top,
        }
        return figures, () if agreed.holds or way.precision else (broken,)


def check_installed(names: Sequence[str], into: Path) -> None:
    """A peer that was asked for by name must be there.

    Raises:
        InputError: If it is not; says how to install it, or why that failed.
    """
    for name in names:
        if not WAYS[name].is_ours:
            python_of(WAYS[name].environment, into)
