"""Second-order steps: conjugate gradients, products with the curvature, one step to a minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from trainer.checks import notices
from trainer.experiment import Setup
from tricks import catalog
from tricks.layers.curvature import conjugate_gradients, flat, like, output_product
from tricks.optimizer.gauss_newton import GaussNewton, gauss_newton_product
from tricks.optimizer.lbfgs import LBFGS
from tricks.optimizer.newton_cg import NewtonCG, hessian_product

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def random(*shape: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


def matrix(size: int) -> Tensor:
    """Positive definite."""
    a = random(size, size)
    return a @ a.T / size + torch.eye(size, dtype=torch.float64)


class Quadratic(nn.Module):
    """Weights w (3, 2) and b (2) whose loss is ``½ θᵀAθ - cᵀθ``; the minimum is ``A⁻¹c``."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(random(3, 2)), nn.Parameter(random(2, seed=1))
        self.a, self.c = matrix(8), random(8, seed=2)
        self.batches = 0

    def closure(self) -> Tensor:
        self.batches += 1
        self.zero_grad()
        theta = flat([self.w, self.b])
        loss = theta @ self.a @ theta / 2 - self.c @ theta
        loss.backward()
        return loss

    def at(self) -> Tensor:
        return flat([self.w.detach(), self.b.detach()])

    def minimum(self) -> Tensor:
        return torch.linalg.solve(self.a, self.c)


def test_conjugate_gradients_solve() -> None:
    a, b = matrix(6), random(6, seed=3)
    exact = torch.linalg.solve(a + 0.3 * torch.eye(6, dtype=torch.float64), b)
    torch.testing.assert_close(conjugate_gradients(lambda v: a @ v, b, 0.3, 6), exact)
    rough = conjugate_gradients(lambda v: a @ v, b, 0.3, 2)
    assert 0 < (rough - exact).norm() < exact.norm()


def test_conjugate_gradients_stay_within_the_radius() -> None:
    a, b = matrix(6), random(6, seed=3)
    step = conjugate_gradients(lambda v: a @ v, b, 0.0, 6, radius=0.1)
    assert step.norm().item() == pytest.approx(0.1)
    assert step @ b > 0
    down = conjugate_gradients(lambda v: -v, b, 0.0, 6, radius=0.1)
    torch.testing.assert_close(down, 0.1 * b / b.norm())
    assert torch.equal(conjugate_gradients(lambda v: -v, b, 0.0, 6), b)
    assert conjugate_gradients(lambda v: v, 0 * b, 1.0, 6, radius=0.1).abs().sum() == 0


def test_flat_and_like_are_inverse() -> None:
    parts = [random(3, 2), random(4), random(2, 3, 2, 2).to(memory_format=torch.channels_last)]
    for part, back in zip(parts, like(flat(parts), parts), strict=True):
        assert torch.equal(part, back)


def test_hessian_product_is_exact_on_a_quadratic() -> None:
    a, here, v = matrix(5), random(5, seed=4), random(5, seed=5)
    product = hessian_product(lambda beside: a @ (here + beside), v, reach=0.01)
    torch.testing.assert_close(product, a @ v, rtol=1e-9, atol=1e-9)


def test_output_product_is_the_hessian_of_cross_entropy() -> None:
    z, v, y = random(4, 3), random(4, 3, seed=1), torch.tensor([0, 2, 1, 1])
    exact = torch.autograd.functional.hvp(lambda z: cross_entropy(z, y), z, v)[1]
    torch.testing.assert_close(output_product(z, v), exact)


def test_gauss_newton_product_by_the_dense_matrices() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    x, params = random(6, 4), dict(network.named_parameters())
    z = network(x).detach()
    jacobians = torch.func.jacrev(lambda at: torch.func.functional_call(network, at, x), argnums=0)(
        {name: p.detach() for name, p in params.items()}
    )
    j = torch.cat([jacobians[name].reshape(18, -1) for name in params], dim=1)
    p = z.softmax(-1)
    blocks = [torch.diag(row) - torch.outer(row, row) for row in p]
    h = torch.block_diag(*blocks) / 6
    v = random(j.shape[1], seed=7)
    torch.testing.assert_close(gauss_newton_product(network, x)(v), j.T @ h @ j @ v)


def test_gauss_newton_is_newton_for_a_linear_network() -> None:
    network, x = nn.Linear(4, 3).double(), random(8, 4)
    y = torch.arange(8) % 3
    weights = [p.detach().clone() for p in network.parameters()]

    def loss(*at: Tensor) -> Tensor:
        return cross_entropy(x @ at[0].T + at[1], y)

    v = random(15, seed=1)
    exact = torch.autograd.functional.hvp(loss, tuple(weights), tuple(like(v, weights)))[1]
    torch.testing.assert_close(gauss_newton_product(network, x)(v), flat(exact))


