"""Initializations that look at the network or at data, those that kill it, and fine-tuning."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from trainer.networks import build, kaiming
from tricks import catalog
from tricks.base import NetworkSpec, Split
from tricks.initialization.fixup import branch_factor
from tricks.initialization.lsuv import unit_variance
from tricks.initialization.pretrained_finetune import copy_body
from tricks.initialization.prior_bias import log_prior
from tricks.layers.gate import Gate, residuals

if TYPE_CHECKING:
    from tricks.base import Trick

RNG = torch.Generator


def spec(kind: str = "mlp", *tricks: str, depth: int = 4, width: int = 8) -> NetworkSpec:
    made = NetworkSpec(
        kind=kind, depth=depth, width=width, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )
    for one in tricks:
        made = catalog()[one]().network(made)
    return made


def split(size: int = 64) -> Split:
    rng = RNG().manual_seed(1)
    x = torch.randn(size, 1, 8, 8, generator=rng)
    return Split(x=x, y=torch.arange(size) % 10, classes=10, index=torch.arange(size))


def started(trick: Trick, network: nn.Module, seed: int = 0) -> nn.Module:
    """The network as it stands before the first step."""
    rng = RNG().manual_seed(seed)
    if trick.changes("initialize"):
        trick.initialize(network, rng)
    else:
        kaiming(network, rng)
    return trick.surgery(network, split(), rng)


def said(setup: dict, *tricks: str, **knobs: dict[str, float]) -> list[tuple[str, str]]:
    made = [catalog()[one](**knobs.get(one, {})) for one in tricks]
    found = notices(Setup.model_validate({"epochs": 2, **setup}), made)
    return [(one.kind, one.title) for one in found]


@pytest.mark.parametrize(
    ("trick", "knobs", "std"),
    [
        ("init_zeros", {}, 0.0),
        ("init_small", {}, 0.01),
        ("init_small", {"std": 0.05}, 0.05),
        ("init_too_big", {}, 1.0),
        ("init_lecun", {}, 1 / math.sqrt(64)),
    ],
)
def test_deviations(trick: str, knobs: dict, std: float) -> None:
    layer = started(catalog()[trick](**knobs), nn.Linear(64, 800))
    assert layer.weight.std().item() == pytest.approx(std, rel=0.03)
    assert not layer.bias.any()


def test_lecun_is_half_of_kaimings_variance() -> None:
    two = [started(catalog()[one](), nn.Conv2d(8, 64, 3)) for one in ("init_lecun", "init_kaiming")]
    torch.testing.assert_close(two[0].weight * math.sqrt(2), two[1].weight)


@pytest.mark.parametrize("shape", [(32, 32), (16, 48), (48, 16)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    out, into = shape
    w = started(catalog()["init_orthogonal"](), nn.Linear(into, out)).weight.detach()
    gram = w @ w.T if out <= into else w.T @ w
    torch.testing.assert_close(gram, 2 * torch.eye(min(shape)), atol=1e-5, rtol=0)


def test_zeros_send_no_gradient_but_to_the_last_bias() -> None:
    network = started(catalog()["init_zeros"](), build(spec()))
    nn.functional.cross_entropy(network(split().x), split().y).backward()
    *others, last = network.parameters()
    assert not any(one.grad.any() for one in others)
    assert last.grad.any()


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_lsuv_leaves_every_layer_with_variance_1(kind: str, activation: str) -> None:
    network = started(catalog()["lsuv"](), build(spec(kind, activation)))
    variances = []
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.register_forward_hook(lambda *seen: variances.append(seen[2].var().item()))
    with torch.no_grad():
        network.eval()(split().x)
    assert variances and variances == pytest.approx([1.0] * len(variances), abs=0.02)


def test_lsuv_leaves_a_silent_layer_alone() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    nn.init.zeros_(network[0].weight)
    nn.init.zeros_(network[0].bias)
    before = network[1].weight.clone()
    nn.init.zeros_(network[1].bias)
    unit_variance(network, torch.randn(8, 4))
    assert not network[0].weight.any() and torch.equal(network[1].weight, before)


def test_fixups_factor_is_the_papers() -> None:
    """Zhang et al.: L^(-1/2) for two layers in a branch, L^(-1/4) for three."""
    assert branch_factor(16, 2) == pytest.approx(1 / 4)
    assert branch_factor(16, 3) == pytest.approx(1 / 2)


def test_fixup_starts_every_block_as_the_identity() -> None:
    network = started(catalog()["fixup"](), build(spec("resnet", "skip_connection", depth=6)))
    blocks = list(residuals(network))
    assert len(blocks) == 6
    plain = build(spec("resnet", depth=6))
    kaiming(plain, RNG().manual_seed(0))
    convolutions = [one for one in plain.modules() if isinstance(one, nn.Conv2d)]
    for i, block in enumerate(blocks):
        first, last = (one for one in block.branch.modules() if isinstance(one, nn.Conv2d))
        torch.testing.assert_close(first.weight, convolutions[1 + 2 * i].weight * 6**-0.5)
        assert not last.weight.any() and block.scale == 1.0
        assert [one.alpha.item() for one in block.branch.modules() if isinstance(one, Gate)] == [1]
    assert not network(split().x).any()


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
def test_rezero_starts_as_if_there_were_no_branches(kind: str) -> None:
    network = started(catalog()["rezero"](), build(spec(kind, "skip_connection", depth=5)))
    blocks = list(residuals(network))
    assert blocks
    x = split().x
    before = network(x)
    for block in blocks:
        for one in block.branch.modules():
            if isinstance(one, nn.Linear | nn.Conv2d):
                nn.init.normal_(one.weight, std=10.0)
    assert torch.equal(network(x), before)
    nn.functional.cross_entropy(network(x), split().y).backward()
    gates = [one for one in network.modules() if isinstance(one, Gate)]
    assert len(gates) == len(blocks) and all(one.alpha.grad for one in gates)


def test_without_skips_there_are_no_branches() -> None:
    assert not list(residuals(build(spec("resnet"))))
    assert not list(residuals(build(spec("mlp"))))


@pytest.mark.parametrize("norm", ["batch_norm", "group_norm"])
def test_zero_gamma_sets_the_last_norm_of_each_block(norm: str) -> None:
    trick = catalog()["zero_gamma"]()
    network = started(trick, build(spec("resnet", norm, "skip_connection", depth=3)))
    for block in residuals(network):
        first, last = (one for one in block.branch.modules() if "Norm" in type(one).__name__)
        assert first.weight.eq(1).all() and not last.weight.any()
    assert trick.acted()[:2] == (3, 3)
    nn.functional.cross_entropy(network(split().x), split().y).backward()
    assert last.weight.grad.any()


def test_zero_gamma_says_when_it_found_nothing() -> None:
    trick = catalog()["zero_gamma"]()
    started(trick, build(spec("resnet", "skip_connection", depth=3)))
    assert trick.acted()[:2] == (0, 3)


def test_prior_bias_makes_the_first_loss_the_entropy_of_the_labels() -> None:
    y = torch.repeat_interleave(torch.arange(4), torch.tensor([50, 30, 15, 5]))
    share = torch.tensor([0.5, 0.3, 0.15, 0.05])
    torch.testing.assert_close(log_prior(y, 4), share.log())
    torch.testing.assert_close(log_prior(nn.functional.one_hot(y, 4).float(), 4), share.log())
    logits = log_prior(y, 4).expand(100, 4)
    entropy = -(share * share.log()).sum()
    torch.testing.assert_close(nn.functional.cross_entropy(logits, y), entropy)


def test_prior_bias_of_two_classes_is_the_papers() -> None:
    rare, rest = log_prior(torch.tensor([1] + [0] * 99), 2).flip(0)
    assert (rare - rest).item() == pytest.approx(-math.log((1 - 0.01) / 0.01), abs=1e-5)


def test_prior_bias_changes_the_last_bias_alone() -> None:
    plain, own = build(spec()), build(spec())
    own.load_state_dict(plain.state_dict())
    started(catalog()["prior_bias"](), own)
    kaiming(plain, RNG().manual_seed(0))
    same = [torch.equal(a, b) for a, b in zip(plain.parameters(), own.parameters(), strict=True)]
    assert same == [True] * (len(same) - 1) + [False]


def test_fine_tuning_copies_all_layers_but_the_last() -> None:
    source, own = build(spec()), build(spec())
    copied = copy_body(source, own)
    layers = [one for one in own.modules() if isinstance(one, nn.Linear)]
    assert copied == layers[:-1]
    pairs = zip(source.parameters(), own.parameters(), strict=True)
    same = [torch.equal(one, other) for one, other in pairs]
    assert same == [True] * (len(same) - 2) + [False] * 2
    assert copy_body(source, build(spec(width=16))) == []


def test_fine_tuning_trains_first_on_the_lower_classes_and_freezes() -> None:
    trick = catalog()["pretrained_finetune"](share=0.5, freeze=2)
    trick.tools = tools()
    asked = []

    def fit(x, y, rng, *, steps, width=None):
        asked.append((sorted(set(y.tolist())), steps))
        return build(spec())

    trick.tools.fit = fit
    network = trick.tools.network = started(trick, build(spec()))
    assert asked == [([0, 1, 2, 3, 4], 30)]
    frozen = [not one.requires_grad for one in network.parameters()]
    assert frozen == [True] * 4 + [False] * (len(frozen) - 4)
    trick.begin(RNG())
    before = [one.detach().clone() for one in network.parameters()]
    for one in network.parameters():
        one.data += 1
    trick.after_step(network, 1)
    now = [torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
    assert now == frozen


RESNET = {"network": {"kind": "resnet", "depth": 3, "width": 8}}
RARE = {"imbalance": 20, "train_size": 400}


@pytest.mark.parametrize(
    ("setup", "tricks", "kind", "part"),
    [
        ({}, ("init_zeros",), "hint", "stay zero"),
        ({}, ("init_small", "batch_norm"), "hint", "hides"),
        ({}, ("lsuv", "group_norm"), "hint", "hides"),
        ({}, ("rezero",), "error", "needs Skip connection"),
        (RESNET, ("fixup",), "error", "needs Skip connection"),
        (RESNET, ("fixup", "skip_connection", "batch_norm"), "hint", "replace a normalization"),
        (RESNET, ("fixup", "rezero", "skip_connection"), "error", "Fixup and ReZero both"),
        (RESNET, ("zero_gamma", "batch_norm"), "error", "needs Skip connection"),
        (RESNET, ("zero_gamma", "skip_connection"), "error", "needs a normalization"),
        (RESNET, ("zero_gamma", "rezero", "skip_connection"), "error", "ReZero and Zero gamma"),
        (RESNET, ("zero_gamma", "fixup", "skip_connection"), "error", "Fixup and Zero gamma"),
        ({}, ("zero_gamma",), "error", "does not work in an MLP"),
        ({}, ("prior_bias",), "hint", "no prior to set"),
        (RARE, ("prior_bias", "class_balance"), "warning", "undoes"),
        (RARE, ("prior_bias", "logit_adjustment"), "hint", "knows the class frequencies"),
        ({}, ("pretrained_finetune",), "hint", "no rare classes"),
    ],
)
def test_rules_fire(setup: dict, tricks: tuple[str, ...], kind: str, part: str) -> None:
    assert [one for one, title in said(setup, *tricks) if part in title] == [kind]


@pytest.mark.parametrize(
    ("setup", "tricks"),
    [
        ({}, ("init_small",)),
        ({}, ("rezero", "skip_connection")),
        (RESNET, ("fixup", "skip_connection")),
        (RESNET, ("zero_gamma", "batch_norm", "skip_connection")),
        (RARE, ("prior_bias",)),
        (RARE, ("pretrained_finetune",)),
    ],
)
def test_valid_neighbors_are_quiet(setup: dict, tricks: tuple[str, ...]) -> None:
    assert said(setup, *tricks) == []


def test_scales_that_are_not_used_are_told() -> None:
    scaled = {"skip_connection": {"scale": 0.5}}
    assert ("hint", "ReZero learns the scale of a branch itself") in said(
        {}, "rezero", "skip_connection", **scaled
    )
    assert ("hint", "Fixup has its own scale for a branch") in said(
        RESNET, "fixup", "skip_connection", **scaled
    )


def test_freezing_everything_is_told() -> None:
    frozen = said(RARE, "pretrained_finetune", pretrained_finetune={"freeze": 3})
    assert frozen == [("warning", "Every layer that learned features is frozen")]
