"""On-screen text: styles, sizes, what it hides, and that it can know nothing of the classes shown."""

import numpy as np
import pytest

from trainer.synth import render_frame
from trainer.synth.camera_chain import draw_chain
from trainer.synth.overlay import STYLES, Overlay, Style, covered, draw_overlay, hide, stamp
from trainer.synth.overlay_text import _FINDINGS, draw_texts

SIZE = (144, 176)


def grey(size: tuple[int, int] = SIZE) -> np.ndarray:
    v = np.linspace(60, 160, size[0])[:, None] + 30 * (np.indices(size).sum(axis=0) % 2)
    return np.repeat(v[..., None], 3, axis=2).astype(np.uint8)


def shown(overlay: Overlay, size: tuple[int, int] = SIZE) -> np.ndarray:
    return hide(stamp(grey(size), overlay), overlay)


@pytest.mark.parametrize("style", STYLES)
def test_same_seed_gives_the_same_overlay_and_picture(style: Style) -> None:
    first, second = (draw_overlay(np.random.default_rng(6), style=style) for _ in range(2))

    assert first == second
    np.testing.assert_array_equal(shown(first), shown(second))


def test_no_style_changes_nothing() -> None:
    np.testing.assert_array_equal(shown(draw_overlay(np.random.default_rng(0), style="none")), grey())


@pytest.mark.parametrize("style", ["text", "blurred", "masked"])
@pytest.mark.parametrize("size", [(72, 88), (96, 118), (288, 352), (568, 466), (1080, 1920)])
def test_every_size_is_written_on(style: Style, size: tuple[int, int]) -> None:
    changed = [(shown(draw_overlay(np.random.default_rng(seed), style=style), size) != grey(size)).any() for seed in range(25)]

    assert np.mean(changed) > 0.8


@pytest.mark.parametrize("style", ["blurred", "masked"])
def test_hiding_changes_covered_pixels_only(style: Style) -> None:
    for seed in range(20):
        overlay = draw_overlay(np.random.default_rng(seed), style=style)
        changed = (shown(overlay) != grey()).any(axis=2)
        over = covered(overlay, SIZE)
        assert not changed[~over].any()
        assert changed[over].mean() > 0.8


def test_masked_boxes_are_of_one_colour_and_blurred_ones_lose_detail() -> None:
    lines = (("12.34m 2014", 0.1, 0.5),)
    masked, blurred = Overlay("masked", lines, fill=(0, 0, 255)), Overlay("blurred", lines)

    over = covered(masked, SIZE)
    assert (shown(masked)[over] == (0, 0, 255)).all()
    rows = np.abs(np.diff(shown(blurred)[..., 0].astype(int), axis=1))[over[:, 1:]]
    assert rows.mean() < 0.4 * np.abs(np.diff(grey()[..., 0].astype(int), axis=1)).mean()


def test_square_signs_are_drawn() -> None:
    latin, square = Overlay("text", (("", 0.1, 0.5),)), Overlay("text", (("\u4e2d\u6587\u5b57", 0.1, 0.5),), (255, 0, 0))

    assert (shown(square)[..., 0] != shown(latin)[..., 0]).sum() > 30


def test_texts_come_in_many_forms_and_rarely_name_a_finding() -> None:
    texts = [draw_texts(np.random.default_rng(seed)) for seed in range(1500)]

    naming = np.mean([any(line in _FINDINGS for line in lines) for lines in texts])
    assert 0.005 < naming < 0.05
    assert len({line for lines in texts for line in lines}) > 1000


def test_styles_all_occur_in_drawn_chains() -> None:
    drawn = [draw_chain(np.random.default_rng(seed)).overlay.style for seed in range(300)]

    assert min(drawn.count(style) for style in STYLES) > 15


def test_frames_of_one_seed_share_their_boxes_whatever_they_show() -> None:
    boxed = 0
    for seed in range(60):
        normal, roots = (render_frame(seed, size=(72, 88), classes=classes).image for classes in ([], ["RO"]))
        box = (normal == (0, 0, 255)).all(axis=2)
        np.testing.assert_array_equal(box, (roots == (0, 0, 255)).all(axis=2))
        boxed += box.any()

    assert boxed >= 1
