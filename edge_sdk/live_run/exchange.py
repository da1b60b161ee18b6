"""The exchange of a live run's model: loaded and tested beside the one that serves, let in on probation, and closed when it has gone."""

import threading
import time
from collections.abc import Collection
from contextlib import AbstractContextManager

import msgspec

from edge_sdk.bundle import Bundle
from edge_sdk.errors import EdgeSdkError
from edge_sdk.inspector import Inspector
from edge_sdk.journal import Journal
from edge_sdk.live import LiveStream
from edge_sdk.live.models import SwapReport
from edge_sdk.live.worker import one_line
from edge_sdk.live_run.roster import Roster


class Exchange:
    """Swaps of one run, one at a time.

    Args:
        inspector: The model the run began with, whose options later ones are opened with.
        stream: Where models serve.
        roster: Who they are.
        journal: Where a refusal is noted.
    """

    def __init__(self, inspector: Inspector, stream: LiveStream, roster: Roster, journal: Journal) -> None:
        self._inspector, self._stream, self._roster, self._journal = inspector, stream, roster, journal
        self._lock = threading.Lock()
        self._refused: list[SwapReport] = []

    @property
    def reports(self) -> tuple[SwapReport, ...]:
        """The exchanges the stream knows of, and those that never came to it."""
        return (*self._stream.swaps, *self._refused)

    def swap(self, bundle: Bundle, during: AbstractContextManager[None]) -> SwapReport:
        """See `LiveInspection.swap`; `during` is entered for as long as it takes."""
        with self._lock, during:
            try:
                inspector = self._inspector.like(bundle)
            except EdgeSdkError as error:
                return self._refuse(bundle, one_line(error))
            model = self._roster.add(inspector, owned=True)
            report = self._stream.swap(
                model, msgspec.structs.replace(self._stream.settings, thresholds=inspector.graph.thresholds)
            )  # fmt: skip
            if report.outcome == "refused":
                self._roster.close(only=model.identity)
            return report

    def settle(self) -> None:
        """A probation is over: close the models that cannot serve any more."""
        with self._lock:  # a model being tried belongs to nobody yet
            if not self._stream.status.workers_abandoned:  # one that hangs cannot be closed
                self._roster.close(keep=self._may_serve())

    def _refuse(self, bundle: Bundle, reason: str) -> SwapReport:
        report = SwapReport("refused", time.monotonic_ns(), self._stream.status.model, bundle.identity, reason)
        self._refused.append(report)
        self._journal.add_event("warn", "swap_refused", f"{report.before} -> {report.after}: {report.reason}")
        return report

    def _may_serve(self) -> Collection[str]:
        """The model that serves, and those it may be taken back to."""
        kept = [report.after for report in self._stream.swaps if report.outcome == "kept"]
        return {self._stream.status.model, *kept[-1:], self._inspector.bundle.identity}
