"""The models of a live run: the one it began with, and those exchanged for it; who they are and who closes them."""

import threading
from collections.abc import Callable, Collection

import msgspec

from edge_sdk.contract.manifest import LabelRule
from edge_sdk.inspector import Inspector
from edge_sdk.live.result import LiveModel, LiveSettings
from edge_sdk.run_record import ProviderWatch, RunContext
from edge_sdk.runtime.heap import return_freed_memory
from edge_sdk.supervision import TimedSession

HAND_SET = "set-during-the-run"


class Roster:
    """Models by the identity their results carry.

    Args:
        record_s: Told how long each run of a network took.
    """

    def __init__(self, record_s: Callable[[float], object]) -> None:
        self._record_s = record_s
        self._lock = threading.Lock()
        self._inspectors: dict[str, Inspector] = {}
        self._watches: dict[str, ProviderWatch] = {}
        self._owned: set[str] = set()

    def add(self, inspector: Inspector, *, owned: bool) -> LiveModel:
        """A model that may serve; one that is `owned` is closed by this roster."""
        with self._lock:
            name = inspector.bundle.identity
            same = sum(known == name or known.startswith(f"{name} (") for known in self._inspectors)
            identity = f"{name} ({same + 1})" if same else name
            self._inspectors[identity], self._watches[identity] = inspector, ProviderWatch(inspector.session)
            if owned:
                self._owned.add(identity)
        session = TimedSession(inspector.session, self._record_s)
        return LiveModel(
            session, inspector.bundle.manifest.preprocess, identity, temperature=inspector.graph.temperature,
            is_loading=lambda: self.is_loading(identity),
        )  # fmt: skip

    def inspector(self, identity: str) -> Inspector:
        """Who is behind an identity."""
        return self._inspectors[identity]

    def is_loading(self, identity: str) -> bool:
        """Whether a model's chain is starting another runtime just now, within a run of the network."""
        return self._inspectors[identity].session.is_loading

    def rule(self, identity: str) -> LabelRule:
        """Where a labelled thing lies, seen from the camera."""
        return self._inspectors[identity].bundle.manifest.label_rule

    def watch(self, identity: str) -> ProviderWatch:
        """Who notes this model's changes of runtime."""
        return self._watches[identity]

    def context(self, identity: str, settings: LiveSettings) -> RunContext:
        """What the record says of a model under these settings."""
        inspector = self._inspectors[identity]
        graph = inspector.graph
        if settings.thresholds != graph.thresholds:
            graph = msgspec.structs.replace(graph, thresholds=settings.thresholds, threshold_origin=HAND_SET)
        return RunContext(
            bundle=inspector.bundle, graph=graph, session=inspector.session, self_test=inspector.self_test, policy=settings.policy,
            watch=self._watches[identity],
        )  # fmt: skip

    def close(self, *, keep: Collection[str] = (), only: str | None = None) -> None:
        """Close the models that are owned: all but those to keep, or one alone."""
        with self._lock:
            leaving = self._owned - set(keep) if only is None else self._owned & {only}
            self._owned -= leaving
        for identity in leaving:
            inspector = self._inspectors[identity]
            inspector.close()
            inspector.bundle = inspector.bundle.without_files()  # who it was stays in the record; its graphs need not stay in memory
        if leaving:
            return_freed_memory()
