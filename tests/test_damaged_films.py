"""Films that are damaged, cut or oddly made: what could not be seen is said, nothing else is called missing, and no film is the end."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge_sdk.camera.film import FilmSource
from edge_sdk.errors import SourceError
from test_films import FILMS, HEIGHT, NUM, WIDTH, picture, read, write

LONG = 75


def changed(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def wiped(path: Path, first: int, last: int) -> Path:
    """The film with some packets of nothing but zeros."""
    with av.open(str(path)) as film:
        spans = [(packet.pos, packet.size) for packet in film.demux(video=0) if packet.size][first:last]

    def wipe(data: bytearray) -> None:
        for start, size in spans:
            data[start : start + size] = bytes(size)

    return changed(path, wipe)


def flipped(path: Path, num: int, seed: int = 0) -> Path:
    rng = random.Random(seed)

    def flip(data: bytearray) -> None:
        for _ in range(num):
            data[rng.randrange(len(data) // 8, len(data))] ^= 1 << rng.randrange(8)

    return changed(path, flip)


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def with_sound(path: Path, codec: str, *, sound_s: int) -> Path:
    """Three seconds of pictures and more of silence."""
    with av.open(str(path), "w") as film:
        pictures, sound = film.add_stream(codec, rate=25), film.add_stream("mp2", rate=48000)
        pictures.height, pictures.width, pictures.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for second in range(sound_s):
            for i in range(25 * second, min(25 * second + 25, LONG)):
                frame = av.VideoFrame.from_ndarray(picture(i % NUM), format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                film.mux(pictures.encode(frame))
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 48000), np.int16), format="s16", layout="stereo")
            silence.sample_rate, silence.pts, silence.time_base = 48000, 48000 * second, Fraction(1, 48000)
            film.mux(sound.encode(silence))
        film.mux(pictures.encode())
        film.mux(sound.encode())
    return path


def with_stamps(path: Path, stamps: list[int]) -> Path:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for i, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(i % NUM), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 25)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return path


def test_a_title_in_latin_1_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "t.avi"
    with av.open(str(path), "w") as film:
        film.metadata["title"] = "KanalXXXX"
        stream = film.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuvj420p"
        for i in range(5):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture(i), format="rgb24")))
        film.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"KanalXXXX", b"Kan\xe4l\xdf\xfc__"))

    _, frames = read(path, "pyav")

    assert len(frames) == 5


@pytest.mark.parametrize("name", ["mjpeg.avi", "h264.mp4"])
@pytest.mark.parametrize(("first", "last"), [(0, 40), (20, 60), (40, LONG)])
def test_what_cannot_be_decoded_is_said_wherever_it_lies(tmp_path: Path, name: str, first: int, last: int) -> None:
    codec, pixels, options = FILMS[name]
    path = wiped(write(tmp_path / name, codec, pixels, {**options, "g": "10"}, num=LONG), first, last)

    source, frames = read(path, "pyav")

    assert 0 < len(frames) < LONG - 20 and source.announced_frames == LONG
    assert source.shortfall == f"{name} ends after {len(frames)} of {LONG} announced frames: damaged or cut off"


@pytest.mark.parametrize(("name", "codec"), [("s.mkv", "libx264"), ("s.ts", "libx264"), ("s.mpg", "mpeg2video")])
def test_sound_that_goes_on_after_the_pictures_is_no_missing_film(tmp_path: Path, name: str, codec: str) -> None:
    source, frames = read(with_sound(tmp_path / name, codec, sound_s=8), "pyav")

    assert len(frames) == LONG and source.shortfall is None
    assert source.announced_frames <= LONG + 2


def test_pictures_that_an_edit_list_hides_are_not_missing(tmp_path: Path) -> None:
    """As a film cut without encoding it anew: the pictures from the key frame on lie in it, and those before the cut are not shown."""
    whole, path = write(tmp_path / "whole.mp4", "libx264", "yuv420p", {"g": "50"}, num=LONG), tmp_path / "cut.mp4"
    with av.open(str(whole)) as film, av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as out:
        stream = film.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in film.demux(stream):
            if packet.size:
                packet.pts, packet.dts = packet.pts - round(1 / stream.time_base), packet.dts - round(1 / stream.time_base)
                packet.stream = copy
                out.mux(packet)

    source, frames = read(path, "pyav")

    assert source.announced_frames == LONG and abs(len(frames) - (LONG - 25)) <= 2 and source.shortfall is None


@pytest.mark.parametrize("name", ["v.mkv", "v.ts"])
def test_an_uneven_rate_is_no_missing_film_and_a_cut_one_is(tmp_path: Path, name: str) -> None:
    stamps = [*range(50), *range(50, 250, 4)]

    source, frames = read(with_stamps(tmp_path / name, stamps), "pyav")
    assert len(frames) == 100 and source.announced_frames > 200 and source.shortfall is None

    if name == "v.mkv":  # a TS says its length at its end
        source, frames = read(cut(tmp_path / name, 0.6), "pyav")
        assert 0 < len(frames) < 90 and source.shortfall is not None


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_cut_wmv_is_not_taken_for_whole(tmp_path: Path, share: float) -> None:
    """FFmpeg does not hand out the header's length where the file is much shorter than the header says."""
    path = write(tmp_path / "f.wmv", "wmv2", "yuv420p", {"b": "1000000"}, num=LONG)
    source, frames = read(path, "pyav")
    assert abs(source.announced_frames - len(frames)) <= 2 and source.shortfall is None

    source, frames = read(cut(path, share), "pyav")

    assert 0 < len(frames) < LONG - 12 and source.shortfall is not None and "ends after" in source.shortfall


