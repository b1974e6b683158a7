"""The loop: same seed same curve, budgets, buffers, a run that blows up."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from trainer import engine
from trainer.record import Flat

if TYPE_CHECKING:
    from pathlib import Path
from tests.trainer.loops import follow, make_run, series, untimed


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_same_run_gives_the_same_points_bit_for_bit(home: Path) -> None:
    tricks = [{"id": "dropout"}, {"id": "mixup"}, {"id": "batch_norm"}]
    run = make_run(3, tricks, label_noise=0.2, input_noise=0.5)
    first, one = follow(run, home)
    torch.randn(7)  # what others drew before must not matter
    second, two = follow(run, home)
    assert untimed(first) == untimed(second)
    assert one.metrics["test_loss"] == two.metrics["test_loss"]


def test_the_baseline_needs_no_compiler(home: Path) -> None:
    """To import it takes longer than the run, and every process of a first experiment would."""
    code = f"""
import sys
from pathlib import Path
from tests.trainer.loops import follow, make_run
follow(make_run(), Path({str(home)!r}))
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_plain_descent_is_that_of_torch() -> None:
    steps = []
    for kind in (engine.Descent, torch.optim.SGD):
        weights = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.3]))
        optimizer = kind([weights], lr=0.1)
        for _ in range(3):
            weights.grad = 0.7 * weights.detach() + 0.1
            optimizer.step()
        steps.append(weights.detach().clone())
        assert optimizer.param_groups[0]["lr"] == 0.1
    assert torch.equal(*steps)


def test_another_seed_gives_another_curve(home: Path) -> None:
    assert untimed(follow(make_run(0), home)[0]) != untimed(follow(make_run(1), home)[0])


def test_every_key_is_there_and_steps_are_complete(home: Path) -> None:
    points, outcome = follow(make_run(), home)
    assert outcome.state == "done"
    assert outcome.steps == 24
    for key in ("loss", "lr", "grad_norm"):
        assert [step for step, _ in series(points, key)] == list(range(1, 25))
    for key in ("test_loss", "test_accuracy", "train_loss", "train_accuracy", "seconds"):
        steps = [step for step, _ in series(points, key)]
        assert steps[0] == 0
        assert steps[-1] == 24
        assert steps == sorted(set(steps))
    assert series(points, "test_loss")[-1][1] == outcome.metrics["test_loss"]


def test_the_first_evaluation_is_of_the_untrained_net(home: Path) -> None:
    points, outcome = follow(make_run(steps=200, train_size=400), home)
    accuracy = series(points, "test_accuracy")
    assert accuracy[0][1] < 0.35
    assert outcome.metrics["test_accuracy"] > 0.7


def test_a_run_that_blows_up_ends_as_diverged_and_keeps_its_curve(home: Path) -> None:
    deep = {"kind": "mlp", "depth": 8, "width": 64}
    points, outcome = follow(make_run(lr=1.0, steps=200, network=deep), home)
    assert outcome.state == "diverged"
    assert outcome.text == f"the loss is not a number at step {outcome.steps}"
    losses = series(points, "loss")
    assert [step for step, _ in losses] == list(range(1, outcome.steps))
    assert all(math.isfinite(value) for _, value in losses)


def test_a_budget_in_seconds_ends_by_the_clock(home: Path) -> None:
    run = make_run(steps=None, seconds=0.3, tricks=[{"id": "cyclic_cosine"}])
    points, outcome = follow(run, home)
    assert outcome.state == "done"
    assert outcome.seconds >= 0.3
    rates = [value for _, value in series(points, "lr")]
    assert rates[0] == pytest.approx(0.1, rel=0.2)
    assert max(rates) > 5 * min(rates)


def test_a_training_set_smaller_than_a_batch_is_one_batch(home: Path) -> None:
    _, outcome = follow(make_run(train_size=20, batch_size=64), home)
    assert outcome.state == "done"


def test_the_flat_buffers_are_the_weights_and_gradients() -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4, 2)
    )
    network.to(memory_format=torch.channels_last)
    x = torch.randn(5, 3, 3, 3)
    before, strides = network(x), [p.stride() for p in network.parameters()]
    flat = Flat(network)
    torch.testing.assert_close(network(x), before)
    assert [p.stride() for p in network.parameters()] == strides
    network(x).square().sum().backward()
    grads = [p.grad for p in network.parameters()]
    torch.testing.assert_close(flat.norm(), torch.nn.utils.get_total_norm(grads))
    expected = [p.detach() - 0.1 * p.grad for p in network.parameters()]
    engine.sgd(flat.weights, 0.1).step()
    torch.testing.assert_close([p.detach() for p in network.parameters()], expected)
    network.zero_grad(set_to_none=True)
    flat.clear()
    assert all(p.grad is not None and not p.grad.any() for p in network.parameters())
