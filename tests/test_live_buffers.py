"""The memory live frames are copied into: made ahead, used again, never taken from under a reader."""

import threading

import numpy as np
import pytest

from edge_sdk.frame_pool import MAX_BUFFERS, SPARE, FramePool
from edge_sdk.live import LiveStream
from edge_sdk.live.frames import LOCKED_BYTES, copy_frame
from live_fakes import GREY, FakeSession, live_model, settled, until

SHAPE = (40, 50, 3)


def test_a_buffer_is_taken_again_once_nobody_holds_a_piece_of_it() -> None:
    pool = FramePool()
    first, _ = pool.take(SHAPE)
    piece = first[:3, :3]
    address = first.ctypes.data
    del first

    assert pool.take(SHAPE)[0].ctypes.data != address
    del piece
    assert pool.take(SHAPE)[0].ctypes.data == address


def test_buffers_are_made_ahead_until_the_next_frames_have_theirs() -> None:
    pool = FramePool()
    pool.make_ahead()
    assert len(pool) == 0, "no frame has come, so no size is known"

    held = [pool.take(SHAPE)]
    assert held[0][1], "more should be made"
    pool.make_ahead()
    assert len(pool) == 1 + SPARE

    held += [pool.take(SHAPE) for _ in range(SPARE)]
    assert len(pool) == 1 + SPARE and all(more for _, more in held)
    held.clear()
    assert not pool.take(SHAPE)[1], "enough of them are idle"


def test_another_size_starts_anew() -> None:
    pool = FramePool()
    small, _ = pool.take(SHAPE)
    pool.make_ahead()
    large, more = pool.take((80, 50, 3))
    pool.make_ahead()

    assert large.shape == (80, 50, 3) and small.shape == SHAPE and more and len(pool) == 1 + SPARE


def test_frames_held_without_end_get_ordinary_arrays() -> None:
    pool = FramePool()
    held = [pool.take(SHAPE)[0] for _ in range(MAX_BUFFERS + 5)]
    pool.make_ahead()

    assert len(pool) == MAX_BUFFERS and len({buffer.ctypes.data for buffer in held}) == len(held)


def test_several_threads_never_get_the_same_buffer() -> None:
    pool, taken, clashes = FramePool(), set(), []

    def use() -> None:
        for _ in range(300):
            buffer, _ = pool.take(SHAPE)
            address = buffer.ctypes.data
            if address in taken:
                clashes.append(address)
            taken.add(address)
            buffer.fill(1)
            taken.discard(address)
            del buffer

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not clashes


def test_the_robots_loop_makes_the_first_buffer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made_by: list[str] = []
    make = FramePool._make

    def noted(pool: FramePool, shape: tuple[int, ...]) -> np.ndarray:
        made_by.append(threading.current_thread().name)
        return make(pool, shape)

    monkeypatch.setattr(FramePool, "_make", noted)
    with LiveStream(live_model(FakeSession())) as stream:
        assert stream.wait_ready(30)
        results = stream.results(depth=8)  # holds ever more pictures, up to eight
        for _ in range(20):
            stream.submit(GREY)
            settled(stream)
            until(lambda: stream._buffers.pools[0]._lacking() is None)
        results.close()

    assert made_by.count("MainThread") == 1 and set(made_by) == {"MainThread", "live-buffers"}


@pytest.mark.parametrize("height", [480, 1 + LOCKED_BYTES // (3 * 1000)], ids=["within the lock", "larger"])
@pytest.mark.parametrize(
    ("view", "lies"),
    [
        (lambda image: image, "rgb"),
        (lambda image: image[..., ::-1], "bgr"),
        (lambda image: image[::-1], "rgb"),
        (lambda image: image[:, 5:-5], "rgb"),
        (lambda image: image[::2, ::2, ::-1], "bgr"),
    ],
    ids=["as it is", "turned colours", "upside down", "cut out", "every second pixel"],
)
def test_a_frame_is_copied_whatever_its_strides(height: int, view, lies: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, 1000, 3), np.uint8)
    image.setflags(write=False)
    frame = view(image)
    buffer = np.zeros(frame.shape, np.uint8)

    assert copy_frame(frame, buffer, "rgb") == lies
    np.testing.assert_array_equal(buffer if lies == "rgb" else buffer[..., ::-1], frame)


def test_a_stream_that_never_began_ends_without_a_thread() -> None:
    stream = LiveStream(live_model(FakeSession()))
    stream.stop()

    assert not stream._buffers.thread.is_alive()
