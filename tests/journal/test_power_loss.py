"""T-LOG3: after a power loss at any instant of a session, in the model of `power_loss.py`, every acknowledged row survives."""

import shutil
from collections.abc import Collection
from pathlib import Path

import pytest

from edge_sdk.journal.inspection import inspection_from_journal
from tests.journal.cases import pictures_are_right, recorded
from tests.journal.power_loss import Operation, power_losses, read_trace
from tests.journal.shim import build_shim, memory_folder, run_child


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory, shim: Path) -> list[Operation]:
    folder = tmp_path_factory.mktemp("trace")
    run_child(shim, folder / "runs", "traced", trace=folder / "trace")
    return read_trace(folder / "trace")


def survives(files: dict[str, bytes], root: str, where: Path, acknowledged: list[str]) -> bool:
    """Whether what was acknowledged is there after a start from these files."""
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    for name, data in files.items():
        path = where / Path(name).relative_to(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if not (where / "journal.sqlite").exists():
        return not acknowledged
    inspection_from_journal(where)
    found = [name for name, _ in recorded(where)]
    return len(found) == len(set(found)) and set(acknowledged) <= set(found) and pictures_are_right(where)


def check(trace: list[Operation], tmp_path: Path, at: Collection[int], *, seed: int = 0) -> int:
    begun = next((op.other for op in trace if op.other.endswith("journal.sqlite")), None)
    root = str(Path(begun).parent) if begun else ""
    tried = 0
    with memory_folder(tmp_path) as where:
        for index, mode, disk, files in power_losses(trace, at, seed=seed):
            assert survives(files, root, where / "run", disk.acknowledged), (index, mode, trace[index][:4])
            tried += 1
    return tried


def test_what_was_acknowledged_survives_power_loss_at_any_instant(trace: list[Operation], tmp_path: Path) -> None:
    assert sum(op.kind == "A" for op in trace) == 8 and sum(op.kind == "S" for op in trace) > 20
    assert check(trace, tmp_path, range(0, len(trace), 4)) > 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_what_was_acknowledged_survives_power_loss_at_every_instant(trace: list[Operation], tmp_path: Path, seed: int) -> None:
    assert check(trace, tmp_path, range(len(trace)), seed=seed) > 400


def test_the_model_finds_a_session_without_fsync(trace: list[Operation], tmp_path: Path) -> None:
    """The control: the same session on a disk that forgets to sync loses what was acknowledged."""
    lazy = [op for op in trace if op.kind != "S" or not op.path.endswith("-wal")]

    with pytest.raises(AssertionError):
        check(lazy, tmp_path, range(len(lazy)))


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_failed_fsync_is_not_believed_to_be_mended_by_the_next(tmp_path: Path, shim: Path, times: int) -> None:
    """Each fsync of a session fails, alone or with the next ones, and its bytes are gone although the process still sees them."""
    with memory_folder(tmp_path / "runs") as place:
        (told,) = run_child(shim, place, "every_sync", times, trace=tmp_path / "trace")
    sessions = by_session(read_trace(tmp_path / "trace"))

    assert told["sessions"] == len(sessions) > 30
    assert sum(op.kind == "F" for ops in sessions for op in ops) > times * 30
    tried = [check(operations, tmp_path, telling_instants(operations), seed=number) for number, operations in enumerate(sessions)]
    assert sum(tried) > 200


def telling_instants(operations: list[Operation]) -> list[int]:
    """Right after the first two acknowledgements that follow the failure: what they promised hangs on how it was mended."""
    failed = next((i for i, op in enumerate(operations) if op.kind == "F"), 0)
    return [i for i, op in enumerate(operations) if op.kind == "A" and i > failed][:2]


def by_session(trace: list[Operation]) -> list[list[Operation]]:
    sessions: list[list[Operation]] = []
    for operation in trace:
        if operation.kind == "A" and operation.path.startswith("session "):
            sessions.append([])
        else:
            sessions[-1].append(operation)
    return sessions
