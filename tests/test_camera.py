import os
from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from edge_sdk.camera import film as film_module
from edge_sdk.camera import open_source
from edge_sdk.camera.film_decoder import Decoded, Tally
from edge_sdk.contract.yuv import YuvColours
from edge_sdk.errors import InputError, SourceError


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


@pytest.mark.parametrize("uri", ["rtsp://user:secret@/1", "ftp://user:secret@camera/film.mp4", "http://user:secret@camera:port/1"])
def test_what_is_no_address_is_refused_without_repeating_the_password(uri: str) -> None:
    with pytest.raises(SourceError, match=r"give|encode") as caught:
        open_source(uri)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), 1e9])
def test_impossible_rates_are_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(SourceError, match="frames per second"):
        open_source(tmp_path, fps=fps)


def test_names_that_look_like_protocols_or_patterns_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tiny.write_film(tmp_path / "f.mp4", numbered(5))
    monkeypatch.chdir(tmp_path)

    for name in ("2024-01-01T10:30:00.mp4", "pipe %03d.mp4", "rohr ä 1.mp4"):
        film = film.rename(tmp_path / name)
        with open_source(name) as source:
            assert len(list(source.frames())) == 5 and source.name == name


def test_a_name_that_is_not_utf8_is_refused_before_opencv_crashes_on_it(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    tiny.write_film(tmp_path / "f.mp4", numbered(5))
    (tmp_path / "f.mp4").rename(os.fsdecode(path))

    with pytest.raises(InputError, match=r"caf\\udce9\.mp4: the name is not valid UTF-8; rename it"):
        open_source(os.fsdecode(path))


def test_pipes_and_playlists_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile /etc/hostname\n")

    with pytest.raises(SourceError, match="not a plain file"):
        open_source(tmp_path / "pipe.mp4")
    with pytest.raises(SourceError, match="a playlist that names other files"):
        open_source(tmp_path / "list.mp4")
    with pytest.raises(SourceError, match="File name too long"):
        open_source("a" * 300)


def test_hidden_files_are_no_stills_and_the_working_directory_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 40, 3), np.uint8))
    (tmp_path / "._a.png").write_bytes(b"macOS")
    monkeypatch.chdir(tmp_path)

    with open_source(".") as source:
        assert source.names == ("a.png",) and source.name == tmp_path.name


class SplicedFilm:
    """Stands for a film whose clock is spliced: real ones need a recorder that breaks off."""

    name, rate, num_frames, is_counted, tally = "spliced", 25.0, 7, True, Tally()

    def __init__(self) -> None:
        self._stamps_s = iter((100.0, 100.04, 100.08, 5.0, 5.04, 9000.0, 9000.04))

    def read(self) -> Decoded | None:
        stamp_s = next(self._stamps_s, None)
        return None if stamp_s is None else Decoded(np.zeros((40, 40, 3), np.uint8), "bgr", YuvColours(), stamp_s)

    def close(self) -> None: ...


def test_a_spliced_clock_goes_on_and_a_late_start_is_no_missing_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f.ts").write_bytes(b"film")
    monkeypatch.setattr(film_module, "decoders", lambda path, choice, threads: iter([SplicedFilm()]))

    with film_module.FilmSource(tmp_path / "f.ts") as source:
        times = [frame.time_s for frame in source.frames()]

    np.testing.assert_allclose(times, np.arange(7) / 25, atol=1e-9)
    assert source.announced_frames == 7 and source.shortfall is None
