"""The odometer of a live run from a file that another program writes, which may be started again as well."""

import time
from pathlib import Path

import pytest

from edge_sdk.errors import OdometerError
from edge_sdk.live_run.odometer_tail import OdometerTail
from edge_sdk.odometer_feed import OdometerFeed
from live_fakes import until

HEADER = "time_s,distance_m\n"


def reads(path: Path, feed: OdometerFeed, metres: float, line: str = "") -> None:
    """The other program goes on counting until it is heard."""

    def heard() -> bool:
        with path.open("a") as file:
            print(line or f"0,{metres:.3f}", file=file)
        time.sleep(0.02)
        value_m = feed.at_ns(time.monotonic_ns()).value_m
        return value_m is not None and abs(value_m - metres) < 0.001

    until(heard)


@pytest.mark.parametrize("how", ["cut", "replaced", "gone for a while"])
def test_a_file_that_is_begun_anew_is_followed(tmp_path: Path, how: str) -> None:
    """A robot whose counter program is started again: the rest of the drive would have no chainage."""
    path, feed = tmp_path / "counter.csv", OdometerFeed("counter.csv")
    path.write_text(HEADER + "0,7.000\n" * 40)
    with OdometerTail(path, feed):
        reads(path, feed, 1.0)
        if how == "replaced":
            (tmp_path / "new.csv").write_text("distance_cm;time_s\n120.0;0\n")
            (tmp_path / "new.csv").replace(path)
            reads(path, feed, 1.4, "140.0;0")
            return
        if how == "gone for a while":
            path.unlink()
            time.sleep(0.2)
        path.write_text("")
        time.sleep(0.1)  # cut, and its header is not yet written
        path.write_text(HEADER)
        reads(path, feed, 1.3)
    assert "ok" in feed.flags and not feed.flags.get("rejected")


def test_what_stood_there_before_is_not_of_this_drive_and_what_is_no_reading_is_counted(tmp_path: Path) -> None:
    path, feed = tmp_path / "counter.csv", OdometerFeed("counter.csv")
    path.write_text(HEADER + "0,7.000\n")
    with OdometerTail(path, feed) as tail:
        with path.open("a") as file:
            file.write("rubbish\n")
        until(lambda: tail.rejected)
        assert not feed.flags
        reads(path, feed, 0.5)


def test_a_file_that_cannot_be_followed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("colour,shape\n")
    for name, said in (("missing.csv", "No such file"), ("other.csv", "no column")):
        with pytest.raises(OdometerError, match=said):
            OdometerTail(tmp_path / name, OdometerFeed())
