"""A run's configuration: one typed tree with the defaults in the structs, strict on unknown keys and wrong types.

A recipe states only differences from these defaults. The resolved tree is written into the run folder before step 0 and travels in
every checkpoint. Functions take the part they need, never the whole tree where a part will do.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.errors import ConfigError

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]
Count = Annotated[int, Meta(ge=1)]
RunName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all parts: immutable, keyword-only, strict."""


class DataConfig(Part, frozen=True):
    """Which images, and their provenance where the folder has no `DATASET.yaml` to state it."""

    root: str = "data/rendered"  # folder in Sewer-ML's layout, relative to the working directory
    name: str | None = None  # name of the data set; null: from DATASET.yaml
    kind: Literal["rendered", "sewer-ml", "other"] | None = None  # null: from DATASET.yaml
    licence: str | None = None  # licence of the images; null: from DATASET.yaml
    look_ahead_m: Annotated[float, Meta(ge=0.0, le=20.0)] | None = None  # metres ahead a label speaks of; null: from DATASET.yaml
    look_behind_m: Annotated[float, Meta(ge=-5.0, le=20.0)] | None = None  # metres behind; negative: a blind stretch before the camera
    workers: Annotated[int, Meta(ge=0, le=64)] = 1  # loader processes; on a CPU-only machine they compete with the training itself
    cache: bool = False  # keep prepared images in one memory-mapped file beside the data: worth it from the second epoch on
    fraction: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0  # share of the training labels used, stratified on the label combination
    fraction_seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 42  # which images; one seed's smaller fractions lie in its larger ones
    every_nth: Count = 1  # of the training rows in CSV order, before `fraction`: neighbours in a film are nearly the same frame
    on_corrupt: Literal["stop", "skip"] = "stop"  # training image that cannot be decoded: end the run, or take the epoch's next good one


class AugmentConfig(Part, frozen=True):
    """Random changes to training images; probabilities are shares, amounts are half-widths around "unchanged".

    `light` is the list below, in OpenCV; `paper` is Appendix A of Otero & Mateus with its own numbers, about ten times dearer; `none` only
    brings images to size. The fields below `policy` are those of `light`.
    """

    policy: Literal["light", "paper", "none"] = "light"  # paper sees frames as they are stored, or with data.cache prepared ones
    on: Literal["loader", "gpu"] = "loader"  # gpu: policy paper on batches of prepared images, where loader processes cannot keep up
    flip: Share = 0.5  # mirror left-right: a pipe has no handedness; never upside down, water lies at the bottom
    rotate_deg: Annotated[float, Meta(ge=0.0, le=45.0)] = 6.0  # a crawler tilts a little
    zoom: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.15  # scale factor 1 ± zoom
    shift: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.06  # of the side length
    brightness: Share = 0.3  # factor 1 ± brightness
    contrast: Share = 0.3  # factor 1 ± contrast about the image mean
    saturation: Share = 0.4  # factor 1 ± saturation
    hue_deg: Annotated[float, Meta(ge=0.0, le=180.0)] = 12.0  # turn about the grey axis
    grey: Share = 0.05  # share of images without colour
    blur: Share = 0.15  # share out of focus, sigma up to 1.2 px
    noise: Share = 0.2  # share with sensor noise, sigma up to 10 of 255
    erase: Share = 0.25  # share with a small rectangle filled by noise (random erasing, 1-5 % of the area)


class ModelConfig(Part, frozen=True):
    """The network."""

    backbone: str = "resnet18"  # one of trainer.models.MODELS
    pool: Literal["avg", "cls"] = "avg"  # avg: logits are the mean of the class maps; cls: from the class token (ViT only)
    drop_path: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0  # stochastic depth; 0.1 for a ViT from scratch
    init: Literal["timm", "mimetic"] = "timm"  # random weights; mimetic: a ViT begins with the structure trained attention has
    weights: str | None = None  # to start from: a run's folder, a checkpoint, or a timm backbone's .safetensors or .pth; null: random
    keep_classifier: bool = False  # take the classifier over from `weights` too: for more training on other images of the same classes


class LossConfig(Part, frozen=True):
    """The fine-tuning loss."""

    pos_weight: Literal["ciw", "counts"] = "ciw"  # ciw: 2(1 + CIW/mean CIW); counts: negatives/positives of the training split


