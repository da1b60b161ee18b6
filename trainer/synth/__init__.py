"""The rendered sewer: labelled frames and drives made from a seed. numpy and OpenCV only."""

from trainer.synth.drive import DriveFrames, RenderedDrive, render_drive
from trainer.synth.drive_files import write_drive
from trainer.synth.drive_plan import DriveObservation
from trainer.synth.errors import SynthError
from trainer.synth.frame import RenderedFrame, render_frame
from trainer.synth.truth import min_visible
from trainer.synth.write import write_frames

SYNTH_VERSION = "rendered-1"

__all__ = [
    "SYNTH_VERSION",
    "DriveFrames",
    "DriveObservation",
    "RenderedDrive",
    "RenderedFrame",
    "SynthError",
    "min_visible",
    "render_drive",
    "render_frame",
    "write_drive",
    "write_frames",
]