def test_a_hole_in_the_midst_of_a_film_is_said(tmp_path: Path) -> None:
    source, frames = read(with_stamps(tmp_path / "h.mkv", [*range(50), *range(125, 175)]), "pyav")

    assert len(frames) == 100 and source.shortfall is not None and "100 of 175" in source.shortfall


@pytest.mark.parametrize(("name", "codec"), [("m.ts", "mpeg2video"), ("h.ts", "libx264")])
def test_pictures_made_up_in_part_are_not_seen_frames(tmp_path: Path, name: str, codec: str) -> None:
    path = flipped(write(tmp_path / name, codec, "yuv420p", {"b": "1000000"}, num=LONG), 120)

    source, frames = read(path, "pyav")

    assert len(frames) > LONG - 12, "FFmpeg conceals what it can"
    assert source.shortfall is not None and "frames are damaged" in source.shortfall


@pytest.mark.parametrize(("name", "codec"), [("m.ts", "mpeg2video"), ("h.ts", "libx264")])
def test_a_damaged_pal_film_gives_the_same_pictures_each_time(tmp_path: Path, name: str, codec: str) -> None:
    """FFmpeg's threads conceal now with one picture, now with another."""
    path = flipped(write(tmp_path / name, codec, "yuv420p", {"b": "1000000"}, num=LONG), 60)

    readings = [b"".join(frame.packed.tobytes() for frame in read(path, "pyav")[1]) for _ in range(6)]

    assert len(set(readings)) == 1


def num_threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_a_closed_film_leaves_no_thread_behind_even_if_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "hd.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"preset": "ultrafast", "threads": "1"})
        stream.height, stream.width, stream.pix_fmt = 720, 1280, "yuv420p"
        for _ in range(3):
            film.mux(stream.encode(av.VideoFrame(1280, 720, "yuv420p")))
        film.mux(stream.encode())
    before = num_threads()

    films = [FilmSource(path, decoder="pyav") for _ in range(3)]
    while_open = num_threads()
    for source in films:
        source.close()

    assert while_open > before or len(os.sched_getaffinity(0)) == 1
    assert num_threads() <= before


def test_a_sound_file_with_a_cover_is_no_film(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "s.mp2"), "w") as sound:
        stream = sound.add_stream("mp2", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 48000), np.int16), format="s16", layout="stereo")
        silence.sample_rate = 48000
        sound.mux(stream.encode(silence))
        sound.mux(stream.encode())
    write(tmp_path / "c.jpg", "mjpeg", "yuvj420p", {}, num=1)
    cover = b"\0image/jpeg\0\3\0" + (tmp_path / "c.jpg").read_bytes()
    tag = b"APIC" + len(cover).to_bytes(4, "big") + b"\0\0" + cover
    size = bytes(len(tag) >> shift & 0x7F for shift in (21, 14, 7, 0))
    (tmp_path / "s.mp3").write_bytes(b"ID3\3\0\0" + size + tag + (tmp_path / "s.mp2").read_bytes())
    with av.open(str(tmp_path / "s.mp3")) as sound:
        assert len(sound.streams.video) == 1

    with pytest.raises(SourceError):
        FilmSource(tmp_path / "s.mp3", decoder="pyav")


READ_ALL = """
import sys, warnings
warnings.simplefilter("error")
from pathlib import Path
from edge_sdk.camera.film import FilmSource
from edge_sdk.errors import EdgeSdkError
for name in sys.stdin.read().split():
    try:
        with FilmSource(Path(name), decoder="pyav") as source:
            for frame in source.frames():
                frame.image_HWC
    except EdgeSdkError as error:
        assert "\\n" not in str(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", FILMS)
def test_no_damage_crashes_or_hangs_the_reader_or_makes_it_talk(tmp_path: Path, name: str) -> None:
    whole, rng = write(tmp_path / name, *FILMS[name]).read_bytes(), random.Random(name)
    for i in range(60):
        data = bytearray(whole)
        where, length = rng.randrange(len(data)), rng.choice([1, 64, 188, 4000])
        if i % 4 == 0:
            del data[where:]
        elif i % 4 == 1:
            data[where : where + length] = rng.randbytes(len(data[where : where + length]))
        elif i % 4 == 2:
            del data[where : where + length]
        else:
            for _ in range(rng.choice([1, 10, 200])):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (tmp_path / f"{i}.{name}").write_bytes(data)
    films = "\n".join(str(tmp_path / f"{i}.{name}") for i in range(60))

    done = subprocess.run([sys.executable, "-c", READ_ALL], input=films, capture_output=True, text=True, timeout=300, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