class DinoConfig(Part, frozen=True):
    """Self-distillation without labels, for the tasks dino and hybrid; defaults as published for ImageNet and used on sewers."""

    hidden: Count = 2048  # width of the projector's hidden layers
    bottleneck: Count = 256  # length of the projection on the unit sphere
    prototypes: Count = 32_768  # outputs of the head; fewer for small data sets
    activation: Literal["gelu", "relu"] = "gelu"  # in the projector
    norm_last_layer: bool = False  # hold the prototypes' lengths at 1: steadier, slightly worse
    freeze_last_layer_epochs: Annotated[int, Meta(ge=0)] = 1  # the prototypes stand still for so long; more if the loss does not fall
    student_temperature: Positive = 0.1
    teacher_temperature_start: Positive = 0.04  # lower if the loss does not fall; above 0.07 training becomes unstable
    teacher_temperature: Positive = 0.07  # after its warm-up
    teacher_temperature_epochs: Annotated[int, Meta(ge=0)] = 15  # of linear warm-up
    teacher_momentum_start: Share = 0.996  # share of the old teacher in the new; higher for small batches
    teacher_momentum: Share = 0.999  # at the end of the run, reached by half a cosine
    centre_momentum: Share = 0.9  # share of the old centre in the new; 1 switches centring off
    keep: Literal["teacher", "student"] = "teacher"  # whose backbone goes into the checkpoint of task dino
    supervised_weight: NotNegative = 1.0  # of the labels' loss beside DINO's, task hybrid only
    rankme_images: Count = 1024  # of the validation split, evenly spread; RankMe of different numbers cannot be compared
    min_rankme: NotNegative = 2.0  # a RankMe below this is reported as a collapse
    min_information: NotNegative = 0.02  # nats of the teacher's answer that depend on the image; below this, the same


class DistillConfig(Part, frozen=True):
    """A trained classifier that teaches, for the task distill; `weight` and `temperature` are usual values, not tuned on sewers."""

    teacher: str | None = None  # a run's folder (its best checkpoint) or a checkpoint of a classifier; needed to resume, too
    weight: Share = 0.5  # of the teacher's scores; the labels have the rest, with 1 they are not read
    temperature: Positive = 2.0  # softens both sides' scores; higher shows more of what the teacher finds unlikely
    features: Literal["cosine", "mse"] = "cosine"  # how embeddings are compared: direction alone, or length too
    feature_weight: NotNegative = 0.0  # of the difference between embeddings; 0: none
    map_weight: NotNegative = 0.0  # of the difference between class maps: where, not only whether; 0: none
    # What the teacher sees. own: the size it was trained on, for every image a resize and a forward pass of that size (its cost grows with
    # the pixels: at 224 px 3 times that of 128 px). student: the student's size, cheaper and less sharp; a ViT cannot.
    teacher_size: Literal["own", "student"] = "own"


class OptimConfig(Part, frozen=True):
    """AdamW; the learning rate by `schedule`, per step."""

    schedule: Literal["cosine", "dino", "steps"] = "cosine"  # cosine: by shares of the run; dino, steps: as in the DINO study, below
    lr: Positive = 1e-3  # peak learning rate at the batch size below; scale it with the square root of the batch
    lr_for_batch: Annotated[int, Meta(ge=0)] = 0  # lr is for so many images a step and scaled linearly to the batch size; 0: as it is
    weight_decay: NotNegative = 0.05
    decay: Literal["matrices", "all"] = "matrices"  # matrices: not on biases, norms, position embeddings; all: on everything
    warmup_share: Share = 0.05  # schedule cosine: of all steps
    final_lr_share: Share = 0.01  # schedule cosine: learning rate at the last step, as a share of the peak
    warmup_epochs: Annotated[int, Meta(ge=0)] = 10  # schedule dino: linear from warmup_start_lr to the peak
    warmup_start_lr: NotNegative = 3e-5  # schedule dino
    final_lr: NotNegative = 1e-6  # schedule dino: what the cosine falls to
    step_epochs: tuple[Count, ...] = (15, 35)  # schedule steps: epochs at whose start the rate is multiplied by step_factor
    step_factor: Positive = 0.1  # schedule steps
    clip: Literal["global", "tensor"] = "global"  # clip_norm bounds the norm over all weights, or that of each backbone tensor (DINO)
    clip_norm: Positive = 1.0  # largest gradient norm
    ema_decay: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.999  # averaging of weights per step, shorter at the start; 0 switches it off


