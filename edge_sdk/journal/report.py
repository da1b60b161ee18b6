"""The reports of a run from its journal alone."""

import hashlib
from pathlib import Path

import msgspec

from edge_sdk.errors import OutputError
from edge_sdk.journal.files import write_durably
from edge_sdk.journal.recover import recover
from edge_sdk.records import Inspection, Observation
from edge_sdk.report import write_reports


def report_from_journal(run_dir: Path, out: Path | None = None) -> tuple[Inspection, dict[str, Path], tuple[str, ...]]:
    """Close the run if it broke off, and write its three reports.

    Args:
        run_dir: The run's folder.
        out: Where the reports go, with copies of the pictures; None for the run's folder.

    Returns:
        The record as reported, where each report lies, and what had to be done to the journal.

    Raises:
        OutputError: If there is no journal, nothing in it can be read, a process is still writing it, or `out` cannot be written.
    """
    inspection, notes = recover(run_dir)
    inspection = _with_pictures_as_they_lie(inspection, run_dir, run_dir if out is None else out)
    return inspection, write_reports(inspection, run_dir if out is None else out), notes


def _with_pictures_as_they_lie(inspection: Inspection, run_dir: Path, out: Path) -> Inspection:
    """The record without pictures that are gone or are others than were recorded; the rest copied to where the reports go."""
    observations = tuple(_checked(item, run_dir, out) for item in inspection.observations)
    gone = sum(now.picture is not before.picture for now, before in zip(observations, inspection.observations, strict=True))
    notices = inspection.notices
    if gone:
        notices = (*notices, f"Pictures that are gone from the run's folder, or are not the ones that were recorded: {gone}.")
    return msgspec.structs.replace(inspection, observations=observations, notices=notices)


def _checked(observation: Observation, run_dir: Path, out: Path) -> Observation:
    picture = observation.picture
    if picture is None:
        return observation
    try:
        files = {name: _inside(run_dir, name).read_bytes() for name in (picture.path, picture.heatmap_path)}
    except OSError:
        return msgspec.structs.replace(observation, picture=None)
    if hashlib.sha256(files[picture.path]).hexdigest() != picture.sha256:
        return msgspec.structs.replace(observation, picture=None)
    for name, data in files.items():
        _copy(_inside(out, name), data)
    return observation


def _inside(folder: Path, name: str) -> Path:
    """A path of the journal, which may come from elsewhere, and must not lead out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise OSError(f"{name} leads out of {folder}")
    return path


def _copy(path: Path, data: bytes) -> None:
    if path.exists() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    try:
        write_durably(path, data)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}; check the folder and its free space") from error
