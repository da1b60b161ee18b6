"""The benchmark set: its definition, its parts on disk, and that it can be broken off and gone on with."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import SYNTH_VERSION, SynthError, render_frame
from trainer.synth.benchmark_set import BenchmarkSet, read_definition, write_benchmark
from trainer.synth.write import frame_seed

TINY = (48, 60)


def small(definition: BenchmarkSet) -> BenchmarkSet:
    """The same set with few and tiny frames and three short drives."""
    splits = tuple(replace(split, num=17 if split.split == "Train" else 3, sizes=((TINY, 1.0),)) for split in definition.splits)
    drives = tuple(replace(drive, length_m=1.0, fps=4.0, size=TINY) for drive in definition.drives[:3])
    return replace(definition, splits=splits, drives=drives)


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_definition_is_that_of_this_renderer() -> None:
    definition = read_definition()

    assert definition.name == "rendered-v1" and definition.renderer == SYNTH_VERSION
    assert {split.split: split.num for split in definition.splits} == {"Train": 20_000, "Val": 2_000, "Test": 4_000}
    assert len(definition.drives) == 20
    assert all(10 <= drive.length_m <= 16 for drive in definition.drives)
    for split in definition.splits:
        assert sum(share for _, share in split.sizes) == pytest.approx(1.0)
        assert dict(split.sizes)[(288, 352)] > 0.8


def test_no_two_splits_share_a_pipe() -> None:
    definition = read_definition()
    ranges = sorted((frame_seed(split.seed, 1), frame_seed(split.seed, split.num)) for split in definition.splits)

    assert all(last < first for (_, last), (first, _) in pairwise(ranges))
    assert max(drive.seed for drive in definition.drives) < ranges[0][0]


@pytest.mark.parametrize("split", read_definition().splits, ids=lambda split: split.split)
def test_every_class_and_normal_frames_are_in_every_split(split: object) -> None:
    missing = {*taxonomy().codes, "normal"}

    for number in range(1, 401):
        labels = render_frame(frame_seed(split.seed, number), size=(40, 48), profile=split.profile).labels  # type: ignore[attr-defined]
        missing -= {code for code, label in zip(taxonomy().codes, labels, strict=True) if label} or {"normal"}
        if not missing:
            return
    raise AssertionError(f"none of {sorted(missing)} in the first 400 frames")


def test_set_on_disk_has_splits_and_drives_and_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    definition = small(read_definition())
    write_benchmark(tmp_path / "whole", definition, dataset="name: rendered-v1\n")

    def stop(part: str, done: int) -> None:
        if part == "drives" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_benchmark(tmp_path / "set", definition, dataset="name: rendered-v1\n", progress=stop)
    done: list[tuple[str, int]] = []
    write_benchmark(tmp_path / "set", definition, dataset="name: rendered-v1\n", workers=2, progress=lambda *item: done.append(item))

    assert [item for item in done if item[0] == "drives"] == [("drives", 2), ("drives", 3)]
    assert files_in(tmp_path / "set") == files_in(tmp_path / "whole")
    names = {"Train", "Val", "Test"}
    assert {path.name for path in (tmp_path / "set").iterdir()} == {
        *names,
        *(f"SewerML_{name}.csv" for name in names),
        *(f"SewerML_{name}_operator.csv" for name in names),
        *("frames.csv", "DATASET.yaml", "drives"),
    }
    assert {path.name for path in (tmp_path / "set" / "drives").iterdir()} == {"drive-01", "drive-02", "drive-03"}


def test_set_of_another_renderer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="defined for renderer rendered-0"):
        write_benchmark(tmp_path / "set", replace(read_definition(), renderer="rendered-0"), dataset="")

    assert not (tmp_path / "set").exists()
