"""Pictures of a journal: on the disk for good before the row that names them, and never one in place of another.

A picture that an acknowledged row points to is not overwritten: a later revision with a stronger frame gets a name of its own.
"""

import errno
import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from edge_sdk.journal.entries import ObservationEntry, PictureMissing
from edge_sdk.journal.files import write_durably
from edge_sdk.journal.space import Space
from edge_sdk.records import Observation, Picture

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Kept(NamedTuple):
    """A picture as it lies on the disk, with sha256 by path; or why it does not."""

    picture: Picture | None
    files: dict[str, str]
    missing: PictureMissing | None


def check_paths(observation: Observation, pictures: Mapping[str, bytes]) -> None:
    """Refuse pictures that are not the observation's, or that would lie outside the run's folder.

    Raises:
        ValueError: If so.
    """
    picture = observation.picture
    expected = set() if picture is None else {picture.path, picture.heatmap_path}
    if set(pictures) != expected:
        raise ValueError(f"pictures {sorted(pictures)} given, but the observation names {sorted(expected)}")
    for name in pictures:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise ValueError(f"{name}: a picture must lie in the run's folder")


def entry_with_pictures(entry: ObservationEntry, pictures: Mapping[str, bytes], run_dir: Path, space: Space) -> ObservationEntry:
    """Bring the pictures to the disk, or find those that lie there already; what there is then is in the entry."""
    picture = entry.observation.picture
    if picture is None or entry.picture_missing is not None:
        return msgspec.structs.replace(entry, observation=msgspec.structs.replace(entry.observation, picture=None))
    kept = _written(picture, pictures, run_dir, space) if pictures else _found(picture, run_dir)
    observation = msgspec.structs.replace(entry.observation, picture=kept.picture)
    return msgspec.structs.replace(entry, observation=observation, files=kept.files, picture_missing=kept.missing)


def _written(picture: Picture, pictures: Mapping[str, bytes], run_dir: Path, space: Space) -> Kept:
    if not space.pictures_fit:
        return Kept(None, {}, "disk_full")
    missing: PictureMissing = "io_error"
    for _ in range(2):  # the second time with new files: a failed fsync says nothing good of the old ones
        try:
            named = _with_free_names(picture, pictures, run_dir)
            for name, data in zip((named.path, named.heatmap_path), _both(picture, pictures), strict=True):
                write_durably(run_dir / name, data)
                space.add_written(len(data))
        except OSError as error:
            missing = "disk_full" if error.errno in FULL else "io_error"
            continue
        files = dict(zip((named.path, named.heatmap_path), map(_digest, _both(picture, pictures)), strict=True))
        return Kept(named, files, None)
    return Kept(None, {}, missing)


def _found(picture: Picture, run_dir: Path) -> Kept:
    """The pictures that the caller wrote; they count only with the bytes that the record names."""
    try:
        plain, heat = ((run_dir / name).read_bytes() for name in (picture.path, picture.heatmap_path))
    except OSError:
        return Kept(None, {}, "not_found")
    if _digest(plain) != picture.sha256:
        return Kept(None, {}, "not_found")
    return Kept(picture, {picture.path: picture.sha256, picture.heatmap_path: _digest(heat)}, None)


def _both(picture: Picture, pictures: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    return pictures[picture.path], pictures[picture.heatmap_path]


def _with_free_names(picture: Picture, pictures: Mapping[str, bytes], run_dir: Path) -> Picture:
    """The picture under names that hold nothing else."""
    for n in range(1, 100_000):
        named = msgspec.structs.replace(picture, path=_numbered(picture.path, n), heatmap_path=_numbered(picture.heatmap_path, n))
        if all(_holds(run_dir / name, data) for name, data in zip((named.path, named.heatmap_path), _both(picture, pictures), strict=True)):
            return named
    raise FileExistsError(errno.EEXIST, "no free name", picture.path)


def _numbered(name: str, number: int) -> str:
    path = PurePosixPath(name)
    return name if number == 1 else str(path.with_name(f"{path.stem}-{number}{path.suffix}"))


def _holds(path: Path, data: bytes) -> bool:
    """Whether nothing lies there, or exactly this."""
    return not path.exists() or path.read_bytes() == data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