def test_newton_cg_reaches_the_minimum_of_a_quadratic_in_one_step() -> None:
    one = Quadratic()
    trick = NewtonCG(damping=1e-4, iterations=20, radius=100)
    loss = trick.step(trick.optimizer(one.parameters(), 1.0), one.closure, one)
    assert loss.item() == pytest.approx(Quadratic().closure().item())
    torch.testing.assert_close(one.at(), one.minimum(), rtol=1e-3, atol=1e-3)


def test_newton_cg_pays_two_passes_a_product() -> None:
    one = Quadratic()
    trick = NewtonCG(iterations=3, radius=100)
    trick.step(trick.optimizer(one.parameters(), 1.0), one.closure, one)
    assert one.batches == 1 + 2 * 3


def test_lbfgs_reaches_the_minimum_of_a_quadratic() -> None:
    """Eight weights: a handful of steps, far fewer than plain descent needs."""
    one, trick = Quadratic(), LBFGS()
    optimizer = trick.optimizer(one.parameters(), 1.0)
    for _ in range(15):
        trick.step(optimizer, one.closure, one)
    torch.testing.assert_close(one.at(), one.minimum(), rtol=1e-4, atol=1e-4)


def test_lbfgs_goes_on_from_weights_that_somebody_moved() -> None:
    one, trick = Quadratic(), LBFGS()
    optimizer = trick.optimizer(one.parameters(), 1.0)
    trick.step(optimizer, one.closure, one)
    with torch.no_grad():
        one.w.fill_(3.0)
    there = one.closure().item()
    assert trick.step(optimizer, one.closure, one).item() == pytest.approx(there)


@pytest.mark.parametrize("make", [lambda: NewtonCG(), lambda: GaussNewton(), lambda: LBFGS()])
def test_batch_norm_counts_the_batch_once(make: Callable[[], NewtonCG]) -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
    x, y = random(16, 4).float(), torch.arange(16) % 3
    trick = make()
    optimizer = trick.optimizer(network.parameters(), trick.rate(0.1))

    def closure() -> Tensor:
        network.zero_grad()
        loss = cross_entropy(network(x), y)
        loss.backward()
        return loss

    before = closure().item()
    network[1].reset_running_stats()
    loss = trick.step(optimizer, closure, network)
    assert network[1].num_batches_tracked == 1
    assert network[1].track_running_stats
    assert loss.item() == pytest.approx(before)
    assert closure().item() < before


FULL = {"train_size": 500, "batch_size": 500, "epochs": None, "seconds": 5.0}


def said(*tricks: str, **setup: object) -> list[tuple[str, str]]:
    made = [catalog()[name]() for name in tricks]
    return [(one.kind, one.title) for one in notices(Setup.model_validate({**FULL, **setup}), made)]


@pytest.mark.parametrize("name", ["lbfgs", "newton_cg", "gauss_newton"])
@pytest.mark.parametrize("other", ["sam", "grad_accum"])
def test_no_other_trick_takes_the_step(name: str, other: str) -> None:
    title = f"{catalog()[name].card.title} and {catalog()[other].card.title} both take the step"
    assert ("error", title) in said(name, other)
    assert not [kind for kind, _ in said(name) if kind == "error"]


@pytest.mark.parametrize(
    ("tricks", "kind", "words"),
    [
        (("lbfgs", "cyclic_cosine"), "error", "Cyclic cosine exclude"),
        (("lbfgs", "grad_clip"), "error", "needs the gradient as it is"),
        (("lbfgs", "dropout"), "error", "the same twice"),
        (("lbfgs", "lookahead"), "warning", "Lookahead moves the weights"),
        (("lbfgs", "amp"), "error", "needs more digits"),
        (("newton_cg", "amp"), "error", "needs more digits"),
        (("newton_cg", "dropout"), "error", "the same twice"),
        (("newton_cg", "grad_clip"), "warning", "would measure the clip"),
        (("gauss_newton", "focal_loss"), "warning", "does not know the curvature of Focal"),
    ],
)
def test_rule(tricks: tuple[str, ...], kind: str, words: str) -> None:
    assert [one for one, title in said(*tricks) if words in title] == [kind]
    assert not [title for _, title in said(tricks[0]) if words in title]


def test_lbfgs_wants_all_examples_in_one_batch() -> None:
    words = "guesses from different losses"
    assert [k for k, title in said("lbfgs", batch_size=32) if words in title] == ["warning"]
    assert not [title for _, title in said("lbfgs") if words in title]


@pytest.mark.parametrize("name", ["lbfgs", "newton_cg", "gauss_newton"])
def test_a_budget_in_steps_is_not_equal_time(name: str) -> None:
    steps = said(name, seconds=None, steps=10)
    assert [kind for kind, title in steps if "passes a step" in title] == ["hint"]
    assert not [title for _, title in said(name) if "passes a step" in title]
