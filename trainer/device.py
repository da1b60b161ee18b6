"""What the training runs on, and in which precision: Lightning Fabric, set up once.

Started by torchrun, every process joins the others here (gloo between CPUs, NCCL between GPUs) and takes the GPU of its local number.
"""

import os
from typing import Literal

import torch
import torch.distributed as dist
from lightning.fabric import Fabric
from torch.distributed.rendezvous import rendezvous

from trainer.config import LoopConfig
from trainer.errors import ConfigError

RESTARTS = "TORCHELASTIC_RESTART_COUNT"
CPU_BF16 = ("avx512_bf16", "amx_bf16")
PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def build_fabric(config: LoopConfig) -> Fabric:
    """One accelerator for each process of torchrun, else one alone; a CPU where there is none.

    Raises:
        ConfigError: If a GPU is asked for and there is none, or fp16 on a CPU.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = _accelerator(config)
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if has_bf16(accelerator) else "32"
    if precision == "fp16" and accelerator == "cpu":
        raise ConfigError("key 'loop.precision': fp16 needs a GPU; use auto, bf16 or 32")
    num_processes = int(os.environ.get("WORLD_SIZE", "1")) if started_by_torchrun() else 1
    num_local = int(os.environ.get("LOCAL_WORLD_SIZE", num_processes)) if num_processes > 1 else 1
    fabric = Fabric(
        accelerator=accelerator,
        devices=num_local,
        num_nodes=num_processes // num_local,
        strategy="ddp" if num_processes > 1 else "auto",
        precision=PRECISIONS[precision],
    )
    if num_processes > 1:
        if restarted() and num_local == num_processes:
            _join_anew(accelerator)
        fabric.launch()
    return fabric


def _join_anew(accelerator: str) -> None:
    """Form the process group of a restart under names of its own.

    torchrun keeps one store over all restarts: a process that reads too early finds where a dead one listened, and gives up. On several
    machines the restarts are not numbered alike; there TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 makes torchrun start a new store each time.
    """
    if accelerator == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, world_size = next(rendezvous("env://"))
    store = dist.PrefixStore(f"restart-{os.environ[RESTARTS]}", store)  # type: ignore[attr-defined]
    dist.init_process_group("nccl" if accelerator == "cuda" else "gloo", store=store, rank=rank, world_size=world_size)


def synchronise_batch_statistics(module: torch.nn.Module) -> None:
    """Let batch normalisation see the whole batch, as with one process; torch has this for GPUs alone."""
    torch.nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]


def started_by_torchrun() -> bool:
    """Whether this process is one of a torchrun's."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def restarted() -> bool:
    """Whether torchrun has started this process again after a worker of this machine died."""
    return int(os.environ.get(RESTARTS, "0")) > 0


def has_bf16(accelerator: str) -> bool:
    """Whether bfloat16 is computed in hardware. Emulated, it is slower than float32: training 127 against 68 images/s with it here."""
    if accelerator == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(known.get(name, False) for name in CPU_BF16)


def _accelerator(config: LoopConfig) -> str:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("key 'loop.device': cuda is asked for and torch finds no GPU here; use auto, or look at nvidia-smi")
    return "cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu"
