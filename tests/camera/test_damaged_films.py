"""Films that were cut off or whose bytes were flipped: what can be read is read, the rest is said, nothing crashes or hangs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from edge_sdk.camera import FrameQuality, open_source
from edge_sdk.errors import SourceError

FRAMES = 60


def film(path: Path) -> bytes:
    """Moving texture, so that lost blocks show; H.264-like in mp4, motion JPEG in avi."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 255, (96, 384, 3), np.uint8), (0, 0), 1.5)
    images = [np.ascontiguousarray(np.roll(texture, 4 * i, axis=1)[:, :128]) for i in range(FRAMES)]
    if path.suffix == ".mp4":
        return tiny.write_film(path, images).read_bytes()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (128, 96))
    for image in images:
        writer.write(image)
    writer.release()
    return path.read_bytes()


def read(path: Path) -> int | None:
    """Frames read, all of them whole images; None where the film is refused in one line."""
    try:
        with open_source(path) as source:
            quality, num = FrameQuality(), 0
            for frame in source.frames():
                assert frame.image_HWC is None or frame.image_HWC.shape[2] == 3
                quality.flags(frame)
                num += 1
            if num < FRAMES - 13 and source.announced_frames == FRAMES:
                assert source.shortfall is not None
            return num
    except SourceError as error:
        assert str(error).isprintable()
        return None


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
@pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_a_film_cut_anywhere_is_read_so_far_or_refused(tmp_path: Path, suffix: str, step: int) -> None:
    path = tmp_path / f"f{suffix}"
    data = film(path)

    results = []
    for percent in range(0, 100, step):
        path.write_bytes(data[: len(data) * percent // 100])
        results.append(read(path))

    got = [num for num in results if num is not None]
    assert results[0] is None and all(0 < num <= FRAMES for num in got)
    if suffix == ".avi":
        assert got == sorted(got) and len(got) >= len(results) // 2, "its index stands at the end: what came before it is there"


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(8, 200), marks=pytest.mark.slow)], ids=["8", "192"])
def test_a_film_with_flipped_bits_is_read_or_refused(tmp_path: Path, suffix: str, seeds: range) -> None:
    path = tmp_path / f"f{suffix}"
    data = np.frombuffer(film(path), np.uint8)

    results = []
    for seed in seeds:
        rng, damaged = np.random.default_rng(seed), data.copy()
        where = rng.integers(0, data.size, 20)
        damaged[where] ^= (1 << rng.integers(0, 8, 20)).astype(np.uint8)
        path.write_bytes(damaged.tobytes())
        results.append(read(path))

    assert any(results), "most flips leave a film that can be read"
