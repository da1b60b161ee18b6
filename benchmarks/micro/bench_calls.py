"""Single calls on the robot's critical path: `prepare`, the tracker, the journal, opening a bundle.

    python -m pytest benchmarks/micro

Times of a shared machine are upper bounds; compare with `--benchmark-autosave` and `--benchmark-compare` on one that is idle.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.growth import inspection_of
from edge_sdk.bundle import Bundle
from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.journal import Journal
from edge_sdk.journal.entries import Header
from edge_sdk.tracking import Place, Tracker

SPEC = PreprocessSpec(height=160, width=160)
NUM_TRACKED = 1000


@pytest.mark.parametrize("size", [(576, 720), (720, 1280), (1080, 1920)], ids=lambda size: f"{size[1]}x{size[0]}")
def bench_prepare(benchmark: BenchmarkFixture, size: tuple[int, int]) -> None:
    """A camera frame to the network's size."""
    image_HWC = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)

    assert benchmark(prepare, image_HWC, SPEC).shape == (160, 160, 3)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5], ids=lambda share: f"{share:.0%} positive")
def bench_tracker(benchmark: BenchmarkFixture, share: float) -> None:
    """A thousand frames of a drive."""
    rng, classes = np.random.default_rng(0), len(taxonomy())
    scores_NC = np.where(rng.random((NUM_TRACKED, classes)) < share, 0.9, 0.1)

    def drive() -> int:
        tracker: Tracker[None] = Tracker((0.5,) * classes)
        closed = sum(len(tracker.update(scores_C, Place(0, 0.01 * i), i / 25, None)) for i, scores_C in enumerate(scores_NC))
        return closed + len(tracker.finish())

    assert (benchmark(drive) > 0) == (share > 0)


def bench_open_bundle(benchmark: BenchmarkFixture) -> None:
    """The shipped bundle: signature, digests, manifest."""
    assert benchmark(Bundle.open).signed_by


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal on the disk of the temp folder that commits at once: what is measured is the disk, not the wait for company."""
    began = msgspec.structs.replace(inspection_of(0), status="interrupted")
    with Journal.create(tmp_path / "run", Header(inspection=began, policy={}), commit_every_s=0.0) as opened:
        yield opened


def bench_journal(benchmark: BenchmarkFixture, journal: Journal) -> None:
    """One observation acknowledged: on the disk, synced."""
    waiting = iter(inspection_of(1000).observations)

    def acknowledged() -> None:
        journal.add_observation(next(waiting)).result(10)

    benchmark.pedantic(acknowledged, rounds=100, warmup_rounds=5)  # type: ignore[no-untyped-call]
