"""What soaks have found, each as a test of a second."""

from pathlib import Path

import pytest

from edge_sdk import Bundle, Inspector
from edge_sdk.coverage import CoverageLog
from edge_sdk.errors import CorruptBundleError
from edge_sdk.journal.space import WINDOW_S, Space
from edge_sdk.live.result import LiveSettings
from edge_sdk.live_run.roster import Roster
from edge_sdk.odometer import Chainage


def test_a_model_that_has_gone_leaves_its_name_and_not_its_graphs(bundle: Bundle) -> None:
    roster = Roster(lambda seconds: None)
    model = roster.add(Inspector(bundle, threads=1), owned=True)
    settings = LiveSettings(thresholds=bundle.manifest.graphs[0].thresholds)

    roster.close()

    context = roster.context(model.identity, settings)
    with pytest.raises(CorruptBundleError):
        context.bundle.read("model.onnx")
    with pytest.raises(CorruptBundleError):
        roster.inspector(model.identity).session._bundle.read("model.onnx")
    assert context.bundle.identity == bundle.identity and roster.rule(model.identity) == bundle.manifest.label_rule
    assert bundle.read("model.onnx"), "the caller's own stays whole"


def test_a_model_that_is_somebody_elses_stays_whole(bundle: Bundle) -> None:
    roster = Roster(lambda seconds: None)
    with Inspector(bundle, threads=1) as inspector:
        roster.add(inspector, owned=False)
        roster.close()

        assert inspector.bundle.read("model.onnx") and inspector.session.provider


def test_a_run_that_records_no_pictures_does_not_gather_the_sizes_of_all_it_wrote(tmp_path: Path) -> None:
    now_s = 0.0
    space = Space(tmp_path, reserve_bytes=0, monotonic=lambda: now_s)
    for _ in range(8 * 3600 * 4):
        now_s += 0.25
        space.add_written(500)

    assert len(space._written) <= WINDOW_S + 1 and space.rate_bytes_per_s == pytest.approx(2000, rel=0.01)


def test_how_far_a_drive_has_come_is_told_without_all_its_gaps() -> None:
    log = CoverageLog(False)
    for i in range(100):
        log.note(float(i), Chainage(i / 10, "ok"), "blurred" if i % 2 else None)

    assert len(log.record().gaps) == 50 and log.extent().gaps == ()
    assert (log.extent().to_m, log.extent().duration_s) == (log.record().to_m, log.record().duration_s) == (9.9, 99.0)
