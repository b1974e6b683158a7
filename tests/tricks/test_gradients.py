"""What is done to gradients: clips, means, sums of several batches; and to the rate and digits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.rates import own_rate, schedule
from tricks import catalog
from tricks.layers.autocast import Autocast
from tricks.optimizer.agc import AGC, shares, unit_norms
from tricks.optimizer.grad_accum import GradAccum
from tricks.optimizer.grad_centralization import GradCentralization, centralized
from tricks.optimizer.grad_clip import GradClip
from tricks.optimizer.grad_clip_value import GradClipValue
from tricks.optimizer.linear_lr_scaling import linear
from tricks.optimizer.lookahead import Lookahead

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network(scale: float = 1.0) -> nn.Module:
    """Weights and gradients that are the same every time; ``scale`` of the gradients."""
    one = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 4), nn.Linear(4, 2))
    for seed, p in enumerate(one.parameters()):
        p.data.copy_(random(*p.shape, seed=seed))
        p.grad = scale * random(*p.shape, seed=100 + seed)
    return one


def test_clipping_by_value() -> None:
    one, same = network(), network()
    GradClipValue(clip_value=0.5).gradients(one)
    for p, q in zip(one.parameters(), same.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad.clamp(-0.5, 0.5))


def test_unit_norms() -> None:
    conv, matrix, bias = random(3, 2, 3, 3), random(4, 12), random(4)
    torch.testing.assert_close(unit_norms(conv).flatten(), conv.flatten(1).norm(dim=1))
    torch.testing.assert_close(unit_norms(matrix).flatten(), matrix.norm(dim=1))
    torch.testing.assert_close(unit_norms(bias), bias.norm())


def test_adaptive_clipping_makes_each_unit_s_gradient_as_long_as_allowed() -> None:
    one, same = network(100.0), network(100.0)
    AGC(clipping=0.1).gradients(one)
    *clipped, weight, bias = zip(one.parameters(), same.parameters(), strict=True)
    for p, q in clipped:
        torch.testing.assert_close(unit_norms(p.grad), 0.1 * unit_norms(q))
        torch.testing.assert_close(p.grad / unit_norms(p.grad), q.grad / unit_norms(q.grad))
    for p, q in (weight, bias):  # of the last layer
        assert torch.equal(p.grad, q.grad)


def test_weights_of_0_may_leave_it() -> None:
    share = shares(torch.full((2, 4), 5.0), torch.zeros(2, 4), 0.1)
    torch.testing.assert_close(share, torch.full((2, 1), 0.1 * 1e-3 / 10.0))
    assert torch.equal(shares(torch.zeros(2, 4), torch.zeros(2, 4), 0.1), torch.ones(2, 1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GradClip(max_norm=5.0), "steps with a gradient longer than 5"),
        (lambda: GradClipValue(clip_value=5.0), "steps with a number above 5"),
        (lambda: AGC(clipping=5.0), "steps with a gradient above 5 of a unit"),
    ],
)
def test_clips_tell_how_often_they_acted(make: Callable[[], GradClip], words: str) -> None:
    clip = make()
    for scale in (0.001, 100.0, 0.002, 0.003):
        clip.gradients(network(scale))
    assert clip.acted() == (1, 4, words)


def test_centralized_gradients_have_mean_0() -> None:
    conv, matrix = random(3, 2, 3, 3), random(4, 12)
    torch.testing.assert_close(centralized(conv).flatten(1).mean(1), torch.zeros(3))
    torch.testing.assert_close(centralized(matrix), matrix - matrix.mean(1, keepdim=True))
    one, same = network(), network()
    GradCentralization().gradients(one)
    for p, q in zip(one.parameters(), same.parameters(), strict=True):
        expected = q.grad if q.dim() == 1 else centralized(q.grad)
        torch.testing.assert_close(p.grad, expected)


def steps_of(
    trick: GradAccum | None, x: Tensor, y: Tensor, size: int, *, clip: bool
) -> list[Tensor]:
    """The weights after SGD with momentum through the examples, batch by batch."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
    for part_x, part_y in zip(x.split(size), y.split(size), strict=True):

        def closure(part_x: Tensor = part_x, part_y: Tensor = part_y) -> Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(net(part_x), part_y)
            loss.backward()
            if trick:
                trick.gradients(net)
            if clip:
                GradClip(max_norm=0.05).gradients(net)
            return loss

        if trick:
            trick.step(optimizer, closure, net)
        else:
            closure()
            optimizer.step()
    return [p.detach() for p in net.parameters()]


