"""One painter per class: each puts one defect or fitting of its class into a scene, near a chainage, at a severity of 0..1."""

from collections.abc import Callable

import numpy as np

from trainer.synth.defects.attached import paint_attached_deposits
from trainer.synth.defects.breaks import paint_break
from trainer.synth.defects.chiselled import paint_chiselled_connection
from trainer.synth.defects.deposits import paint_settled_deposits
from trainer.synth.defects.ingress import paint_infiltration
from trainer.synth.defects.joints import paint_displaced_joint
from trainer.synth.defects.laterals import paint_branch_pipe, paint_drilled_connection
from trainer.synth.defects.liner_laterals import paint_profile_connection, paint_reinstatement
from trainer.synth.defects.obstacles import paint_obstacle
from trainer.synth.defects.production import paint_production_error
from trainer.synth.defects.roots import paint_roots
from trainer.synth.defects.seals import paint_intruding_seal
from trainer.synth.defects.shape import paint_deformation
from trainer.synth.defects.transitions import paint_transition
from trainer.synth.defects.wear import paint_surface_damage
from trainer.synth.scene import Scene

Painter = Callable[[Scene, np.random.Generator, float, float], float]

PAINTERS: dict[str, Painter] = {
    "RB": paint_break,
    "OB": paint_surface_damage,
    "PF": paint_production_error,
    "DE": paint_deformation,
    "FS": paint_displaced_joint,
    "IS": paint_intruding_seal,
    "RO": paint_roots,
    "IN": paint_infiltration,
    "AF": paint_settled_deposits,
    "BE": paint_attached_deposits,
    "FO": paint_obstacle,
    "GR": paint_branch_pipe,
    "PH": paint_chiselled_connection,
    "PB": paint_drilled_connection,
    "OS": paint_reinstatement,
    "OP": paint_profile_connection,
    "OK": paint_transition,
}

__all__ = ["PAINTERS", "Painter"]
