"""The metrics of a robot, under fixed names with fixed labels, as text for Prometheus.

Labels have few values known beforehand (prometheus.io, naming: no unbounded labels): a reason, a camera's number, a state, a runtime.
No pipe, place, file or address is ever in a label. Counters go on over an exchange of the model or a new stream.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence

from edge_sdk.supervision.degradation import NAMES, Degradation
from edge_sdk.supervision.exposition import Family, Sample, text_from_families
from edge_sdk.supervision.histogram import FollowingCounter, Histogram
from edge_sdk.supervision.host import Host
from edge_sdk.supervision.lifecycle import STATES, State
from edge_sdk.supervision.snapshot import Snapshot

DROP_REASONS = ("superseded", "bad_shape", "unreadable", "paused", "stopped", "inference_failed", "abandoned", "other")
MAX_CAMERAS = 4
MAX_LABEL = 64


class Metrics:
    """All metrics of one process. Every method may be called from any thread and returns at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, str], FollowingCounter] = defaultdict(FollowingCounter)
        self._inference, self._age = Histogram(), Histogram()
        self._snapshot: Snapshot | None = None
        self._host = Host()
        self._state: State = "UNCONFIGURED"
        self._lacking: frozenset[str] = frozenset()

    def observe_inference(self, seconds: float) -> None:
        """One run of the network."""
        with self._lock:
            self._inference.observe(seconds)

    def observe_age(self, seconds: float) -> None:
        """One result: seconds from its frame's capture to it."""
        with self._lock:
            self._age.observe(seconds)

    def update(self, snapshot: Snapshot, host: Host, state: State, lacking: Sequence[Degradation]) -> None:
        """Take in the newest look at the run."""
        with self._lock:
            self._snapshot, self._host, self._state = snapshot, host, state
            self._lacking = frozenset(item.name for item in lacking)
            self._follow("received", snapshot.accounting.received)
            self._follow("processed", snapshot.accounting.processed)
            self._follow("observations", snapshot.observations)
            self._follow("results_lost", snapshot.results_lost)
            for reason in DROP_REASONS[:-1]:
                self._follow("dropped", snapshot.accounting.dropped.get(reason, 0), reason)
            self._follow("dropped", sum(n for reason, n in snapshot.accounting.dropped.items() if reason not in DROP_REASONS[:-1]), "other")
            for number, camera in enumerate(snapshot.cameras[:MAX_CAMERAS]):
                self._follow("reconnects", camera.reconnects, str(number))

    def text(self) -> str:
        """Everything in Prometheus' text format."""
        with self._lock:
            return text_from_families(self._families())

    def _follow(self, name: str, total: int, label: str = "") -> None:
        self._counters[name, label].follow(total)

    def _count(self, name: str, label: str = "") -> int:
        return self._counters[name, label].value

    def _families(self) -> Iterator[Family]:
        yield _counter("frames_received", "Frames the cameras gave.", [Sample(self._count("received"))])
        yield _counter(
            "frames_dropped", "Frames that gave no scores, by reason.",
            [Sample(self._count("dropped", reason), {"reason": reason}) for reason in DROP_REASONS],
        )  # fmt: skip
        yield _counter("frames_processed", "Frames that gave scores.", [Sample(self._count("processed"))])
        yield Family("edge_sdk_inference_duration_seconds", "histogram", "One run of the network.", self._inference.samples())
        yield Family("edge_sdk_result_age_seconds", "histogram", "From a frame's capture to its result.", self._age.samples())
        yield _counter("observations", "Observations closed.", [Sample(self._count("observations"))])
        yield _counter("results_lost", "Results replaced before their reader took them.", [Sample(self._count("results_lost"))])
        yield _gauge("state", "1 for the state the run is in.", _flags("state", STATES, {self._state}))
        yield _gauge("degradation", "1 for each thing that is lacking.", _flags("reason", NAMES, self._lacking))
        yield from self._of_snapshot(self._snapshot)

    def _of_snapshot(self, snapshot: Snapshot | None) -> Iterator[Family]:
        """Gauges, which are not there before the first look."""
        if snapshot is None:
            return
        cameras = [(str(number), camera) for number, camera in enumerate(snapshot.cameras[:MAX_CAMERAS])]
        yield _counter(
            "camera_reconnects", "Returns of a camera after a loss.",
            [Sample(self._count("reconnects", number), {"camera": number}) for number, _ in cameras],
        )  # fmt: skip
        yield _gauge(
            "camera_online", "1 while a camera gives frames.",
            [Sample(camera.state == "online", {"camera": number}) for number, camera in cameras],
        )  # fmt: skip
        labels = {"provider": snapshot.provider[:MAX_LABEL], "precision": snapshot.precision[:MAX_LABEL]}
        yield _gauge("backend_info", "The runtime and the graph's precision that serve.", [Sample(1, labels)])
        if snapshot.journal is not None:
            yield _gauge("observation_log_bytes", "Size of the durable log.", [Sample(snapshot.journal.num_bytes)])
            yield _gauge("observation_log_waiting", "Entries that wait for the disk.", [Sample(snapshot.journal.waiting)])
        if self._host.disk_free_bytes is not None:
            yield _gauge("disk_free_bytes", "Free space where the run is recorded.", [Sample(self._host.disk_free_bytes)])
        if self._host.temperature_c is not None:
            yield _gauge("temperature_celsius", "The hottest thermal zone.", [Sample(self._host.temperature_c)])


def _counter(name: str, what: str, samples: Sequence[Sample]) -> Family:
    return Family(f"edge_sdk_{name}_total", "counter", what, samples)


def _gauge(name: str, what: str, samples: Sequence[Sample]) -> Family:
    return Family(f"edge_sdk_{name}", "gauge", what, samples)


def _flags(label: str, names: Sequence[str], set_names: frozenset[str] | set[State]) -> list[Sample]:
    return [Sample(name in set_names, {label: name.lower()}) for name in names]