@pytest.mark.parametrize("clip", [False, True])
def test_accumulated_small_batches_step_like_large_ones(clip: bool) -> None:
    x, y = random(48, 4).double(), torch.arange(48) % 3
    small = steps_of(GradAccum(k=4), x, y, 4, clip=clip)
    large = steps_of(None, x, y, 16, clip=clip)
    for mine, theirs in zip(small, large, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_rest_makes_no_step() -> None:
    x, y = random(52, 4).double(), torch.arange(52) % 3
    rest = steps_of(GradAccum(k=4), x, y, 4, clip=False)
    full = steps_of(GradAccum(k=4), x[:48], y[:48], 4, clip=False)
    for mine, theirs in zip(rest, full, strict=True):
        assert torch.equal(mine, theirs)


def test_lookahead_by_hand() -> None:
    net = nn.Linear(3, 2)
    trick = Lookahead(k=2, alpha=0.3)
    trick.tools = SimpleNamespace(network=net)  # type: ignore[assignment]
    start = net.weight.detach().clone()
    trick.begin(torch.Generator())
    slow = start
    for step in range(1, 7):
        with torch.no_grad():
            net.weight += random(2, 3, seed=step)
        fast = net.weight.detach().clone()
        trick.after_step(net, step)
        if step % 2 == 0:
            slow = slow + 0.3 * (fast - slow)
            torch.testing.assert_close(net.weight.detach(), slow)
        else:
            assert torch.equal(net.weight, fast)


def test_linear_scaling() -> None:
    assert linear(0.1, 256, 32) == pytest.approx(0.8)  # k = 8
    setup = Setup.model_validate({"epochs": 2, "batch_size": 128, "lr": 0.05})
    tricks = [catalog()["linear_lr_scaling"](), catalog()["momentum"]()]
    assert own_rate(setup, tricks) == pytest.approx(0.05 * 4 * (1 - 0.9))
    assert schedule(setup, tricks)(0) == pytest.approx(0.02)


def test_mixed_precision_multiplies_in_bfloat16_and_answers_in_float32() -> None:
    net, seen = nn.Linear(3, 2), []
    net.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    x = random(4, 3)
    logits = Autocast(net)(x)
    assert seen == [torch.bfloat16] and logits.dtype == torch.float32
    rounded = x.bfloat16().float() @ net.weight.bfloat16().float().T + net.bias.bfloat16().float()
    torch.testing.assert_close(logits, rounded, rtol=1e-2, atol=1e-2)
    assert not torch.equal(logits, net(x))
    logits.sum().backward()
    assert net.weight.grad.dtype == torch.float32


SAID: list[tuple[dict[str, Any], dict[str, Any], str, str, dict[str, Any], dict[str, Any]]] = [
    ({"agc": {}, "grad_clip": {}}, {}, "hint", "Two clips", {"agc": {}}, {}),
    ({"grad_accum": {}, "batch_norm": {}}, {}, "hint", "sees the small batches",
     {"grad_accum": {"k": 1}, "batch_norm": {}}, {}),
    ({"grad_accum": {}, "flooding": {}}, {}, "hint", "floods every small batch",
     {"grad_accum": {}, "flooding": {"level": 0.0}}, {}),
    ({"linear_lr_scaling": {}}, {"batch_size": 32}, "hint", "changes nothing at batch size 32",
     {"linear_lr_scaling": {}}, {"batch_size": 64}),
    ({"linear_lr_scaling": {}}, {"batch_size": 256}, "warning", "8 times as high at once",
     {"linear_lr_scaling": {}, "warmup": {}}, {"batch_size": 256}),
    ({"linear_lr_scaling": {}, "adam": {}}, {"batch_size": 64}, "hint", "is a rule for SGD",
     {"linear_lr_scaling": {}, "momentum": {}}, {"batch_size": 64}),
    ({"amp": {}}, {"device": "cpu"}, "hint", "gains nothing on a CPU", {"amp": {}},
     {"device": "cuda"}),
    ({"amp": {}, "sam": {}}, {}, "warning", "small move may be lost",
     {"amp": {}, "sam": {"rho": 0.0}}, {}),
    ({"amp": {}, "grad_clip": {}}, {}, "hint", "sees the true gradient", {"amp": {}}, {}),
]  # fmt: skip


def said(tricks: dict[str, Any], setup: dict[str, Any]) -> list[tuple[str, str]]:
    made = [catalog()[name](**knobs) for name, knobs in tricks.items()]
    found = notices(Setup.model_validate({"epochs": 60, **setup}), made)
    return [(one.kind, one.title) for one in found]


@pytest.mark.parametrize(("tricks", "setup", "kind", "words", "neighbor", "beside"), SAID)
def test_rule(tricks, setup, kind, words, neighbor, beside) -> None:
    assert [one for one, title in said(tricks, setup) if words in title] == [kind]
    assert not [title for _, title in said(neighbor, beside) if words in title]
