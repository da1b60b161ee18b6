"""One cell from its config to its result: train, or go on; measure the best checkpoint; write down what it came to."""

import hashlib
import json
import shutil
import time
from pathlib import Path

from trainer.checkpoint import MODEL, read_contract
from trainer.config import Config
from trainer.data.sewer_ml import SplitName
from trainer.errors import CheckpointError, ConfigError
from trainer.evaluate.report import EvaluationReport
from trainer.evaluate.run import Say, evaluate_checkpoint
from trainer.loop import train
from trainer.run_folder import RECORD, best_checkpoint, has_checkpoint
from trainer.study.folder import CELLS, EVALUATIONS, CellResult, result_of, settings_of, write_json

SPENT = "seconds.txt"


class CellInterruptedError(Exception):
    """The person asked to stop; the cell goes on from its last checkpoint next time."""


def finished(out: Path, config: Config, *, digest: str, weights_sha256: str | None) -> CellResult | None:
    """The result of a cell that is done with this config, on these data and from these weights.

    Raises:
        ConfigError: If it was done with others: nothing is overwritten.
    """
    result = result_of(out, config.name)
    if result is None:
        return None
    settings = settings_of(config)
    changed = sorted(key for key in settings if settings[key] != result.settings.get(key))
    if changed:
        raise ConfigError(f"{config.name} was measured with another {changed[0]}; choose another --out or {_remedy(out, config)}")
    if result.digest != digest:
        raise ConfigError(f"{config.name} was measured on other data; choose another --out or {_remedy(out, config)}")
    if result.weights_sha256 != weights_sha256:
        raise ConfigError(f"{config.name} started from other weights than {config.model.weights} has now; {_remedy(out, config)}")
    return result


def complete(
    out: Path, config: Config, *, digest: str, weights_sha256: str | None, split: SplitName, num_resamples: int, say: Say
) -> CellResult:
    """Train a cell to its end, measure it and write its result.

    Args:
        out: The study's folder.
        config: The cell's.
        digest: Of the study's data.
        weights_sha256: Of the weights it starts from.
        split: What its figures are of.
        num_resamples: For the intervals.
        say: Told of each stage.

    Raises:
        TrainerError: As `train` and `evaluate_checkpoint`.
        CellInterruptedError: If training was asked to stop.
    """
    seconds = _trained(config, weights_sha256)
    checkpoint = best_checkpoint(config.run_dir)
    contract, _ = read_contract(checkpoint)
    report = None if config.task == "dino" else _measured(out, config, split, num_resamples, say)
    result = CellResult(
        settings=settings_of(config),
        digest=digest,
        model_sha256=_sha256(checkpoint / MODEL),
        weights_sha256=weights_sha256,
        num_train=contract.num_images,
        epochs=config.loop.epochs,
        seconds=round(seconds, 1),
        f2_ciw=report.f2_ciw if report else None,
        f1_normal=report.f1_normal if report else None,
        mean_ap=report.mean_ap if report else None,
        rankme=contract.metrics.get("rankme"),
    )
    write_json(out / CELLS / f"{config.name}.json", result)
    return result


def _trained(config: Config, weights_sha256: str | None) -> float:
    """Seconds of training, over all parts of the run."""
    resume, spent = has_checkpoint(config), config.run_dir / SPENT
    if resume:
        _check_start(config, weights_sha256)
    before = float(spent.read_text()) if resume and spent.is_file() else 0.0
    start = time.monotonic()
    try:
        result = train(config, resume=resume)
    finally:
        seconds = before + time.monotonic() - start
        if config.run_dir.is_dir():
            spent.write_text(f"{seconds:.1f}\n")
    if result.interrupted:
        raise CellInterruptedError(f"{config.name}: interrupted at step {result.step} of {result.num_steps}")
    return seconds


def _check_start(config: Config, weights_sha256: str | None) -> None:
    weights = json.loads((config.run_dir / RECORD).read_text(encoding="utf-8"))["weights"]
    if (weights and weights["sha256"]) != weights_sha256:
        raise CheckpointError(f"{config.run_dir} started from other weights than {config.model.weights} has now; remove it to start anew")


def _measured(out: Path, config: Config, split: SplitName, num_resamples: int, say: Say) -> EvaluationReport:
    folder = out / EVALUATIONS / config.name
    shutil.rmtree(folder, ignore_errors=True)  # the rest of an interrupted one
    return evaluate_checkpoint(
        best_checkpoint(config.run_dir),
        Path(config.data.root),
        folder,
        split=split,
        num_resamples=num_resamples,
        workers=config.data.workers,
        say=say,
    )


def _remedy(out: Path, config: Config) -> str:
    return f"remove {out / CELLS / config.name}.json and {config.run_dir} to do it again"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
