import itertools
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from msgspec.structs import replace

from trainer.cli import main
from trainer.errors import ExportError
from trainer.export.pareto import Point, front, write_pareto
from trainer.export.pareto_labels import place_labels
from trainer.export.parity_record import GraphRow, Latency, Machine, ParityRecord, json_from_parity


def record(name: str, f2_ciw: float, num_bytes: int, *, timed: bool = True) -> ParityRecord:
    rows = tuple(
        GraphRow(
            name=f"onnx {precision}",
            precision=precision,  # type: ignore[arg-type]
            num_bytes=num_bytes // divisor,
            f2_ciw=f2_ciw - 0.001 * divisor,
            f2_C=(f2_ciw,),
            latency=(Latency(1, 40.0 / divisor, 10),) if timed else (),
        )
        for precision, divisor in (("fp32", 1), ("fp16", 2), ("int8-x86", 4))
    )
    return ParityRecord(
        name=name, backbone="resnet18", reference="onnx fp32", data_name="p$inted", data_kind="other", split="Test", num_images=9,
        num_val_images=9, codes=("RB",), num_positive_C=(4,), bound=0.005, bound_tuned=0.003, rows=rows,
        machine=Machine("a $ cpu", 4, 0.1) if timed else None,
    )  # fmt: skip


RECORDS = [record(f"student-{letter}", 0.5 + 0.001 * i, 40_000_000 + 3_000_000 * i) for i, letter in enumerate("abcd")]


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    points = [Point(cost, f2, "", "", "") for cost, f2 in ((1, 10), (2, 9), (2, 12), (3, 12), (4, 20), (5, 19))]

    assert [(p.cost, p.f2_ciw) for p in front(points)] == [(1, 10), (2, 12), (4, 20)]
    for kept, other in itertools.product(front(points), points):
        assert not (other.cost <= kept.cost and other.f2_ciw > kept.f2_ciw)


@pytest.mark.parametrize("timed", [True, False])
def test_both_pictures_are_written_and_every_graph_is_named(tmp_path: Path, timed: bool) -> None:
    records = [record(r.name, 0.5, 40_000_000, timed=timed) for r in RECORDS[:2]]
    folders = [tmp_path / r.name for r in records]
    for folder, item in zip(folders, records, strict=True):
        folder.mkdir()
        (folder / "parity.json").write_bytes(json_from_parity(item))

    assert main(["parity", *map(str, folders), "--pareto", str(tmp_path / "out" / "costs.png")]) == 0

    assert (tmp_path / "out" / "costs.png").read_bytes()[:4] == b"\x89PNG"
    drawn = (tmp_path / "out" / "costs.svg").read_text()
    assert all(f"{r.name} {p}" in drawn for r in records for p in ("fp32", "fp16", "int8-x86"))
    assert ("not measured" in drawn) == (not timed)


def test_labels_of_a_crowd_do_not_overlap_each_other_or_a_point() -> None:
    figure = Figure(figsize=(7, 5))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number in range(12):
        axes.plot(10 + 0.4 * (number % 4), 50 + 0.3 * (number // 4), "o", label=f"student-resnet18 int8-{number}")
    axes.set(xlim=(5, 20), ylim=(40, 60))
    figure.canvas.draw()

    place_labels(axes)

    labels = [text for text in axes.texts if isinstance(text, Annotation)]
    boxes = [Text.get_window_extent(text) for text in labels]
    assert len(labels) == 12
    assert not any(one.overlaps(two) for one, two in itertools.combinations(boxes, 2))
    assert all(axes.bbox.contains(x, y) for box in boxes for x, y in ((box.x0, box.y0), (box.x1, box.y1)))
    points = [axes.transData.transform((10 + 0.4 * (n % 4), 50 + 0.3 * (n // 4))) for n in range(12)]
    assert not any(box.contains(x, y) for box in boxes for x, y in points)


def test_figures_of_different_images_do_not_share_a_picture(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="different images"):
        write_pareto([RECORDS[0], replace(RECORDS[1], split="Val")], tmp_path / "p.png")
    with pytest.raises(ExportError, match="nothing to draw"):
        write_pareto([replace(RECORDS[0], rows=())], tmp_path / "p.png")
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_was_not_measured_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parity", str(tmp_path), "--pareto", str(tmp_path / "p.png")]) == 1

    assert f"{tmp_path}: not measured yet; run 'parity" in capsys.readouterr().err
