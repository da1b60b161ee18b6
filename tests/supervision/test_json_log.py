"""Logs as JSON lines: always parsable, with both clocks, and never with a credential."""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.supervision.json_log import JsonFormatter, configure_logging

SECRETS = ("hunter2", "s3cr3t-pass")


@pytest.fixture(autouse=True)
def the_root_logger_is_left_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_one_object_a_line_with_both_clocks_and_fields() -> None:
    stream = io.StringIO()
    configure_logging(json=True, level="info", stream=stream)
    before_s = time.monotonic()
    logging.getLogger("edge_sdk.live").info(
        "%d frames at %.1f m", 25, 3.25, extra={"camera": 1, "speed": float("nan"), "shape": (576, 720)}
    )
    logging.getLogger("edge_sdk.live").debug("not written")

    (line,) = lines(stream)

    assert (line["level"], line["logger"], line["message"]) == ("INFO", "edge_sdk.live", "25 frames at 3.2 m")
    assert before_s - 0.001 <= line["monotonic_s"] <= time.monotonic() + 0.001 and line["time_utc"].endswith("+00:00")
    assert line["fields"] == {"camera": 1, "speed": "nan", "shape": [576, 720]}


@pytest.mark.parametrize("as_json", [True, False])
def test_credentials_are_masked_wherever_they_stand(as_json: bool) -> None:
    stream = io.StringIO()
    configure_logging(json=as_json, stream=stream)
    logger = logging.getLogger("edge_sdk.camera")
    logger.warning("cannot open %s", "rtsp://admin:hunter2@10.0.0.9/live?token=s3cr3t-pass")
    logger.warning("pipeline", extra={"uri": "rtsp://admin:hunter2@10.0.0.9/", "password": "s3cr3t-pass", "deep": {"user": ["hunter2"]}})
    try:
        raise OSError("rtsp://admin:hunter2@10.0.0.9/ gives nothing")
    except OSError:
        logger.exception("lost")

    text = stream.getvalue()
    assert not any(secret in text for secret in SECRETS) and "10.0.0.9" in text and "OSError" in text
    if as_json:
        assert "Traceback" in lines(stream)[2]["exception"] and lines(stream)[1]["fields"]["password"] == "***"


def test_configuring_again_replaces_our_handler_and_no_other() -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    configure_logging(json=True, stream=second)
    logging.getLogger("x").warning("once")
    assert first.getvalue() == "" and len(lines(second)) == 1 and other in logging.getLogger().handlers
    with pytest.raises(InputError, match="log level 'LOUD'"):
        configure_logging(level="LOUD")


def test_the_library_itself_sets_up_nothing() -> None:
    import edge_sdk.supervision  # noqa: F401

    ours = [logger for name, logger in logging.Logger.manager.loggerDict.items() if name.startswith("edge_sdk")]
    assert ours and not [logger for logger in ours if getattr(logger, "handlers", [])]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3) | st.tuples(inner),
    max_leaves=8,
)


@given(st.text(), VALUES)
def test_anything_becomes_one_line_of_json(message: str, value: object) -> None:
    record = logging.makeLogRecord({"name": "x", "msg": message, "levelname": "INFO", "of_the_robot": value})
    line = JsonFormatter().format(record)
    assert "\n" not in line and json.loads(line)["level"] == "INFO"
