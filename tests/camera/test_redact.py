import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.camera import redacted
from edge_sdk.camera.redact import MASK, scrubbed, secrets_of

SECRET = re.compile(r"hunter|s3cret|h%75nter|sesame|admin", re.IGNORECASE)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("rtsp://admin:hunter2@10.0.0.2:554/1", "rtsp://***@10.0.0.2:554/1"),
        ("rtsp://admin@camera/1", "rtsp://***@camera/1"),
        ("rtsp://:hunter2@camera", "rtsp://***@camera"),
        ("rtsp://admin:h%75nter%40@camera/1", "rtsp://***@camera/1"),
        ("rtsp://admin:hun@ter/2@camera/1", "rtsp://***@camera/1"),
        ("rtsp://admin:hunter 2@camera/1", "rtsp://***@camera/1"),
        ("rtsp://admin:hunter2@[fe80::1]:554/1", "rtsp://***@[fe80::1]:554/1"),
        ("http://camera/mjpeg?user=admin&password=hunter2&fps=25", "http://camera/mjpeg?user=***&password=***&fps=25"),
        ("http://camera/mjpeg?token=sesame", "http://camera/mjpeg?token=***"),
        ("http://camera/mjpeg?t%6Fken=1234#sesame", "http://camera/mjpeg?t%6Fken=***#***"),
        ("http://camera/mjpeg?pin=1234&size=640x480", "http://camera/mjpeg?pin=***&size=640x480"),
        ("http://camera/?x=sesame", "http://camera/?x=***"),
        ("rtsp://10.0.0.9/user=admin_password=hunter2_channel=1.sdp", "rtsp://10.0.0.9/user=***_password=***_channel=1.sdp"),
        ("rtsp://10.0.0.9/user=admin&password=hunter2&channel=1", "rtsp://10.0.0.9/user=***&password=***&channel=1"),
        ("gst:rtspsrc location=rtsp://admin:hunter2@c/1 ! appsink", "gst:rtspsrc location=rtsp://***@c/1 ! appsink"),
        ("gst:rtspsrc user-id=admin user-pw=hun!ter2 ! appsink", "gst:rtspsrc user-id=*** user-pw=*** ! appsink"),
        ('gst:rtspsrc user-pw = "hunter 2" latency=0 ! appsink', "gst:rtspsrc user-pw = *** latency=0 ! appsink"),
        ('gst:rtspsrc user-pw="hun\\"ter hunter2" ! appsink', "gst:rtspsrc user-pw=*** ! appsink"),
        ("rtsp://camera/path@2", "rtsp://***@2"),
        ("v4l2:///dev/video0", "v4l2:///dev/video0"),
        ("rtsp:/admin:hunter2@camera/1", "rtsp:/***@camera/1"),
        ("rtsp:admin:hunter2@camera/1", "rtsp:***@camera/1"),
        ("admin:hunter2@10.0.0.7/stream", "***@10.0.0.7/stream"),
        ("films/drive@2.mp4", "films/drive@2.mp4"),
    ],
)
def test_credentials_are_masked_and_the_rest_stays(uri: str, said: str) -> None:
    assert redacted(uri) == said
    assert not SECRET.search(said)
    assert redacted(said) == said, "what is safe stays as it is"


WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="0123456789*"), min_size=6, max_size=20)


@given(WORD, WORD)
def test_no_password_of_whatever_signs_survives(user: str, password: str) -> None:
    assert redacted(f"rtsp://{user}:{password}@camera:554/x") == "rtsp://***@camera:554/x"
    assert redacted(f"rtsp://{user}@camera:554/x") == "rtsp://***@camera:554/x"
    if not set("\"'") & set(password) and "://" not in password:
        assert redacted(f"gst:rtspsrc user-pw={password} ! appsink") == "gst:rtspsrc user-pw=*** ! appsink"


def test_one_line_of_printable_characters_comes_out_of_anything() -> None:
    said = redacted("rtsp://admin:hunter2@camera/\n\x1b[31m\x00x")

    assert said.isprintable() and "hunter2" not in said


def test_what_a_library_says_is_scrubbed_of_every_form_of_the_secret() -> None:
    uri = "rtsp://admin:hun%40ter2@camera/1?token=sesame"
    line = "401 for rtsp://admin:hun%40ter2@camera/1, hun@ter2, sesame, Basic YWRtaW46aHVuQHRlcjI="

    assert scrubbed(line, uri) == f"401 for rtsp://***@camera/1, {MASK}, {MASK}, Basic {MASK}"
    assert scrubbed("pw is ab", "rtsp://u:ab@camera/1") == "", "too short to be told from a word: nothing is said"
    assert secrets_of("rtsp://camera/1?fps=25") == frozenset()
