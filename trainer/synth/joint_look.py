"""Joints in order, unit by unit tones and dirt at joints: all that depends on chainage alone, in one table along the pipe.

The table is kept at several widths of blur (a mip map), so that a joint far away is a faint line and does not flicker.
"""
# Z steps along the pipe, L levels of blur

import cv2
import numpy as np

from trainer.synth.geometry import Hits
from trainer.synth.scene import FAR_RADII, Joint, Scene
from trainer.synth.texture import Grid, at_least

_LEVELS, _COARSER = 5, 3
_STEPS_PER_RADIUS = 70
TONE, DIRT, PALE, SLOPE = range(4)


def along_the_pipe(scene: Scene, hits: Hits, footprint_m: Grid, camera_z_m: float) -> tuple[Grid, ...] | None:
    """Per pixel (H, W) each: factor of tone, dirt added, share of mortar's colour, slope; None without joints."""
    step = scene.radius_m / _STEPS_PER_RADIUS
    start = camera_z_m - 3 * scene.radius_m
    joints = [j for j in scene.joints if start - 1 < j.z_m < camera_z_m + FAR_RADII * scene.radius_m]
    if not joints:
        return None
    table = _table(joints, scene, start, step)
    column = (hits.z_m - np.float32(start)) * np.float32(1 / step)
    level = cv2.log(at_least(footprint_m, 1e-5))
    level = (level - np.float32(np.log(step))) * np.float32(1 / np.log(_COARSER))
    # held inside the table, whose border OpenCV samples many times more slowly
    column, level = np.clip(column, 0, table.shape[1] - 2), np.clip(level, 0, _LEVELS - 1)
    return cv2.split(cv2.remap(table, column, level, cv2.INTER_LINEAR))  # type: ignore[return-value]


def _table(joints: list[Joint], scene: Scene, start_m: float, step_m: float) -> Grid:
    num = int((FAR_RADII + 3) * _STEPS_PER_RADIUS)
    row = np.zeros((1, num, 4), np.float32)
    row[..., TONE] = 1.0
    for joint in sorted(joints, key=lambda j: j.z_m):
        at = (joint.z_m - start_m) / step_m
        row[0, max(round(at), 0) :, TONE] = joint.tone
    for joint in joints:
        _draw(row[0], joint, scene, (joint.z_m - start_m) / step_m, step_m)
    levels: list[Grid] = [row]
    for number in range(1, _LEVELS):
        levels.append(cv2.blur(levels[-1], (_COARSER**number, 1), borderType=cv2.BORDER_REPLICATE))
    return np.asarray(cv2.copyMakeBorder(np.concatenate(levels), 0, 1, 0, 1, cv2.BORDER_REPLICATE))


def _draw(row: Grid, joint: Joint, scene: Scene, at: float, step_m: float) -> None:
    """Dirt round the joint, then the joint itself."""
    half = int(0.7 * _STEPS_PER_RADIUS)
    low, high = max(int(at) - half, 0), min(int(at) + half, len(row))
    if low >= high:
        return
    off_m = (np.arange(low, high, dtype=np.float32) - np.float32(at)) * np.float32(step_m)
    off = np.abs(off_m)
    row[low:high, DIRT] += np.float32(0.5) * np.exp(off * np.float32(-7 / scene.radius_m))
    if joint.look == "none" or joint.stands_out:
        return
    wide = np.float32(joint.width_m)
    line = np.clip((wide - off) / np.float32(step_m) + np.float32(0.5), 0, 1)
    edge = np.clip(1 - np.abs(off - wide) / np.maximum(wide * np.float32(0.4), np.float32(step_m)), 0, 1)
    tone, pale, slope = _LOOKS[joint.look]
    row[low:high, TONE] *= 1 - (1 - np.float32(tone)) * line
    row[low:high, PALE] = np.maximum(row[low:high, PALE], np.float32(pale) * line)
    row[low:high, SLOPE] += np.float32(slope) * edge * np.sign(off_m)
    if joint.look == "socket":  # the rim of the next pipe's socket throws a shadow before it
        row[low:high, TONE] *= 1 - np.float32(0.35) * np.exp(-off / (3 * wide)) * (off_m < 0)


# factor of tone, share of mortar's colour, slope of the edges
_LOOKS = {
    "line": (0.35, 0.0, 0.15),
    "mortar": (1.0, 0.75, 0.12),
    "rubber": (0.12, 0.0, -0.25),
    "open": (0.15, 0.0, 0.45),
    "socket": (0.55, 0.0, 0.35),
}
