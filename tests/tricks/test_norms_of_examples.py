"""Layer, instance, RMS and local response norm: each against torch's own or the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.normalization.instance_norm import InstanceNorm, instance_norm
from tricks.normalization.layer_norm import LayerNorm, layer_norm
from tricks.normalization.local_response_norm import LocalResponseNorm
from tricks.normalization.rms_norm import rms_norm

if TYPE_CHECKING:
    from tricks.base import Trick


def normal(*shape: int) -> torch.Tensor:
    return 2 + 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def kinds(trick: Trick, **setup: object) -> list[str]:
    return [one.kind for one in notices(Setup.model_validate({"steps": 10, **setup}), [trick])]


def test_layer_norm_of_maps_is_torchs_over_all_but_the_batch() -> None:
    x_NCHW = normal(4, 6, 5, 5)
    torch.testing.assert_close(layer_norm(6, True)(x_NCHW), nn.LayerNorm([6, 5, 5])(x_NCHW))
    assert layer_norm(6, True).weight.shape == (6,), "one scale for each channel"


def test_layer_norm_of_an_example_does_not_depend_on_the_others() -> None:
    x_NC = normal(5, 7)
    torch.testing.assert_close(layer_norm(7, False)(x_NC)[:1], layer_norm(7, False)(x_NC[:1]))


def test_instance_norm_takes_contrast_and_brightness_out() -> None:
    x_NCHW, layer = normal(4, 3, 6, 6), instance_norm(3, True)
    torch.testing.assert_close(layer(5 * x_NCHW - 2), layer(x_NCHW), atol=1e-4, rtol=0)
    assert layer.weight is not None and layer.bias is not None


def test_instance_norm_refuses_features() -> None:
    with pytest.raises(ValueError, match="maps"):
        instance_norm(3, False)
    assert kinds(InstanceNorm(), network={"kind": "mlp", "depth": 2, "width": 8}) == ["error"]


@pytest.mark.parametrize(("depth", "hints"), [(2, 0), (3, 1)])
def test_instance_norm_tells_of_maps_of_2_x_2(depth: int, hints: int) -> None:
    assert kinds(InstanceNorm(), network={"kind": "cnn", "depth": depth, "width": 8}) == (
        ["hint"] * hints
    )


@pytest.mark.parametrize(("width", "found"), [(1, ["error"]), (2, [])])
def test_layer_norm_of_one_feature_is_refused(width: int, found: list[str]) -> None:
    assert kinds(LayerNorm(), network={"kind": "mlp", "depth": 2, "width": width}) == found


def test_rms_norm_of_features_is_torchs() -> None:
    x_NC, layer = normal(4, 6), rms_norm(6, False)
    with torch.no_grad():
        layer.weight.copy_(normal(6))
    torchs = nn.RMSNorm(6, eps=1e-5)
    torchs.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(x_NC), torchs(x_NC))


def test_rms_norm_of_maps_has_mean_square_1_and_keeps_the_mean() -> None:
    y_NCHW = rms_norm(6, True)(normal(4, 6, 5, 5))
    torch.testing.assert_close(y_NCHW.square().mean((1, 2, 3)), torch.ones(4))
    assert y_NCHW.mean() > 0.3


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_norm_is_the_papers_formula(size: int) -> None:
    alpha, beta, k = 0.5, 0.75, 2.0
    layer = LocalResponseNorm(size=size, alpha=alpha, beta=beta, k=k).layer(6, True)
    x_NCHW = normal(2, 6, 3, 3)
    expected = torch.empty_like(x_NCHW)
    for c in range(6):
        near = x_NCHW[:, max(0, c - size // 2) : c + size // 2 + 1]
        expected[:, c] = x_NCHW[:, c] / (k + alpha / size * near.square().sum(1)) ** beta
    torch.testing.assert_close(layer(x_NCHW), expected)


def test_local_response_norm_keeps_the_bias_that_the_convolution_leaves_to_it() -> None:
    layer = LocalResponseNorm(alpha=1e-5, beta=0.0).layer(2, True)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([1.0, -1.0]))
    assert layer(torch.zeros(1, 2, 1, 1)).flatten().tolist() == [1.0, -1.0]


@pytest.mark.parametrize(("width", "found"), [(2, ["hint"]), (3, [])])
def test_local_response_norm_wider_than_the_layer(width: int, found: list[str]) -> None:
    assert kinds(LocalResponseNorm(), network={"kind": "cnn", "width": width}) == found
