"""What serves in a live run, for its journal: another model, runtime, thresholds or policy is an entry of its own."""

import msgspec

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.journal.entries import Serving
from edge_sdk.live.result import LiveResult, LiveSettings
from edge_sdk.live_run.roster import Roster
from edge_sdk.run_record import model_record

PARTS = ("model", "runtime", "thresholds", "policy")


class ServingLog:
    """Notices changes from result to result.

    Args:
        roster: What the record says of the models.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._served: tuple[object, ...] | None = None

    def add(self, result: LiveResult) -> Serving | None:
        """Take in a result with scores; gives the entry to record if something else serves than before."""
        self._roster.watch(result.model).add(result)
        served, serves = self._served, (result.model, result.provider, result.settings.thresholds, result.settings.policy)
        self._served = serves
        if served is None or serves == served:
            return None
        changed = [part for part, before, now in zip(PARTS, served, serves, strict=True) if before != now]
        return serving_entry(self._roster, result.model, result.settings, f"{' and '.join(changed)} changed at frame {result.seq}")


def serving_entry(roster: Roster, identity: str, settings: LiveSettings, reason: str) -> Serving:
    """The entry that says what serves from here on.

    Args:
        roster: Knows the model.
        identity: Of the model.
        settings: What it runs under.
        reason: Why it is recorded now, in one line.
    """
    context = roster.context(identity, settings)
    return Serving(
        model=model_record(context), thresholds=dict(zip(taxonomy().codes, settings.thresholds, strict=True)),
        policy=msgspec.to_builtins(settings.policy), reason=reason,
    )  # fmt: skip
