from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from edge_sdk.camera import open_source
from edge_sdk.errors import SourceError


def numbered(num: int) -> list[np.ndarray]:
    """Frames whose brightness tells their number."""
    return [np.full((96, 128, 3), 20 + 4 * i, np.uint8) for i in range(num)]


def test_a_film_gives_every_frame_once_with_its_time(tmp_path: Path) -> None:
    path = tiny.write_film(tmp_path / "f.mp4", numbered(50), fps=10)

    with open_source(path) as source:
        frames = list(source.frames())

    assert [frame.seq for frame in frames] == list(range(50))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(50) / 10, atol=0.005)
    levels = [int(frame.image_HWC.mean()) for frame in frames if frame.image_HWC is not None]
    assert np.abs(np.array(levels) - (20 + 4 * np.arange(50))).max() <= 4
    assert (source.width, source.height, source.fps, source.announced_frames, source.shortfall) == (128, 96, 10.0, 50, None)


def test_a_films_rate_can_be_overruled(tmp_path: Path) -> None:
    with open_source(tiny.write_film(tmp_path / "f.mp4", numbered(5)), fps=5) as source:
        assert [frame.time_s for frame in source.frames()] == [0, 0.2, 0.4, 0.6, 0.8]


def test_colours_come_as_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), tiny.painted(tiny.RED)[..., ::-1])
    film = tiny.write_film(tmp_path / "f.mp4", [tiny.painted(tiny.RED)] * 3)

    for path in (tmp_path / "red.png", film):
        with open_source(path) as source:
            image = next(source.frames()).image_HWC
            assert image is not None and image[..., 0].mean() > 200 > 60 > image[..., 2].mean()


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.8])
def test_a_truncated_film_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path, keep: float) -> None:
    """Motion JPEG in AVI: the index stands at the end, the frames before it can still be read."""
    path = tmp_path / "f.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (128, 96))
    rng = np.random.default_rng(0)
    for _ in range(100):
        writer.write(rng.integers(0, 255, (96, 128, 3), np.uint8))
    writer.release()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])

    with open_source(path) as source:
        frames = list(source.frames())

    assert 0 < len(frames) < 100
    assert source.shortfall is not None and f"ends after {len(frames)} of 100" in source.shortfall


def test_a_film_whose_index_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tiny.write_film(tmp_path / "f.mp4", numbered(50))
    path.write_bytes(path.read_bytes()[:-2000])

    with pytest.raises(SourceError, match=r"f\.mp4: not a film that can be read"):
        open_source(path)


def test_stills_come_in_natural_order_with_broken_ones_counted(tmp_path: Path) -> None:
    for i, name in enumerate(["frame2.png", "frame10.png", "frame1.png"]):
        cv2.imwrite(str(tmp_path / name), np.full((40, 40, 3), 10 * i, np.uint8))
    (tmp_path / "frame3.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("x")

    with open_source(tmp_path, fps=2) as source:
        frames = list(source.frames())

    assert [frame.name for frame in frames] == ["frame1.png", "frame2.png", "frame3.png", "frame10.png"]
    assert [frame.image_HWC is None for frame in frames] == [False, False, True, False]
    assert [frame.time_s for frame in frames] == [0, 0.5, 1.0, 1.5]
    assert source.shortfall == "1 of 4 pictures cannot be decoded, the first is frame3.png"


def test_grey_rgba_and_16_bit_stills_become_rgb(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (40, 50), np.uint8)
    rgb = np.repeat(grey[..., np.newaxis], 3, axis=2)
    cv2.imwrite(str(tmp_path / "a-rgb.png"), rgb)
    cv2.imwrite(str(tmp_path / "b-grey.png"), grey)
    cv2.imwrite(str(tmp_path / "c-rgba.png"), np.dstack([rgb, np.full((40, 50), 7, np.uint8)]))
    cv2.imwrite(str(tmp_path / "d-16.png"), grey.astype(np.uint16) * 257)

    with open_source(tmp_path) as source:
        images = [frame.image_HWC for frame in source.frames()]

    for image in images:
        assert image is not None
        np.testing.assert_array_equal(image, rgb)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "no such file or folder"),
        (lambda p: p.mkdir(), "no pictures in it"),
        (lambda p: p.write_text("just text\n" * 100), "not a film that can be read"),
        (lambda p: p.write_bytes(b""), "the file is empty"),
    ],
    ids=["missing", "folder without images", "text", "empty"],
)
def test_what_is_no_source_is_said_in_one_line(tmp_path: Path, make: object, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "film.mp4"
    make(path)  # type: ignore[operator]

    with pytest.raises(SourceError, match=words) as caught:
        open_source(path)

    assert "\n" not in str(caught.value) and "film.mp4" in str(caught.value)
    assert capfd.readouterr().err == "", "the decoder's own messages stay off the terminal"


def test_a_folder_of_broken_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")

    with pytest.raises(SourceError, match="none of its 1 pictures can be decoded"):
        open_source(tmp_path)


@pytest.mark.parametrize("uri", ["rtsp://user:secret@camera/1", "http://camera/film.mp4"])
def test_live_sources_are_refused_without_repeating_the_password(uri: str) -> None:
    with pytest.raises(SourceError, match="streams are not read by this version") as caught:
        open_source(uri)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), 1e9])
def test_impossible_rates_are_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(SourceError, match="frames per second"):
        open_source(tmp_path, fps=fps)
