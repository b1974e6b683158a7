"""Activations against torch's functions, the papers' formulas and a few known values."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.networks import build
from tricks import catalog
from tricks.base import NetworkSpec
from tricks.layers.soft_threshold import CountingSoftshrink

X = torch.linspace(-5, 5, 101, dtype=torch.float64)
PLAIN = NetworkSpec(
    kind="mlp", depth=2, width=4, image=(1, 8, 8), classes=10, activation=torch.nn.Tanh
)


def apply(trick: str, x: Tensor, **knobs: float) -> Tensor:
    layer = catalog()[trick](**knobs).network(PLAIN).activation().double().eval()
    y: Tensor = layer(x)
    return y.detach()


def said(setup: dict, *tricks: str, **knobs: dict[str, float]) -> list[tuple[str, str]]:
    made = [catalog()[one](**knobs.get(one, {})) for one in tricks]
    found = notices(Setup.model_validate({"epochs": 2, **setup}), made)
    return [(one.kind, one.title) for one in found]


@pytest.mark.parametrize(
    ("trick", "formula"),
    [
        ("relu", lambda x: x.clamp_min(0)),
        ("sigmoid", lambda x: 1 / (1 + (-x).exp())),
        ("tanh", lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
        ("leaky_relu", lambda x: torch.maximum(x, 0.01 * x)),
        ("prelu", lambda x: x.clamp_min(0) + 0.25 * x.clamp_max(0)),
        ("rrelu", lambda x: x.clamp_min(0) + (1 / 8 + 1 / 3) / 2 * x.clamp_max(0)),
        ("elu", lambda x: torch.where(x > 0, x, x.exp() - 1)),
        ("celu", lambda x: x.clamp_min(0) + (x.exp() - 1).clamp_max(0)),
        ("gelu", lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2),
        ("silu", lambda x: x / (1 + torch.exp(-x))),
        ("mish", lambda x: x * torch.tanh(torch.log(1 + torch.exp(x)))),
        ("hard_swish", lambda x: x * (x + 3).clamp(0, 6) / 6),
        ("relu6", lambda x: x.clamp(0, 6)),
        ("hard_sigmoid", lambda x: (x + 3).clamp(0, 6) / 6),
        ("soft_threshold", lambda x: x.sign() * (x.abs() - 0.1).clamp_min(0)),
    ],
)
def test_the_layer_and_its_response_are_the_formula(trick: str, formula) -> None:
    torch.testing.assert_close(apply(trick, X), formula(X))
    by_hand = [catalog()[trick]().response(float(x)) for x in X]
    assert by_hand == pytest.approx(formula(X).tolist(), abs=1e-12)


def test_knobs_reach_the_layer() -> None:
    below = X[X < 0]
    torch.testing.assert_close(apply("leaky_relu", below, negative_slope=0.2), 0.2 * below)
    torch.testing.assert_close(apply("elu", below, alpha=0.5), 0.5 * below.expm1())
    torch.testing.assert_close(apply("celu", below, alpha=0.5), 0.5 * (below / 0.5).expm1())
    torch.testing.assert_close(apply("rrelu", below, lower=0.1, upper=0.5), 0.3 * below)


def test_known_values() -> None:
    fine = torch.linspace(-2, 0, 20_001, dtype=torch.float64)
    assert apply("silu", X).min().item() == pytest.approx(-0.2785, abs=1e-4)
    assert apply("mish", fine).min().item() == pytest.approx(-0.30884, abs=1e-5)  # Misra, section 2
    lowest = apply("selu", torch.tensor([-50.0], dtype=torch.float64)).item()
    assert lowest == pytest.approx(-1.0507 * 1.6733, abs=1e-3)  # Klambauer et al., section 2


def test_selu_keeps_mean_and_variance_through_many_layers() -> None:
    """Klambauer et al., theorem 1: the fixed point is mean 0, variance 1; ReLU has none there."""
    rng = torch.Generator().manual_seed(0)
    x = {"selu": torch.randn(400, 256, generator=rng, dtype=torch.float64)}
    x["relu"] = x["selu"].clone()
    for _ in range(30):
        w = torch.randn(256, 256, generator=rng, dtype=torch.float64) / 16
        x = {name: apply(name, value @ w) for name, value in x.items()}
    assert abs(x["selu"].mean().item()) < 0.2
    assert 0.6 < x["selu"].var().item() < 1.4
    assert x["relu"].var().item() < 1e-4


def test_rrelu_draws_in_training_only() -> None:
    layer = catalog()["rrelu"]().network(PLAIN).activation()
    x = torch.full((1000,), -1.0)
    torch.manual_seed(0)
    drawn = -layer.train()(x)
    assert drawn.min() >= 1 / 8 and drawn.max() <= 1 / 3
    assert drawn.std() > 0.05
    assert len(layer.eval()(x).unique()) == 1


def test_prelu_learns_a_slope_for_each_layer() -> None:
    network = build(catalog()["prelu"](init=0.1).network(PLAIN))
    slopes = [one for one in network.modules() if isinstance(one, nn.PReLU)]
    assert [one.weight.tolist() for one in slopes] == [pytest.approx([0.1])] * 2
    network(torch.randn(5, 1, 8, 8)).sum().backward()
    assert all(one.weight.grad is not None for one in slopes)


def test_maxout_takes_the_largest_of_its_lines() -> None:
    """The unit of ``pieces`` linear layers is their maximum, piece by piece."""
    network = build(catalog()["maxout"](pieces=3).network(PLAIN))
    first = next(one for one in network.modules() if isinstance(one, nn.Linear))
    assert first.out_features == 3 * 4
    assert network(torch.randn(5, 1, 8, 8)).shape == (5, 10)
    plain = build(PLAIN)
    shape = next(one for one in plain.modules() if isinstance(one, nn.Linear)).weight.shape
    assert shape == (4, 64)


def test_a_threshold_that_is_too_large_leaves_nothing() -> None:
    assert apply("soft_threshold", X / 10, tau=0.5).count_nonzero() == 0
    assert apply("soft_threshold", X / 10, tau=0.1).count_nonzero() > 0
    assert torch.equal(apply("soft_threshold", X, tau=0.0), X)


def test_soft_threshold_counts_its_zeros_in_training() -> None:
    layer = CountingSoftshrink(0.5)
    layer(torch.tensor([0.1, -0.4, 0.6, 2.0]))
    layer.eval()(torch.zeros(10))
    assert (int(layer.zeros), layer.seen) == (2, 4)
    assert not layer.state_dict()


@pytest.mark.parametrize(
    ("tricks", "kind", "part"),
    [
        (("selu", "batch_norm", "init_lecun"), "warning", "do the same work"),
        (("selu", "dropout", "init_lecun"), "warning", "Dropout breaks SELU"),
        (("selu",), "hint", "LeCun initialization belongs"),
        (("tanh",), "hint", "Tanh wants Xavier"),
    ],
)
def test_rules_fire(tricks: tuple[str, ...], kind: str, part: str) -> None:
    assert [one for one, title in said({}, *tricks) if part in title] == [kind]


def test_valid_neighbors_are_quiet() -> None:
    assert said({}, "selu", "init_lecun") == []
    assert said({}, "selu", "init_lecun", "dropout", dropout={"p": 0.0}) == []
    assert said({}, "tanh", "init_xavier") == []
    assert said({}, "soft_threshold") == []
    assert said({}, "soft_threshold", soft_threshold={"tau": 0.5})[0][0] == "warning"


def test_selu_asks_for_standardized_inputs() -> None:
    raw = said({"preprocessing": "raw"}, "selu", "init_lecun")
    assert raw == [("hint", "SELU wants standardized inputs")]
