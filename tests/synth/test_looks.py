"""Every look of laterals, joints, seals and transitions is seen as its own class, and grows with its severity."""

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import render_frame
from trainer.synth.defects import PAINTERS
from trainer.synth.defects.chiselled import PH_LOOKS
from trainer.synth.defects.joints import FS_LOOKS
from trainer.synth.defects.laterals import GR_LOOKS, PB_LOOKS
from trainer.synth.defects.liner_laterals import OP_LOOKS, OS_LOOKS
from trainer.synth.defects.looks import Looks
from trainer.synth.defects.seals import IS_LOOKS
from trainer.synth.defects.transitions import OK_LOOKS
from trainer.synth.geometry import Camera
from trainer.synth.materials import draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.trace import trace_scene

SMALL = (96, 118)
LOOKS: dict[str, Looks] = {
    "GR": GR_LOOKS,
    "PH": PH_LOOKS,
    "PB": PB_LOOKS,
    "OS": OS_LOOKS,
    "OP": OP_LOOKS,
    "FS": FS_LOOKS,
    "IS": IS_LOOKS,
    "OK": OK_LOOKS,
}
# grown by severity, at least; a transition is as large as the pipe whatever its severity
GROWTH = {"GR": 1.15, "PH": 1.15, "PB": 1.15, "OS": 1.15, "OP": 1.15, "FS": 1.3, "IS": 1.3}


def axial_area(seed: int, code: str, severity: float) -> float:
    """Share of an axial view that shows the class, 2.5 radii ahead."""
    rng = np.random.default_rng(seed)
    scene = new_scene(rng, draw_material(rng), start_m=-0.5, end_m=10.0)
    scene.section = None
    PAINTERS[code](scene, rng, severity, 2.5 * scene.radius_m)
    lay_segments(scene, -5.0, 20.0)
    surface = trace_scene(scene, Camera((0.0, 0.0, 0.0)), (60, 74))
    return float(surface.masks[taxonomy().index(code)].mean())


@pytest.mark.parametrize(("code", "look"), [(code, look) for code, looks in LOOKS.items() for look in looks])
def test_every_look_is_seen_and_labelled(code: str, look: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAINTERS, code, LOOKS[code][look][1])

    for seed in range(3):
        labels = render_frame(seed, size=SMALL, classes=[code], severity=0.9).labels
        assert labels[taxonomy().index(code)] == 1, f"seed {seed}"
        assert labels.sum() == 1, f"seed {seed}: {labels}"


@pytest.mark.parametrize("code", GROWTH)
def test_severity_enlarges_what_is_seen(code: str) -> None:
    def mean_area(severity: float) -> float:
        return float(np.mean([axial_area(seed, code, severity) for seed in range(30)]))

    assert mean_area(1.0) > GROWTH[code] * mean_area(0.0)
