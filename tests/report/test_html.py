import re
from pathlib import Path
from urllib.parse import unquote

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_sdk.records import Accounting, Coverage, Inspection
from edge_sdk.report.entry import MAX_CARDS
from edge_sdk.report.html import html_from_inspection
from edge_sdk.report.photos import link_to_file
from report.hostile import HOSTILE, gap, hostile_inspection, inspection, model, observation, picture
from report.page_reader import PageReader

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
NO_PLACE = {"chainage_m": None, "chainage_uncertainty_m": None, "chainage_quality": "none"}


def read(run: Inspection, folder: Path = Path("nowhere")) -> PageReader:
    page = html_from_inspection(run, folder)
    page.encode()
    return PageReader(page)


def in_time(num: int) -> Inspection:
    coverage = Coverage(from_m=None, to_m=None, travelled_m=None, duration_s=40.0, gaps=(gap(from_m=None, to_m=None),))
    items = tuple(observation(i, **NO_PLACE) for i in range(num))
    return inspection(0, basis="time", odometer=None, coverage=coverage, observations=items)


@pytest.mark.parametrize("num", [0, 1, 8, 200])
def test_every_observation_is_an_anchor_once(num: int) -> None:
    run = inspection(num)

    page = read(run)

    assert len(page.ids) == len(set(page.ids))
    assert [name for name in page.ids if name.startswith("obs-")] == [f"obs-{item.observation_id}" for item in run.observations]
    assert {unquote(link[1:]) for link in page.links if link.startswith("#")} <= set(page.ids)


def test_ten_thousand_observations_are_written() -> None:
    page = read(inspection(10_000))

    assert sum(name.startswith("obs-") for name in page.ids) == 10_000
    assert sum(name.startswith("card-") for name in page.ids) == MAX_CARDS


def test_beyond_the_cards_a_sentence_says_where_the_pictures_are() -> None:
    assert "The other 140 are in the table only" in read(inspection(200)).text
    assert "in the table only" not in read(inspection(MAX_CARDS)).text


def test_cards_go_to_the_highest_review_priorities() -> None:
    items = tuple(observation(i, review_priority=0.9 if i == 150 else 0.1) for i in range(200))

    assert "card-151" in read(inspection(0, observations=items)).ids


def test_page_without_observations_says_what_was_not_inspected_and_promises_nothing() -> None:
    coverage = Coverage(from_m=0.0, to_m=9.0, travelled_m=9.0, duration_s=40.0, gaps=(gap(),))

    text = read(inspection(0, coverage=coverage)).text

    assert "No observation was proposed." in text
    assert "Gaps: 1 stretch (0.50\u00a0m, 50 frames)" in text
    assert "no proof of a sound pipe" in text
    assert "no defect" not in text.lower()


def test_run_without_any_frame_is_still_a_page() -> None:
    nothing = Coverage(from_m=None, to_m=None, travelled_m=None, duration_s=0.0, gaps=())

    text = read(inspection(0, coverage=nothing, accounting=Accounting(received=0, processed=0, dropped={}))).text

    assert "Nothing to draw" in text


def test_incomplete_status_stands_at_the_top_with_its_reasons() -> None:
    text = read(inspection(status="incomplete", status_reasons=("12 frames could not be decoded",))).text_of("header")

    assert "Incomplete" in text
    assert "12 frames could not be decoded" in text


def test_interrupted_run_is_no_complete_one() -> None:
    text = read(inspection(status="interrupted")).text_of("header")

    assert "Interrupted" in text
    assert "Complete" not in text


def test_of_several_cameras_each_observation_names_its_own_and_of_one_none() -> None:
    both = inspection(0, observations=(observation(0, camera=1), observation(1, camera=0), observation(2)))

    page = html_from_inspection(both, Path("nowhere"))
    row = re.search(r'<tr id="obs-00000000-0000-5000-8000-000000000000".*?</tr>', page, re.DOTALL)
    assert row is not None and re.search(r'<td class="num" data-label="Camera">1</td>', row[0])
    assert page.count('data-label="Camera"') == 3 and page.count("<dt>Camera</dt>") == 2 and ", camera 1</title>" in page
    assert "Camera" in read(both).text_of("thead") and "Camera" not in read(inspection(3)).text_of("thead")
    assert "<dt>Camera</dt>" not in html_from_inspection(inspection(3), Path("nowhere"))


def test_proposal_banner_stays_until_everything_is_reviewed() -> None:
    waiting = (observation(0), observation(1, review_status="accepted"))
    done = (observation(0, review_status="rejected"), observation(1, review_status="accepted"))

    assert "AI proposal, not reviewed" in read(inspection(8)).text_of("header")
    assert "AI proposal, not reviewed" in read(inspection(0)).text_of("header")
    assert "1 of 2 observations wait" in read(inspection(0, observations=waiting)).text_of("header")
    assert "AI proposal" not in read(inspection(0, observations=done)).text_of("header")


def test_rendered_banner_appears_for_rendered_data_only() -> None:
    assert "Trained on rendered images" in read(inspection(model=model(data_kind="rendered"))).text_of("header")
    assert "rendered" not in read(inspection()).text


