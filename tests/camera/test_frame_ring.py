import os

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.camera.frame_ring import NO_SLOT, RECORD_BYTES, SLOT_BYTES, SLOTS, FrameRing, Record


def test_a_record_goes_through_the_pipe_unchanged() -> None:
    record = Record("frame", 2, 1080, 1920, 7, 123_456_789, 25.0)

    assert Record.from_bytes(record.to_bytes()) == record and len(record.to_bytes()) == RECORD_BYTES <= 512


@given(st.binary(min_size=RECORD_BYTES, max_size=RECORD_BYTES))
def test_no_record_leads_outside_the_memory(data: bytes) -> None:
    record = Record.from_bytes(data)

    if record is not None and record.slot != NO_SLOT:
        assert record.slot < SLOTS and 0 < record.height * record.width * 3 <= SLOT_BYTES


def test_both_ends_see_the_same_pixels_and_slots_do_not_touch() -> None:
    fd = FrameRing.create()
    ours, theirs = FrameRing(fd), FrameRing(fd)
    os.close(fd)

    for slot in range(SLOTS):
        theirs.slot(slot, 1080, 1920)[:] = slot + 1

    for slot in range(SLOTS):
        assert np.all(ours.slot(slot, 1080, 1920) == slot + 1)