class LoopConfig(Part, frozen=True):
    """How long, how large, how exact."""

    epochs: Count = 10  # passes over the training split
    batch_size: Count = 64  # images per step over all devices
    accumulate: Count = 1  # work through a batch in so many pieces, where the memory does not hold it whole
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: a GPU where there is one
    precision: Literal["auto", "32", "bf16", "fp16"] = "auto"  # auto: bf16 autocast where the device computes in it; fp16: older GPUs
    compile: bool = False  # torch.compile the backbone: minutes at the start, then faster on a GPU
    patience_epochs: Annotated[int, Meta(ge=0)] = 0  # stop when the best F2_CIW is so many epochs old; 0: run to the end
    save_every_steps: Annotated[int, Meta(ge=0)] = 0  # checkpoints between the ends of epochs; 0: none, for runs of short epochs
    threads: Annotated[int, Meta(ge=0, le=256)] = 0  # CPU threads of torch, no more than cores are free; 0: torch decides
    log_every_steps: Count = 20  # interval of a line in metrics.jsonl
    plots: bool = True  # curves as PNG in the run's folder at the end


class Config(Part, frozen=True):
    """The whole run."""

    name: RunName  # the run's folder under `out`
    out: str = "runs"  # where runs go, relative to the working directory
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0  # weights, order of images and augmentation follow from it
    task: Literal["finetune", "linear", "dino", "hybrid", "distill"] = "finetune"  # what is learnt: an entry of trainer.tasks.TASKS
    data: DataConfig = DataConfig()
    preprocess: PreprocessSpec = PreprocessSpec()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    dino: DinoConfig = DinoConfig()
    distill: DistillConfig = DistillConfig()
    optim: OptimConfig = OptimConfig()
    loop: LoopConfig = LoopConfig()

    @property
    def run_dir(self) -> Path:
        """The run's folder."""
        return Path(self.out) / self.name


class _Loader(yaml.SafeLoader):
    """YAML 1.2 floats: PyYAML's 1.1 rules read `1e-3` as a string."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789"))


def config_from_yaml(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a recipe and resolve it against the defaults.

    Args:
        path: The recipe.
        overrides: `part.field=value`, the value in YAML notation, applied in order.

    Raises:
        ConfigError: If the recipe cannot be read, or a key is unknown or of the wrong type; the message names the key.
    """
    tree = _tree_from_yaml(_text(path), str(path))
    for override in overrides:
        _apply(tree, override)
    return config_from_tree(tree, str(path))


def config_from_tree(tree: Any, where: str) -> Config:
    """Resolve a plain tree (of a recipe, run folder or checkpoint) against the defaults.

    Raises:
        ConfigError: As `config_from_yaml`.
    """
    try:
        return msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_named_key(str(error))}") from error


def yaml_from_config(config: Config) -> str:
    """The resolved tree as YAML, every key written out."""
    return yaml.safe_dump(msgspec.to_builtins(config), sort_keys=False, allow_unicode=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); give a recipe YAML") from error


def _tree_from_yaml(text: str, where: str) -> dict[str, Any]:
    try:
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{where}: a recipe is a mapping of keys to values, not {type(tree).__name__}")
    return tree


def _apply(tree: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not (equals and key):
        raise ConfigError(f"override '{override}': write it as part.field=value")
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"override '{override}': {parent} is a value, not a part with fields")
    tree[last] = _tree_from_yaml(f"value: {value}", f"override '{override}'")["value"]


def _named_key(message: str) -> str:
    """`Expected `int`, got `str` - at `$.loop.epochs`` -> the same with the key in front."""
    reason, _, place = message.partition(" - at ")
    place = place.strip("`").removeprefix("$").lstrip(".")
    unknown = re.search(r"unknown field `(.+?)`", reason)
    if unknown:
        return f"unknown key '{'.'.join(filter(None, [place, unknown[1]]))}'; the keys are listed in trainer/config.py"
    missing = re.search(r"missing required field `(.+?)`", reason)
    if missing:
        return f"key '{'.'.join(filter(None, [place, missing[1]]))}' is missing"
    return f"key '{place}': {reason.replace('`', '')[:1].lower()}{reason.replace('`', '')[1:]}"
