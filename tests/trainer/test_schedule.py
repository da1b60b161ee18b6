from itertools import pairwise

import pytest
import torch

from trainer.config import OptimConfig
from trainer.schedule import AveragedWeights, build_optimizer, learning_rate


def test_learning_rate_warms_up_and_falls_to_its_final_share() -> None:
    config = OptimConfig(lr=1.0, warmup_share=0.1, final_lr_share=0.01)

    rates = [learning_rate(step, 100, config) for step in range(100)]

    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert all(later <= earlier for earlier, later in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.01)


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_learning_rate_of_the_shortest_runs_is_positive(num_steps: int) -> None:
    assert all(learning_rate(step, num_steps, OptimConfig()) > 0 for step in range(num_steps))


def test_average_follows_its_recursion() -> None:
    module = torch.nn.Linear(2, 1)
    average = AveragedWeights(module, 0.5)
    expected = module.weight.detach().clone()

    for step in range(4):
        with torch.no_grad():
            module.weight.add_(1.0)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * module.weight.detach()

    torch.testing.assert_close(average.state()["weight"], expected)


def test_without_average_the_weights_are_the_module_s_own() -> None:
    module = torch.nn.Linear(2, 1)

    assert AveragedWeights(module, 0.0).state()["weight"].data_ptr() == module.weight.data_ptr()


def test_biases_and_norms_are_not_decayed() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LayerNorm(3))

    decayed, free = build_optimizer(module, OptimConfig(weight_decay=0.1)).param_groups

    assert [tuple(weight.shape) for weight in decayed["params"]] == [(3, 3)]
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
