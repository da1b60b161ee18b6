"""Writing a data folder as shards (see `shards.py`), and the command `shards` around it."""

import argparse
import hashlib
import io
import shutil
import sys
import tarfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np

from edge_sdk.contract.taxonomy import taxonomy
from trainer.data.provenance import DATASET
from trainer.data.sewer_ml import Split, SplitName, has_split, read_split
from trainer.data.shards import ENTRY, FORMAT, SHARDS, Shard, ShardedSplit, ShardList, index_name, sha256_of, verify
from trainer.errors import DataError

MEGABYTE = 1_000_000
TAR_BLOCK = 512


def write_shards(data: Path, out: Path, *, shard_mb: float = 64.0) -> Iterator[Shard]:
    """Write every split with labels as shards of about `shard_mb` megabytes; `out` appears when all is written.

    Yields:
        Each shard when it is written.

    Raises:
        DataError: If the data folder is not what its layout promises, an image cannot be read, or `out` is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is not empty; choose a new folder")
    splits = [read_split(data, name) for name in get_args(SplitName) if has_split(data, name)]
    if not splits:
        raise DataError(f"{data} has no SewerML_<Split>.csv with labels; give a folder in Sewer-ML's layout")
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        stated: dict[str, ShardedSplit] = {}
        for split in splits:
            stated[split.name] = yield from _write_split(split, part, shard_mb)
        if (data / DATASET).is_file():
            shutil.copy(data / DATASET, part / DATASET)
        (part / SHARDS).write_bytes(msgspec.json.format(msgspec.json.encode(ShardList(FORMAT, stated)), indent=1) + b"\n")
        if out.exists():
            out.rmdir()
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_split(split: Split, out: Path, shard_mb: float) -> Generator[Shard, None, ShardedSplit]:
    """As a generator's value: what `SHARDS.json` says of the split."""
    shutil.copy(split.csv_path, out / split.csv_path.name)
    shards: list[Shard] = []
    entries_N, start = np.zeros(len(split), ENTRY), 0
    while start < len(split):
        path = out / f"{split.name}-{len(shards):06d}.tar"
        stop = _write_tar(split, start, path, int(shard_mb * MEGABYTE))
        entries_N[start:stop] = _entries(path, split, start, stop, len(shards))
        shards.append(Shard(path.name, stop - start, path.stat().st_size, sha256_of(path)))
        yield shards[-1]
        start = stop
    np.save(out / index_name(split.name), entries_N)
    csv_sha256 = hashlib.sha256(split.csv_path.read_bytes()).hexdigest()
    return ShardedSplit(csv_sha256, sha256_of(out / index_name(split.name)), tuple(shards))


def _write_tar(split: Split, start: int, path: Path, max_bytes: int) -> int:
    """Fill one shard from row `start`; returns the row after its last. A shard holds at least one image."""
    codes = np.array(taxonomy().codes)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for row in range(start, len(split)):
            data, name = split.read_bytes(row), split.files[row]
            if row > start and tar.offset + len(data) + 4 * TAR_BLOCK > max_bytes:
                return row
            _add(tar, name, data)
            _add(tar, f"{Path(name).stem}.json", msgspec.json.encode({"codes": codes[split.targets_NC[row] > 0].tolist()}))
    return len(split)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """No time, owner or mode of this machine: the same images give the same shards."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _entries(path: Path, split: Split, start: int, stop: int, number: int) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    """Where the images lie, by reading the shard back."""
    with tarfile.open(path) as tar:
        members = {member.name: member for member in tar}
    entries = np.zeros(stop - start, ENTRY)
    with path.open("rb") as file:
        for entry, row in zip(entries, range(start, stop), strict=True):
            member = members[split.files[row]]
            file.seek(member.offset_data)
            entry["shard"], entry["offset"], entry["length"] = number, member.offset_data, member.size
            entry["crc"] = zlib.crc32(file.read(member.size))
    return entries


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command `shards`."""
    parser.add_argument("--data", type=Path, help="folder in Sewer-ML's layout to write as shards")
    parser.add_argument("--out", type=Path, help="folder to write; must not exist, or be empty")
    parser.add_argument("--shard-mb", type=float, default=64.0, help="size of one shard in megabytes (64)")
    parser.add_argument("--verify", type=Path, metavar="DIR", help="check the shards of a folder by their digests instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write or verify.

    Raises:
        DataError: As `write_shards` and `verify`, or if neither or both are asked for.
    """
    if (args.verify is None) == (args.data is None) or (args.data is None) != (args.out is None):
        raise DataError("give --data with --out to write shards, or --verify to check them")
    if args.verify is not None:
        done = [num_images for _, num_images in verify(args.verify)]
    else:
        done = [shard.num_images for shard in write_shards(args.data, args.out, shard_mb=args.shard_mb)]
    print(f"{len(done)} shards, {sum(done)} images", file=sys.stderr)  # noqa: T201
    print(args.verify or args.out)  # noqa: T201
    return 0
