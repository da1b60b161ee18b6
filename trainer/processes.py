"""What the processes of a run tell each other; alone, a process tells itself."""

# P processes, M rows of one

import torch
import torch.distributed as dist
from lightning.fabric import Fabric
from torch import Tensor


def mean_of_all(fabric: Fabric, scalars: dict[str, Tensor]) -> dict[str, float]:
    """Means over the processes, by name, in one exchange."""
    values = torch.stack([value.float() for value in scalars.values()])
    if fabric.world_size > 1:
        dist.all_reduce(values)
        values /= fabric.world_size
    return dict(zip(scalars, values.tolist(), strict=True))


def any_of_all(fabric: Fabric, asked: bool) -> bool:
    """Whether it holds in any process: all must leave after the same step."""
    if fabric.world_size == 1:
        return asked
    flag = torch.tensor(float(asked), device=fabric.device)
    dist.all_reduce(flag, op=dist.ReduceOp.MAX)
    return bool(flag.item())


def interleaved_rows(fabric: Fabric, own_MC: Tensor) -> Tensor:
    """Rows of all processes, first of each, second of each and so on, on the CPU; all have equally many."""
    if fabric.world_size == 1:
        return own_MC
    own_MC = own_MC.to(fabric.device)
    shares = [torch.empty_like(own_MC) for _ in range(fabric.world_size)]
    dist.all_gather(shares, own_MC)
    return torch.stack(shares, dim=1).flatten(0, 1).cpu()
