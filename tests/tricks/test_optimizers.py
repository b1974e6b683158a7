"""Optimizers: the formulas of the hand-written ones, rates, and who trains which weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import Parameter

from trainer.checks import notices
from trainer.experiment import Setup
from tricks import catalog
from tricks.layers.optimizers import QHM, Lion, Muon, MuonAndAdamW
from tricks.optimizer.radam import rectification

LIBRARY = {
    "momentum": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta, "adam": torch.optim.Adam, "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam, "adamax": torch.optim.Adamax,
    "adafactor": torch.optim.Adafactor,
}  # fmt: skip
PLAIN = {"momentum": {"momentum": 0.9}}  # what torch's own default is not


def walk(optimizer: torch.optim.Optimizer, point: Parameter, steps: int = 5) -> torch.Tensor:
    """Down ``(x² + 20 y²) / 2``."""
    for _ in range(steps):
        point.grad = torch.tensor([1.0, 20.0], dtype=point.dtype) * point.detach()
        optimizer.step()
    return point.detach()


def start() -> Parameter:
    return Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))


@pytest.mark.parametrize("name", LIBRARY)
def test_it_is_the_library_s_at_its_default_rate(name: str) -> None:
    trick = catalog()[name]()
    mine, theirs = start(), start()
    lr = trick.rate(0.1)
    walk(trick.optimizer([mine], lr), mine)
    walk(LIBRARY[name]([theirs], lr=lr, **PLAIN.get(name, {})), theirs)
    torch.testing.assert_close(mine.detach(), theirs.detach())
    assert not torch.equal(mine.detach(), start().detach())


def test_momentum_and_qhm_fit_the_setup_s_rate() -> None:
    assert catalog()["momentum"]().rate(0.1) == pytest.approx(0.01)
    assert catalog()["qhm"]().rate(0.1) == 0.1
    assert catalog()["qhm"](lr=0.03).rate(0.1) == 0.03


def test_qhm_by_hand() -> None:
    nu, beta, lr, point = 0.7, 0.9, 0.02, start()
    theta, d = start().detach(), torch.zeros(2, dtype=torch.float64)
    for _ in range(5):
        g = torch.tensor([1.0, 20.0], dtype=torch.float64) * theta
        d = beta * d + (1 - beta) * g
        theta = theta - lr * ((1 - nu) * g + nu * d)
    torch.testing.assert_close(walk(QHM([point], lr=lr, nu=nu, beta=beta), point), theta)


def test_nesterov_is_qhm_with_nu_equal_to_beta_at_a_smaller_rate() -> None:
    mine, theirs = start(), start()
    walk(QHM([mine], lr=0.1, nu=0.9, beta=0.9), mine)
    walk(torch.optim.SGD([theirs], lr=0.1 * (1 - 0.9), momentum=0.9, nesterov=True), theirs)
    torch.testing.assert_close(mine.detach(), theirs.detach())


def test_qhm_with_nu_1_is_a_momentum_of_means() -> None:
    mine, theirs = start(), start()
    walk(QHM([mine], lr=0.02, nu=1.0, beta=0.9), mine)
    walk(torch.optim.SGD([theirs], lr=0.002, momentum=0.9), theirs)
    torch.testing.assert_close(mine.detach(), theirs.detach())


def test_lion_by_hand() -> None:
    point, lr, decay = start(), 0.01, 0.1
    theta, m = start().detach(), torch.zeros(2, dtype=torch.float64)
    for _ in range(5):
        g = torch.tensor([1.0, 20.0], dtype=torch.float64) * theta
        theta = theta - lr * (torch.sign(0.9 * m + 0.1 * g) + decay * theta)
        m = 0.99 * m + 0.01 * g
    lion = Lion([point], lr=lr, betas=(0.9, 0.99), weight_decay=decay)
    torch.testing.assert_close(walk(lion, point), theta)


def test_muon_takes_the_matrices_and_adamw_the_rest_at_a_share_of_the_rate() -> None:
    nets = [nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3)) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    both = MuonAndAdamW(list(nets[0].parameters()), 0.5, 0.95, 0.0, share=0.05)
    apart = [
        Muon([p for p in nets[1].parameters() if p.dim() == 2], 0.2, 0.95, 0.0),
        torch.optim.AdamW([p for p in nets[1].parameters() if p.dim() < 2], 0.01, weight_decay=0),
    ]
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        for net in nets:
            net.zero_grad()
            net(x).pow(2).mean().backward()
        for group in both.param_groups:
            group["lr"] = 0.2  # as the engine does before every step
        both.step()
        for one in apart:
            one.step()
    for mine, theirs in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has it since 2.9")
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (128, 64), (10, 128)])
def test_muon_is_torch_s_to_the_last_bit(shape: tuple[int, int]) -> None:
    rng = torch.Generator().manual_seed(0)
    mine = Parameter(torch.randn(shape, generator=rng))
    theirs = Parameter(mine.detach().clone())
    optimizers = [
        Muon([mine], 0.1, 0.95, 0.01),
        torch.optim.Muon([theirs], lr=0.1, momentum=0.95, weight_decay=0.01),
    ]
    for _ in range(5):
        mine.grad = theirs.grad = torch.randn(shape, generator=rng)
        for optimizer in optimizers:
            optimizer.step()
    assert torch.equal(mine, theirs)


def test_muon_s_step_has_about_the_same_length_in_every_direction() -> None:
    w = Parameter(torch.zeros(6, 6))
    w.grad = torch.diag(torch.tensor([100.0, 10.0, 1.0, 1.0, 0.5, 0.2]))
    MuonAndAdamW([w], 1.0, 0.95, 0.0, share=0.05).step()
    lengths = torch.linalg.svdvals(w.detach())
    assert lengths.max() / lengths.min() < 10  # 500 in the gradient


def test_an_emptied_memory_starts_muon_again() -> None:
    first, again = (Parameter(torch.eye(3)) for _ in range(2))
    optimizer = MuonAndAdamW([first], 0.1, 0.95, 0.0, share=0.05)
    first.grad = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    optimizer.state.clear()
    first.data.copy_(torch.eye(3))
    first.grad = again.grad = torch.ones(3, 3) + torch.eye(3)
    optimizer.step()
    MuonAndAdamW([again], 0.1, 0.95, 0.0, share=0.05).step()
    assert torch.equal(first, again)


@pytest.mark.parametrize(("step", "factor"), [(5, 0.0), (6, 0.026), (100, 0.215), (1000, 0.645)])
def test_radam_s_own_warm_up(step: int, factor: float) -> None:
    assert rectification(step) == pytest.approx(factor, abs=5e-4)


def test_rectification_is_what_torch_multiplies_by() -> None:
    """With a constant gradient Adam's step is the rate, so RAdam's step shows the factor."""
    point, steps = Parameter(torch.zeros(1, dtype=torch.float64)), 40
    optimizer = torch.optim.RAdam([point], lr=1.0)
    for _ in range(steps):
        before = point.item()
        point.grad = torch.ones_like(point)
        optimizer.step()
    assert before - point.item() == pytest.approx(rectification(steps), rel=1e-6)


CASES = [  # tricks with knobs, setup, kind, words of the title, and a neighbor without the notice
    ({"sgd": {}, "one_cycle": {}}, {}, "hint", "no momentum for One cycle", {"sgd": {}}),
    ({"adam": {"weight_decay": 0.01}}, {}, "hint", "L2 in Adam", {"adam": {}}),
    ({"adam": {}, "weight_decay_l2": {}}, {}, "warning", "Adam divides", {"weight_decay_l2": {}}),
    ({"adam": {}, "decoupled_weight_decay": {}}, {}, "hint", "is AdamW", {"adam": {}}),
    ({"radam": {}, "warmup": {}}, {}, "hint", "RAdam has a warm-up", {"adam": {}, "warmup": {}}),
]
RATES = sorted([*LIBRARY, "nesterov", "adamw", "lion", "muon"])


def titles(tricks: dict[str, dict[str, float]], **setup: object) -> list[tuple[str, str]]:
    made = [catalog()[name](**knobs) for name, knobs in tricks.items()]
    found = notices(Setup.model_validate({"epochs": 60, **setup}), made)
    return [(one.kind, one.title) for one in found]


@pytest.mark.parametrize(("tricks", "setup", "kind", "words", "neighbor"), CASES)
def test_rule(tricks, setup, kind, words, neighbor) -> None:
    assert [one for one, title in titles(tricks, **setup) if words in title] == [kind]
    assert not [title for _, title in titles(neighbor, **setup) if words in title]


@pytest.mark.parametrize("name", RATES)
def test_an_own_rate_is_told(name: str) -> None:
    words = f"{catalog()[name].card.title} trains at its own rate"
    assert [kind for kind, title in titles({name: {}}) if title.startswith(words)] == ["hint"]
    assert not [title for _, title in titles({name: {"lr": 0.1}}, lr=0.1) if "own rate" in title]


def test_radam_in_a_short_run() -> None:
    setup = {"epochs": None, "steps": 100}
    assert ("warning", "RAdam hardly starts in 100 steps") in titles({"radam": {}}, **setup)
    setup["steps"] = 200
    assert not [title for _, title in titles({"radam": {}}, **setup) if "hardly" in title]


def test_muon_has_little_to_do_in_a_convolutional_network() -> None:
    net = {"kind": "cnn", "depth": 2, "width": 16}
    words = "Most of this network is trained by AdamW"
    assert [t for _, t in titles({"muon": {}}, network=net) if t.startswith(words)]
    assert not [t for _, t in titles({"muon": {}}) if t.startswith(words)]
