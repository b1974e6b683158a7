"""Ghost batch norm and cross mini-batch norm against torch's batch norm of what they average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.normalization.batch_norm import batch_norm
from tricks.normalization.cross_minibatch_norm import CrossMiniBatchNorm
from tricks.normalization.ghost_batch_norm import GhostBatchNorm
from tricks.optimizer.grad_accum import GradAccum
from tricks.optimizer.sam import SAM
from tricks.regularization.dropout import Dropout

if TYPE_CHECKING:
    from tricks.base import Trick


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return 2 + 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def kinds(*tricks: Trick, **setup: object) -> list[str]:
    return [one.kind for one in notices(Setup.model_validate({"steps": 10, **setup}), tricks)]


@pytest.mark.parametrize("images", [False, True])
def test_ghost_chunks_are_batches_of_their_own(images: bool) -> None:
    x = normal(32, 3, 4, 4) if images else normal(32, 3)
    y = GhostBatchNorm(size=8).layer(3, images)(x)
    plain = batch_norm(3, images)
    torch.testing.assert_close(y, torch.cat([plain(part) for part in x.split(8)]))


@pytest.mark.parametrize("count", range(2, 30))
def test_no_ghost_chunk_is_too_small(count: int) -> None:
    """A chunk of one example has no deviation, and batch norm would refuse it."""
    y = GhostBatchNorm(size=4).layer(3, False)(normal(count, 3))
    assert y.shape == (count, 3) and y.isfinite().all()


def test_ghost_batch_norm_tests_as_batch_norm() -> None:
    layer = GhostBatchNorm(size=8).layer(3, False)
    for seed in range(100):
        layer(normal(32, 3, seed=seed))
    y = layer.eval()(normal(512, 3, seed=1000))
    assert y.mean().abs() < 0.1 and (y.std() - 1).abs() < 0.1


def test_a_window_of_one_is_batch_norm() -> None:
    x = normal(16, 3, 4, 4)
    ours, plain = CrossMiniBatchNorm(window=1).layer(3, True), batch_norm(3, True)
    for _ in range(3):
        torch.testing.assert_close(ours(x), plain(x))
    torch.testing.assert_close(ours.running_mean, plain.running_mean)
    torch.testing.assert_close(ours.running_var, plain.running_var)


def test_the_last_of_a_window_has_the_statistics_of_all() -> None:
    x = normal(32, 3)
    layer = CrossMiniBatchNorm(window=4).layer(3, False)
    for _ in range(2):  # the second window starts afresh
        parts = [layer(part) for part in x.split(8)]
        torch.testing.assert_close(parts[-1], batch_norm(3, False)(x)[-8:])
        torch.testing.assert_close(parts[0], batch_norm(3, False)(x[:8]))


def test_gradients_go_through_the_present_batch_only() -> None:
    early, late = normal(8, 3).requires_grad_(), normal(8, 3, seed=1).requires_grad_()
    layer = CrossMiniBatchNorm(window=2).layer(3, False)
    layer(early)
    layer(late).pow(3).sum().backward()
    assert early.grad is None and late.grad.abs().sum() > 0


def test_a_window_of_one_has_batch_norms_gradient() -> None:
    ours, plain = normal(8, 3).double().requires_grad_(), normal(8, 3).double().requires_grad_()
    CrossMiniBatchNorm(window=1).layer(3, False).double()(ours).pow(3).sum().backward()
    batch_norm(3, False).double()(plain).pow(3).sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad)


@pytest.mark.parametrize("trick", [GhostBatchNorm(size=8), CrossMiniBatchNorm()])
def test_averaged_weights_can_measure_their_statistics_anew(trick: Trick) -> None:
    network = nn.Sequential(trick.layer(3, False))
    x = normal(64, 3)
    update_bn(x.split(8), network)
    y = network.eval()(x)
    assert y.mean().abs() < 0.1 and (y.std() - 1).abs() < 0.1


@pytest.mark.parametrize(
    ("tricks", "size", "found"),
    [
        ([GhostBatchNorm()], 1, ["error"]),
        ([GhostBatchNorm()], 32, ["hint"]),
        ([GhostBatchNorm()], 64, []),
        ([GhostBatchNorm(), Dropout()], 64, ["warning"]),
        ([CrossMiniBatchNorm(), GradAccum()], 1, ["error"]),
        ([CrossMiniBatchNorm(), GradAccum()], 2, []),
        ([CrossMiniBatchNorm(), GradAccum(k=8)], 2, ["warning"]),
        ([CrossMiniBatchNorm()], 2, ["hint"]),
        ([CrossMiniBatchNorm(window=1)], 2, []),
        ([CrossMiniBatchNorm(), Dropout(), GradAccum()], 2, ["warning"]),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], size: int, found: list[str]) -> None:
    assert kinds(*tricks, batch_size=size) == found


def test_two_passes_of_sam_are_told() -> None:
    said = notices(Setup.model_validate({"steps": 10}), [CrossMiniBatchNorm(window=1), SAM()])
    assert any("SAM passes" in one.title for one in said)
