import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.camera.frame_ring import NO_SLOT, RECORD_BYTES, SLOT_BYTES, SLOTS, FrameRing, Record
from edge_sdk.contract.yuv import LAYOUTS, YuvColours


@pytest.mark.parametrize("order", ["rgb", "bgr", "i420", "nv12"])
@pytest.mark.parametrize("colours", [YuvColours(), YuvColours("bt709", True), YuvColours("bt601", True), YuvColours("bt709", False)])
def test_a_record_goes_through_the_pipe_unchanged(order: str, colours: YuvColours) -> None:
    record = Record("frame", 2, 1080, 1920, 7, 123_456_789, 25.0, order, colours)  # type: ignore[arg-type]

    assert Record.from_bytes(record.to_bytes()) == record and len(record.to_bytes()) == RECORD_BYTES <= 512


@given(st.binary(min_size=RECORD_BYTES, max_size=RECORD_BYTES))
def test_no_record_leads_outside_the_memory(data: bytes) -> None:
    record = Record.from_bytes(data)

    if record is not None and record.slot != NO_SLOT:
        assert record.slot < SLOTS and 0 < np.prod(record.shape, dtype=object) <= SLOT_BYTES


@given(
    st.tuples(*[st.integers(0, 6)] * 4),
    st.tuples(*[st.integers(0, 2**14) | st.integers(0, 2**32 - 1)] * 2),
)
def test_of_records_that_are_nearly_right_those_that_lead_nowhere_are_refused(small: tuple[int, ...], size: tuple[int, int]) -> None:
    kind, slot, order, colours = small
    record = Record.from_bytes(struct.pack("<BBBBIIQqd", kind, slot, order, colours, *size, 1, 2, 25.0))

    known = kind < 2 and slot < SLOTS and order < 4 and colours < 4 and 0 < size[0] * size[1] * 3 <= SLOT_BYTES
    if record is None:
        assert not known or (order >= 2 and any(side % 2 for side in size))
    else:
        assert known and record.shape == ((size[0] * 3 // 2, size[1]) if record.order in LAYOUTS else (*size, 3))


def test_both_ends_see_the_same_pixels_and_slots_do_not_touch() -> None:
    fd = FrameRing.create()
    ours, theirs = FrameRing(fd), FrameRing(fd)
    os.close(fd)

    for slot in range(SLOTS):
        theirs.pixels(slot, (1080, 1920, 3))[:] = slot + 1

    for slot in range(SLOTS):
        assert np.all(ours.pixels(slot, (1080, 1920, 3)) == slot + 1)


def test_planes_of_any_strides_lie_one_after_the_other() -> None:
    fd = FrameRing.create()
    ring = FrameRing(fd)
    os.close(fd)
    padded = np.arange(6 * 16, dtype=np.uint8).reshape(6, 16)
    planes = [padded[:4, :8], padded[4:, :4], padded[4:, 8:12]]

    ring.write(SLOTS - 1, planes)

    stored = ring.pixels(SLOTS - 1, (6, 8)).reshape(-1)
    np.testing.assert_array_equal(stored, np.concatenate([plane.reshape(-1) for plane in planes]))


def test_a_slot_holds_the_largest_frame_of_every_order() -> None:
    for order in ("rgb", "bgr", "i420", "nv12"):
        record = Record("frame", SLOTS - 1, 4096, 4096, order=order)  # type: ignore[arg-type]
        assert Record.from_bytes(record.to_bytes()) == record and np.prod(record.shape) <= SLOT_BYTES
