"""One int8 graph of a job: calibrated, searched for the layers that must stay in float, and checked."""

# N images, C classes

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization.calibrate import TensorsData

from trainer.data.sewer_ml import read_split
from trainer.export.bounded import layers_to_return
from trainer.export.calibration import activation_ranges, calibration_images
from trainer.export.int8 import Flavour, flavour_of, int8_graph, kept_in_float
from trainer.export.quantize_job import Converted, Job
from trainer.export.quantize_layers import layers_of
from trainer.export.quantize_record import CalibrationImages, KeptNode, LayerSensitivity
from trainer.export.quantize_scores import Difference, check_alive, difference, logits_of
from trainer.export.sensitivity import sensitivities


class Trial(NamedTuple):
    """A graph, what it says of the validation images (N, C), and what that costs."""

    graph: onnx.ModelProto
    logits_NC: NDArray[np.float32]
    found: Difference


class Int8(NamedTuple):
    """The graph that was found, and what its record says of it."""

    trial: Trial
    flavour: Flavour
    calibration: CalibrationImages
    quantised: tuple[str, ...]
    kept: tuple[KeptNode, ...]
    sensitivity: tuple[LayerSensitivity, ...]
    num_sensitivity_images: int


def search_int8(job: Job, precision: Converted) -> Int8:
    """Calibrate and quantise within the job's bound.

    Raises:
        ExportError: If the bound cannot be kept, or the graph no longer tells images apart.
        DataError: If the calibration images cannot be read or show nothing.
    """
    flavour = flavour_of(precision, job.source)
    ranges, calibration = _ranges(job, flavour)
    search = _Search(job, flavour, ranges)
    if job.settings.sensitivity:
        search.order()
    returned = layers_to_return(search.lost, search.order, max_drop=job.settings.max_drop, what=precision)
    trial = search.trials[frozenset(returned)]
    check_alive(trial.logits_NC, job.validation.reference_NC, precision)
    return Int8(
        trial,
        flavour,
        calibration,
        tuple(name for name in search.layers if name not in returned),
        kept_in_float(job.source, search.reasons(returned)),
        search.table,
        len(search.few.images_NHWC) if search.table else 0,
    )


def _ranges(job: Job, flavour: Flavour) -> tuple[TensorsData, CalibrationImages]:
    settings = job.settings
    split = read_split(job.root, settings.calibration)
    images_NHWC, calibration = calibration_images(
        split, job.spec, data_name=job.data_name, num=settings.num_calibration, seed=settings.seed
    )
    fewer = f", all there are of {settings.num_calibration} asked for" * (len(images_NHWC) < settings.num_calibration)
    job.say(f"{flavour.precision}: ranges by {settings.method} from {len(images_NHWC)} images of {split.name}{fewer}")
    ranges = activation_ranges(job.source, images_NHWC, method=settings.method, op_types=flavour.op_types, symmetric=flavour.symmetric)
    return ranges, calibration


class _Search:
    """Trials so far, and the table of sensitivities once somebody asks for the order."""

    def __init__(self, job: Job, flavour: Flavour, ranges: TensorsData) -> None:
        self.job, self.flavour, self.ranges = job, flavour, ranges
        self.layers = layers_of(job.source.graph).body
        self.few = job.validation.first(job.settings.num_sensitivity)
        self.trials: dict[frozenset[str], Trial] = {}
        self.table: tuple[LayerSensitivity, ...] = ()

    def lost(self, returned: frozenset[str]) -> float:
        """Points of F2_CIW with some layers in float."""
        job, precision = self.job, self.flavour.precision
        graph = int8_graph(job.source, self.flavour, self.ranges, returned)
        logits_NC = logits_of(graph, job.validation.images_NHWC, precision=precision, threads=job.settings.threads)
        found = difference(logits_NC, job.validation, precision)
        self.trials[returned] = Trial(graph, logits_NC, found)
        job.say(f"{precision}: {len(returned)} of {len(self.layers)} layers in float, F2_CIW {0.0 - round(found.lost, 2):+.2f} points")
        return found.lost

    def order(self) -> Sequence[str]:
        """Layers, most sensitive first; measured once."""
        if not self.table:
            self.job.say(f"{self.flavour.precision}: sensitivity of {len(self.layers)} layers on {len(self.few.images_NHWC)} images of Val")
            self.table = sensitivities(self.job.source, self.flavour, self.ranges, self.layers, self.few, self._progress)
        return [layer.name for layer in self.table]

    def _progress(self, done: int, total: int) -> None:
        if done % 10 == 0 and done < total:
            self.job.say(f"{self.flavour.precision}: {done} of {total} layers")

    def reasons(self, returned: Sequence[str]) -> dict[str, str]:
        """Why layers went back to float."""
        moved = {layer.name: layer.mean_abs_dp for layer in self.table}
        return {name: f"sensitive: alone in int8 it moves scores by {moved[name]:.5f} on average" for name in returned}
