"""Film runs in both modes: the same frames in the same order give the same record."""

import itertools
from pathlib import Path

import msgspec
import pytest

import edge_sdk.inspect_film
import tiny
from edge_sdk import Bundle, Inspector, Odometer, open_source
from edge_sdk.inspect_film import inspect_film, mode_for
from edge_sdk.records import Inspection
from edge_sdk.throughput import Mode

MODES: tuple[Mode, ...] = ("latency", "throughput")
DEMO = Path(__file__).parents[1] / "deploy" / "demo"


def film(path: Path, num_frames: int = 60) -> Path:
    return tiny.write_film(path, [tiny.painted(tiny.RED if 20 <= i < 40 else tiny.GREY) for i in range(num_frames)], fps=10)


def comparable(inspection: Inspection) -> dict:
    """Everything but the run's id and what follows from it."""
    record = msgspec.to_builtins(inspection)
    for item in record["observations"]:
        del item["observation_id"]
    return {name: record[name] for name in ("observations", "accounting", "coverage", "status", "notices", "thresholds")}


def test_both_modes_give_the_same_record(tmp_path: Path, bundle: Bundle) -> None:
    records, order = {}, {}
    for mode in MODES:
        seqs: list[int] = []
        with Inspector(bundle, threads=1) as inspector, open_source(film(tmp_path / "film.mp4")) as source:
            run = inspector.run(source, out=tmp_path / mode, on_frame=lambda result, seqs=seqs: seqs.append(result.frame.seq), mode=mode)  # type: ignore[misc]
            assert [item.class_.code for item in run] == ["RB"]
        records[mode], order[mode] = comparable(run.inspection), seqs
        assert run.inspection.model.threads == 1

    assert records["latency"] == records["throughput"] and order["latency"] == order["throughput"] == list(range(60))


def test_a_long_film_takes_throughput_where_there_are_cores_and_nobody_said_how_many_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mode(num_frames: int, threads: int | None, cores: int) -> Mode:
        monkeypatch.setattr(edge_sdk.inspect_film, "usable_cores", lambda: cores)
        with open_source(film(tmp_path / "film.mp4", num_frames)) as source:
            return mode_for(source, threads)

    assert mode(300, None, 4) == "throughput"
    assert [mode(300, 2, 4), mode(300, None, 1), mode(60, None, 4)] == ["latency"] * 3


@pytest.mark.slow
def test_the_demo_drive_gives_the_same_observations_in_both_modes(tmp_path: Path) -> None:
    with open_source(DEMO / "drive.mp4") as source:
        start = [frame.image_HWC for frame in itertools.islice(source.frames(), 300, 700)]
    path, found = tiny.write_film(tmp_path / "start.mp4", start), []
    for mode in MODES:
        inspection, _ = inspect_film(path, out=tmp_path / mode, film=False, threads=1, mode=mode)
        found.append(
            [(o.class_.code, o.kind, o.time_s, o.time_to_s, o.frame_index, round(o.score.peak, 3)) for o in inspection.observations]
        )

    assert found[0] == found[1] and found[0]


def test_an_odometer_places_frames_alike_in_both_modes(tmp_path: Path, bundle: Bundle) -> None:
    path = film(tmp_path / "film.mp4")
    (tmp_path / "odometer.csv").write_text("time_s,distance_m\n" + "\n".join(f"{i / 10},{i / 50}" for i in range(60)))
    records = []
    for mode in MODES:
        with Inspector(bundle, threads=1) as inspector, open_source(path) as source:
            odometer = Odometer.from_csv(tmp_path / "odometer.csv", source)
            run = inspector.run(source, odometer=odometer, mode=mode)
            list(run)
        records.append(comparable(run.inspection))

    assert records[0] == records[1] and records[0]["observations"][0]["chainage_m"] is not None
