"""Frames as a decoder or a Jetson's camera has them, handed to the live stream: the same results for half the bytes."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.camera.quality import FrameQuality
from edge_sdk.contract.yuv import YuvColours, planes_of, prepare_yuv
from edge_sdk.errors import FrameShapeError, InputError
from edge_sdk.inspector import session_from_bundle
from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveModel
from live_fakes import FakeSession, live_model, settled

RED_YUV = cv2.cvtColor(cv2.resize(tiny.painted(tiny.RED), (352, 288)), cv2.COLOR_RGB2YUV_I420)


@pytest.fixture
def model(bundle: Bundle) -> Iterator[LiveModel]:
    graph = bundle.manifest.graphs[0]
    session = session_from_bundle(bundle, graph)
    yield LiveModel(session, bundle.manifest.preprocess, bundle.identity, graph.temperature)
    session.close()


def as_nv12(picture: np.ndarray) -> np.ndarray:
    luma, u, v = planes_of(picture, "i420")
    return np.concatenate([luma, np.stack([u, v], axis=-1).reshape(-1, luma.shape[1])])


def test_all_orders_of_one_picture_give_the_same_scores(model: LiveModel) -> None:
    scores = {}
    with LiveStream(model, checks=[FrameQuality()]) as stream:
        assert stream.wait_ready(30)
        for order, frame in {"i420": RED_YUV, "nv12": as_nv12(RED_YUV), "rgb": cv2.cvtColor(RED_YUV, cv2.COLOR_YUV2RGB_I420)}.items():
            stream.submit(frame, order=order)
            settled(stream)
            scores[order] = stream.latest().result.scores_C

    np.testing.assert_array_equal(scores["i420"], scores["nv12"])
    np.testing.assert_allclose(scores["i420"], scores["rgb"], atol=0.02)
    assert scores["i420"].max() > 0.5


def test_the_result_keeps_picture_size_and_colours() -> None:
    colours = YuvColours("bt709", full_range=True)
    with LiveStream(live_model(FakeSession())) as stream:
        assert stream.wait_ready(30)
        frame = RED_YUV.copy()
        stream.submit(frame, order="i420", colours=colours)
        frame[:] = 0  # the caller's own again
        settled(stream)
        kept = stream.latest().result.frame

    assert kept.size_hw == (288, 352) and kept.image_HWC.shape == (288, 352, 3) and kept.colours == colours
    np.testing.assert_array_equal(kept.stored, RED_YUV)
    assert (
        np.abs(
            kept.image_HWC.mean(axis=(0, 1)) - prepare_yuv(RED_YUV, live_model(FakeSession()).spec, colours=colours).mean(axis=(0, 1))
        ).max()
        < 2
    )


@pytest.mark.parametrize("order", ["i420", "nv12"])
@pytest.mark.parametrize("frame", [np.zeros((288, 352, 3), np.uint8), np.zeros((433, 352), np.uint8), np.zeros((432, 351), np.uint8)])
def test_a_frame_that_is_not_of_its_order_is_an_error_at_once(order: str, frame: np.ndarray) -> None:
    with LiveStream(live_model(FakeSession())) as stream:
        with pytest.raises(FrameShapeError, match="H \\* 3 / 2"):
            stream.submit(frame, order=order)
        with pytest.raises(FrameShapeError, match="\\(H, W, 3\\)"):
            stream.submit(RED_YUV)
        assert stream.accounting.received == 0


@pytest.mark.parametrize("colours", [None, "bt709", ("bt601", False), YuvColours("bt2020"), YuvColours("bt601", full_range=2)])
def test_colours_nobody_can_convert_are_an_error_at_once(colours: YuvColours) -> None:
    with LiveStream(live_model(FakeSession())) as stream:
        with pytest.raises(InputError, match="bt709"):
            stream.submit(RED_YUV, order="i420", colours=colours)
        assert stream.accounting.received == 0


def test_a_size_that_is_not_taken_is_counted() -> None:
    with LiveStream(live_model(FakeSession())) as stream:
        stream.submit(np.zeros((12, 32), np.uint8), order="i420")

        assert stream.accounting.dropped == {"bad_shape": 1}
