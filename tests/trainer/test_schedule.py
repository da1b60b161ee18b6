from itertools import pairwise

import numpy as np
import pytest
import torch

from golden_cases import Case, cases
from trainer.config import OptimConfig, config_from_tree
from trainer.models.self_distillation import follow
from trainer.schedule import AveragedWeights, Moment, build_optimizer, clip_each, learning_rate, scheduled_rate, stepped, warmup_cosine
from trainer.tasks.dino import Dino, teacher_temperature

WARMUP_START, WARMUP_FINAL = 0.04, 0.07  # of a case that names only epochs


@pytest.mark.parametrize("case", cases("dino_schedules"), ids=lambda case: case.name)
def test_schedules_reproduce_golden_dino_schedules(case: Case) -> None:
    params, fields = case.params, case.fields
    if "schedule" in fields and "base" not in params:  # teacher temperature by epoch
        start, final = params.get("warmup_teacher_temp", WARMUP_START), params.get("teacher_temp", WARMUP_FINAL)
        epochs = params["epochs"]
        values = [teacher_temperature(e, epochs, start, final, warmup_epochs=params["warmup_epochs"]) for e in range(epochs)]
        expected = fields["schedule"]
    elif "schedule" in fields:  # any cosine by step
        num, num_warmup = params["epochs"] * params["niter_per_ep"], params["warmup_epochs"] * params["niter_per_ep"]
        start = params["start_warmup_value"]
        values = [warmup_cosine(k, num, params["base"], params["final"], num_warmup=num_warmup, start=start) for k in range(num)]
        expected = fields["schedule"]
    elif "tau_used" in fields:  # teacher momentum, and the value after the last step
        num = params["total_steps"]
        values = [warmup_cosine(k, num, params["base_tau"], params["final_tau"]) for k in range(num + 1)]
        expected = np.append(fields["tau_used"], fields["tau_after_last"])
    elif "lr" in fields:  # the study's pretraining rate
        config = OptimConfig(
            schedule="dino",
            lr=params["base_lr_at_256"],
            lr_for_batch=256,
            warmup_start_lr=params["warmup_start_lr_effective"],
            warmup_epochs=params["warmup_epochs"],
            final_lr=params["eta_min"],
        )
        num = params["epochs"] * params["steps_per_epoch"]
        moments = [Moment(step, num, params["steps_per_epoch"]) for step in range(num)]
        values, expected = [scheduled_rate(at, config, batch_size=params["batch_size"]) for at in moments], fields["lr"]
    else:  # the study's fine-tuning rate
        values = [stepped(epoch, params["base"], params["milestones"], params["gamma"]) for epoch in range(params["epochs"])]
        expected = fields["lr_per_epoch"]

    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("case", cases("dino_optim"), ids=lambda case: case.name)
def test_clipping_teacher_and_freezing_reproduce_golden_dino_optim(case: Case) -> None:
    params, fields = case.params, case.fields
    if "clip" in params:
        numbers = range(sum(name.startswith("grad_in") for name in fields))
        weights = [torch.nn.Parameter(torch.zeros(fields[f"grad_in{n}"].shape, dtype=torch.float64)) for n in numbers]
        for number, weight in enumerate(weights):
            weight.grad = torch.from_numpy(fields[f"grad_in{number}"].copy())
        norm = clip_each(weights, params["clip"])
        assert norm.item() == pytest.approx(fields["norms"].max(), abs=1e-9)
        for number, weight in enumerate(weights):
            np.testing.assert_allclose(weight.grad, fields[f"grad_out{number}"], rtol=0, atol=1e-9)
    elif "teacher0" in fields:
        teacher = torch.from_numpy(fields["teacher0"].copy())
        for step in range(params["total_steps"]):
            momentum = warmup_cosine(step, params["total_steps"], params["base_tau"], params["final_tau"])
            follow([teacher], [torch.from_numpy(fields["student_after_step"][step])], momentum)
            np.testing.assert_allclose(teacher, fields["teacher_after_step"][step], rtol=0, atol=1e-9)
    else:
        for num_frozen, row in enumerate(fields["frozen"]):
            for epoch, frozen in enumerate(row):
                assert is_frozen(num_frozen, epoch) == bool(frozen)


def is_frozen(num_frozen: int, epoch: int) -> bool:
    """Whether the prototypes lose their gradients in an epoch; the projector keeps its own."""
    config = config_from_tree(
        {
            "name": "a",
            "task": "dino",
            "preprocess": {"height": 32, "width": 32},
            "dino": {"hidden": 4, "bottleneck": 4, "prototypes": 4, "freeze_last_layer_epochs": num_frozen},
        },
        "test",
    )
    task = Dino(config, np.zeros((1, 17), np.uint8))
    head = task.networks.student_head
    for weight in head.parameters():
        weight.grad = torch.ones_like(weight)
    task.before_step(Moment(7 * epoch + 3, 70, 7))
    assert all(weight.grad is not None for weight in head.projector.parameters())
    return all(weight.grad is None for weight in head.last_layer.parameters())


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
