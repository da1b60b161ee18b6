"""A run's folder: what is written before step 0, and the lines that follow.

    run.yaml        the resolved config
    run.json        digests of data and class list, provenance, git revision, versions
    metrics.jsonl   one line per logging interval and per validation
    tensorboard/    the same for TensorBoard
    plots/          curves as PNG, at the end
    checkpoints/    best, last (links) and the folders they point to

A folder belongs to one run: another one of the same name is refused, and only the same config may go on in it.
"""

import contextlib
import json
import platform
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

import msgspec
from torch.utils.tensorboard import SummaryWriter

from edge_sdk.contract.manifest import Ancestor
from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import Config, config_from_yaml, yaml_from_config
from trainer.data.provenance import Provenance
from trainer.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CONFIG, RECORD, METRICS, CHECKPOINTS = "run.yaml", "run.json", "metrics.jsonl", "checkpoints"
FREE_TO_CHANGE = (
    "data.workers",
    "data.cache",
    "data.root",
    "data.on_corrupt",
    "distill.teacher",  # may have moved: its digest is compared
    "loop.threads",
    "loop.log_every_steps",
    "loop.save_every_steps",
    "loop.plots",
    "out",
)


def claim(config: Config, *, resume: bool, fixed: Collection[str] = ()) -> Path:
    """The run's folder: a new one, or on `resume` the one with the same config; `fixed` keys may not change, though in other runs they may.

    Raises:
        ConfigError: If a run of this name exists and is not to be resumed, does not exist but is, or had another config.
    """
    folder = config.run_dir
    if not has_checkpoint(config):  # a run that ended before its first checkpoint has nothing to lose
        if resume:
            raise ConfigError(f"{folder} holds no checkpoint to resume from; start it without --resume")
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    if not resume:
        raise ConfigError(f"{folder} holds a run already; go on with --resume, choose another name=..., or remove the folder")
    changed = sorted(_changed_keys(config, config_from_yaml(folder / CONFIG)) - (set(FREE_TO_CHANGE) - set(fixed)))
    if changed:
        raise ConfigError(f"{folder} was started with another {changed[0]}; resume with the same recipe and overrides")
    return folder


def has_checkpoint(config: Config) -> bool:
    """Whether a run of this name can be resumed."""
    return (config.run_dir / CHECKPOINTS / "last").exists()


def write_record(
    folder: Path,
    config: Config,
    *,
    provenance: Provenance,
    data_digest: str,
    weights: "DataclassInstance | None" = None,
    ancestors: Sequence[Ancestor] = (),
) -> None:
    """Write config and record, before the first step; `weights` and `ancestors` say what the run learns from."""
    record = {
        "data": msgspec.to_builtins(provenance) | {"digest": data_digest, "digest_covers": "CSV bytes, names and lengths of images"},
        "classes_digest": taxonomy().digest,
        "git_revision": git_revision(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "weights": weights and asdict(weights),
        "ancestors": msgspec.to_builtins(ancestors),
        "versions": {name: version(name) for name in ("torch", "timm", "lightning", "numpy", "opencv-python-headless")},
    }
    (folder / CONFIG).write_text(yaml_from_config(config), encoding="utf-8")
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def best_checkpoint(path: Path) -> Path:
    """The best checkpoint of a run's folder; a checkpoint's folder is itself."""
    best = path / CHECKPOINTS / "best"
    return best.resolve() if best.exists() else path


def git_revision() -> str:
    """The checkout's commit, with "-dirty" where tracked files differ from it; "unknown" outside a repository."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    result = subprocess.run(  # noqa: S603
        [git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return result.stdout.strip() or "unknown"


def metrics_lines(folder: Path) -> list[dict[str, Any]]:
    """What a run has logged so far; a line cut short by a crash is passed over."""
    path, lines = folder / METRICS, []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(text))
    return lines


class MetricsLog:
    """Figures by step, to `metrics.jsonl` and TensorBoard.

    Args:
        folder: Of the run.
        step: Steps done; what a run that was killed wrote after its last checkpoint is dropped, as it will be written again.
        quiet: Write nothing: another process does.
    """

    def __init__(self, folder: Path, step: int = 0, *, quiet: bool = False) -> None:
        self._file: TextIO | None = None
        if not quiet:
            kept = [line for line in metrics_lines(folder) if line["step"] <= step]
            self._file = (folder / METRICS).open("w", encoding="utf-8")
            self._file.writelines(json.dumps(line) + "\n" for line in kept)
            self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()
            self._writer.close()

    def write(self, part: str, step: int, figures: dict[str, Any]) -> None:
        """One line of `part` ("train", "val", "val_f2" by class), if there are figures."""
        if self._file is None or not figures:
            return
        self._file.write(json.dumps({"part": part, "step": step, **figures}) + "\n")
        self._file.flush()
        for name, value in figures.items():
            self._writer.add_scalar(f"{part}/{name}", value, step)


def _changed_keys(one: Config, other: Config) -> set[str]:
    flat_one, flat_other = (_flat(msgspec.to_builtins(config)) for config in (one, other))
    return {key for key in flat_one if flat_one[key] != flat_other.get(key)}


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
