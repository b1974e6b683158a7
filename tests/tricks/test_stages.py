"""Layer freezing, multi-stage training and progressive resizing: what trains when, and on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from trainer.record import Flat
from tricks.layers.frozen import Frozen, layers_of
from tricks.procedure.layer_freezing import LayerFreezing, frozen_layers
from tricks.procedure.multi_stage import MultiStage, lowest
from tricks.procedure.progressive_resizing import ProgressiveResizing, resized, scale_at

if TYPE_CHECKING:
    from tricks.base import Trick


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.BatchNorm1d(9), nn.Linear(9, 8)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(8, 10))


def titles(setup: dict[str, Any], *tricks: Trick) -> list[str]:
    found = notices(Setup.model_validate({"epochs": 1, **setup}), tricks)
    return [f"{one.kind}: {one.title}" for one in found]


def step(net: nn.Module, optimizer: torch.optim.Optimizer, flat: Flat | None = None) -> None:
    flat.clear() if flat else optimizer.zero_grad()
    draw = torch.Generator().manual_seed(2)
    loss = nn.functional.cross_entropy(
        net(torch.rand(12, 64, generator=draw)), torch.arange(12) % 10
    )
    loss.backward()
    optimizer.step()


def test_layers_are_counted_from_the_input() -> None:
    sizes = [sum(one.numel() for one in layer) for layer in layers_of(network())]
    assert sizes == [64 * 9 + 9, 18, 9 * 8 + 8, 8 * 10 + 10]
    normed = nn.Sequential(weight_norm(nn.Linear(4, 3)), nn.Linear(3, 2))
    assert [len(layer) for layer in layers_of(normed)] == [3, 2]


def test_the_front_moves_in_a_straight_line_and_never_takes_the_last_layer() -> None:
    counts = [frozen_layers(t / 10, 10, 0.5, 1.0) for t in range(11)]
    assert counts == [0, 0, 0, 0, 0, 0, 2, 4, 6, 8, 9]
    assert frozen_layers(1.0, 10, 0.5, 0.4) == 4
    assert frozen_layers(1.0, 10, 1.0, 1.0) == 0


@pytest.mark.parametrize("flat", [False, True])
def test_frozen_weights_stay_whatever_the_optimizer_remembers(flat: bool) -> None:
    net = network()
    buffer = Flat(net) if flat else None
    weights = [buffer.weights] if buffer else net.parameters()
    optimizer = torch.optim.AdamW(weights, lr=0.1, weight_decay=0.1)
    trick, now = LayerFreezing(start=0.0, level=0.5), [0.0]
    trick.tools = tools()
    trick.tools.progress = lambda: now[0]
    trick.begin(torch.Generator())
    for _ in range(3):
        step(net, optimizer, buffer)
        trick.after_step(net, 1)
    now[0] = 1.0
    trick.after_epoch(net, 1)
    layers = layers_of(net)
    before = [[one.detach().clone() for one in layer] for layer in layers]
    for _ in range(3):
        step(net, optimizer, buffer)
        trick.after_step(net, 1)
    same = [
        all(torch.equal(a, b) for a, b in zip(layer, old, strict=True))
        for layer, old in zip(layers, before, strict=True)
    ]
    assert same == [True, True, False, False]
    assert trick.report() == {"frozen": [2]}


def test_what_is_frozen_needs_no_backward_pass() -> None:
    net, frozen = network(), Frozen()
    frozen.freeze(layers_of(net)[:2])
    out = net(torch.rand(6, 64))
    out.sum().backward()
    assert net[1].weight.grad is None and net[4].weight.grad is not None


def test_the_lowest_losses_keep_their_order() -> None:
    assert lowest(torch.tensor([3.0, 1.0, 9.0, 0.5, 2.0]), 0.6).tolist() == [1, 3, 4]


def test_the_second_stage_trains_the_last_layers_by_a_part_of_each_step() -> None:
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    trick = MultiStage(start=0.5, keep=0.4, lr_factor=0.1, layers=1)
    trick.tools = tools()
    assert trick.tools.split.index is not None
    loss = nn.functional.cross_entropy(
        net.eval()(trick.tools.split.x), trick.tools.split.y, reduction="none"
    )
    easy = set(loss.argsort()[:12].tolist())
    trick.after_epoch(net.train(), 1)
    assert set(trick.tools.split.index.tolist()) == easy
    assert trick.acted() == (12, 30, "examples used in the second stage")
    last = net[-1].weight
    before = [one.detach().clone() for one in net.parameters()]
    at = last.detach().clone()
    step(net, optimizer)
    whole = last.detach() - at
    trick.after_step(net, 1)
    torch.testing.assert_close(last.detach() - at, 0.1 * whole, atol=1e-6, rtol=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(list(net.parameters())[:-2], before, strict=False))
    at = last.detach().clone()
    step(net, optimizer)
    whole = last.detach() - at
    trick.after_step(net, 2)
    torch.testing.assert_close(last.detach() - at, 0.1 * whole, atol=1e-6, rtol=1e-3)


def test_images_shrink_as_torch_shrinks_them() -> None:
    x = torch.rand(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert resized(x, 1.0) is x
    small = resized(x, 0.5)
    assert small.shape == (2, 3, 1, 4, 4)
    plain = nn.functional.interpolate(x[1], size=(4, 4), mode="bilinear", antialias=True)
    torch.testing.assert_close(small[1], plain)
    assert resized(torch.full((1, 1, 8, 8), 3.0), 0.7).unique().tolist() == pytest.approx([3.0])
    assert [scale_at(t, 0.5, 0.6) for t in (0.0, 0.3, 0.6, 1.0)] == [0.5, 0.75, 1.0, 1.0]


def test_rules() -> None:
    steps, seconds = {"steps": 10, "epochs": None}, {"seconds": 5.0, "epochs": None}
    freezing = "hint: Layer freezing saves time and not steps"
    assert titles(steps, LayerFreezing()) == [freezing]
    assert titles(seconds, LayerFreezing()) == []
    assert titles(seconds, LayerFreezing(), MultiStage())[0].startswith("error")
    assert titles(seconds, LayerFreezing(level=0), MultiStage()) == []
    resnet = {"network": {"kind": "resnet"}, **seconds}
    assert titles(resnet, ProgressiveResizing()) == ["hint: The images are small already"]
    assert titles({**resnet, "dataset": "shapes"}, ProgressiveResizing()) == []
    by_steps = titles(
        {**resnet, **steps, "seconds": None, "dataset": "shapes"}, ProgressiveResizing()
    )
    assert by_steps == ["hint: Progressive resizing saves time and not steps"]
    assert titles(seconds, ProgressiveResizing())[0].startswith("error")  # an MLP has no pooling