def test_unsigned_model_and_missing_figures_are_said() -> None:
    text = read(inspection(model=model(signed_by=None, f2_ciw=None, f1_normal=None, evaluated_on=None))).text

    assert "not signed" in text
    assert "None" not in text


def test_time_basis_says_that_it_is_time() -> None:
    page = read(in_time(5))

    assert "There was no odometer" in page.text
    assert "Film time, min:s" in page.text_of("svg")
    assert "Chainage, m" not in page.text


def test_observation_without_chainage_is_named_below_the_diagram() -> None:
    text = read(inspection(0, observations=(observation(0), observation(1, **NO_PLACE)))).text

    assert "Without chainage, and therefore not in the diagram: 2." in text


def test_dropped_frames_without_a_gap_are_not_called_complete() -> None:
    text = read(inspection(accounting=Accounting(received=1000, processed=990, dropped={"unreadable": 10}))).text

    assert "No gaps: every received frame" not in text
    assert "frames were dropped (10)" in text


def test_coding_system_stands_with_every_code() -> None:
    items = read(inspection(3)).text_of("tbody")

    assert items.count("SEWER-ML RO") == 3
    assert items.count("EN13508-2:2003+A1:2011") == 3


def test_numbers_that_are_not_finite_are_never_printed() -> None:
    nan, inf = float("nan"), float("inf")
    odd = observation(
        1, chainage_m=nan, chainage_uncertainty_m=(nan, inf), time_s=nan, time_to_s=inf, review_priority=nan, score=observation().score
    )
    coverage = Coverage(from_m=nan, to_m=inf, travelled_m=nan, duration_s=inf, gaps=(gap(from_m=nan, to_m=inf, from_s=nan),))
    run = inspection(0, observations=(observation(0), odd), coverage=coverage, model=model(f2_ciw=nan, self_test_max_abs_dp=inf))

    page = html_from_inspection(run, Path("nowhere"))

    assert not re.search(r"\b(nan|inf|infinity)\b", PageReader(page).text, re.IGNORECASE)
    assert not re.search(r'="[^"]*\b(nan|inf)\b', page, re.IGNORECASE)


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    write_picture(tmp_path / picture("a").path)

    page = html_from_inspection(inspection(0, observations=(observation(picture=picture("a")),)), tmp_path)

    assert not re.search(r"https?://|@import|<script|<link|<iframe|url\((?!#)", page)
    assert all(source.startswith("data:image/jpeg;base64,") for source in PageReader(page).sources)
    assert "default-src 'none'" in page.replace("&#x27;", "'")


def test_pictures_are_inside_the_page_reduced(tmp_path: Path) -> None:
    kept = picture("a")
    write_picture(tmp_path / kept.path, width=1920)
    write_picture(tmp_path / kept.heatmap_path, width=1920)

    page = read(inspection(0, observations=(observation(picture=kept),)), tmp_path)

    assert len(page.sources) == 3  # thumbnail, frame, heat
    assert sum(map(len, page.sources)) < 100_000
    assert "./pictures/a.jpg" in page.links


def test_missing_and_broken_pictures_leave_a_placeholder(tmp_path: Path) -> None:
    kept = picture("a")
    (tmp_path / "pictures").mkdir()
    (tmp_path / kept.heatmap_path).write_bytes(b"no picture")

    page = read(inspection(0, observations=(observation(0, picture=kept), observation(1))), tmp_path)

    assert page.sources == []
    assert page.text.count("Picture not found: pictures/a") == 2
    assert "No picture was kept" in page.text


def test_picture_path_that_leaves_the_folder_is_not_followed(tmp_path: Path) -> None:
    write_picture(tmp_path / "secret" / "a.jpg")
    outside = msgspec.structs.replace(picture("a"), path="../secret/a.jpg", heatmap_path=str(tmp_path / "secret/a.jpg"))

    page = read(inspection(0, observations=(observation(picture=outside),)), tmp_path / "out")

    assert page.sources == []


@pytest.mark.parametrize("path", ["javascript:alert(1)", "//host/x.jpg", "https://host/x", "a b&\"'.jpg", "x?y#z"])
def test_link_to_a_file_is_never_anything_else(path: str) -> None:
    assert re.fullmatch(r"\./[A-Za-z0-9_.~/%-]*", link_to_file(path))


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    page = read(hostile_inspection())

    assert "<script>alert(1)</script>" in page.text
    assert "æøå ß 🚧 ]]> &" in page.text
    assert HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd") in page.text_of("h1")


@given(ANY_TEXT)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_leaves_the_page_well_formed(text: str) -> None:
    plain = read(hostile_inspection("x"))

    page = read(hostile_inspection(text))

    assert len(page.links) == len(plain.links)
    assert len(page.ids) == len(plain.ids)


def write_picture(path: Path, width: int = 320) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image_HWC = np.full((width * 3 // 4, width, 3), 128, np.uint8)
    path.write_bytes(cv2.imencode(".jpg", image_HWC)[1].tobytes())
