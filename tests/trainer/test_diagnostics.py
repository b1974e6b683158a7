"""The diagnostics against scikit-learn, closed forms and networks whose state is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from trainer import diagnostics


@pytest.fixture
def answers():
    rng = torch.Generator().manual_seed(3)
    logits = 2 * torch.randn(400, 5, generator=rng)
    y = torch.where(
        torch.rand(400, generator=rng) < 0.6,
        logits.argmax(-1),
        torch.randint(5, (400,), generator=rng),
    )
    return logits.softmax(-1), y


def test_the_bins_are_those_of_scikit_learn(answers):
    probabilities, y = answers
    sure, said = probabilities.max(-1)
    right = (said == y).numpy()
    accuracy, confidence = calibration_curve(right, sure.numpy(), n_bins=15, strategy="uniform")
    found = [one for one in diagnostics.calibration(probabilities, y).bins if one.images]
    np.testing.assert_allclose([one.accuracy for one in found], accuracy, atol=1e-6)
    np.testing.assert_allclose([one.confidence for one in found], confidence, atol=1e-6)
    assert sum(one.images for one in found) == 400


def test_the_error_is_the_weighted_distance_of_the_bins(answers):
    found = diagnostics.calibration(*answers)
    by_hand = sum(
        one.images / 400 * abs(one.accuracy - one.confidence) for one in found.bins if one.images
    )
    assert found.ece == pytest.approx(by_hand, rel=1e-5)
    assert 0.05 < found.ece < 0.5


def test_sure_and_right_is_no_error_and_sure_and_wrong_is_all_of_it():
    sure = torch.eye(3)
    assert diagnostics.calibration(sure, torch.tensor([0, 1, 2])).ece == 0
    assert diagnostics.calibration(sure, torch.tensor([1, 2, 0])).ece == 1
    half = torch.tensor([[0.8, 0.2]] * 10)  # 80 % sure and right 8 times of 10
    y = torch.tensor([0] * 8 + [1] * 2)
    assert diagnostics.calibration(half, y).ece == pytest.approx(0, abs=1e-6)


def test_confusion_recall_and_balance_are_those_of_scikit_learn(answers):
    probabilities, y = answers
    said = probabilities.argmax(-1)
    matrix = diagnostics.confusion(said, y, 5)
    np.testing.assert_array_equal(matrix.numpy(), confusion_matrix(y, said))
    np.testing.assert_allclose(
        diagnostics.recall(matrix).numpy(), recall_score(y, said, average=None), atol=1e-6
    )
    expected = balanced_accuracy_score(y, said)
    assert diagnostics.balanced_accuracy(matrix) == pytest.approx(expected, abs=1e-6)


def test_a_class_that_does_not_occur_is_left_out_of_the_balance():
    matrix = diagnostics.confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 3)
    assert diagnostics.balanced_accuracy(matrix) == pytest.approx(0.75)
    assert torch.isnan(diagnostics.recall(matrix)[2])


def network(activation=nn.ReLU):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(6, 8), nn.BatchNorm1d(8), activation(), nn.Dropout(),
        nn.Linear(8, 4), activation(), nn.Linear(4, 3),
    ).eval()  # fmt: skip


X = torch.randn(50, 6, generator=torch.Generator().manual_seed(1))


def test_layers_are_the_activations_with_their_scale_and_their_dead():
    net = network()
    with torch.no_grad():
        net[1].weight[:2], net[1].bias[:2] = 0, -5.0
    found, logits = diagnostics.layers(net, X, chunk=17)
    torch.testing.assert_close(logits, net(X))
    first = net[:4](X)
    assert [one.name for one in found] == ["ReLU 1", "ReLU 2"]
    assert [one.units for one in found] == [8, 4]
    assert found[0].scale == pytest.approx(first.std(correction=0).item(), rel=1e-5)
    assert found[0].dead == (first.amax(0) == 0).float().mean() == 0.25
    assert not any(module._forward_hooks for module in net.modules())
    share = (2 + 4 * found[1].dead) / 12
    assert diagnostics.dead_units(found) == pytest.approx(share)


def test_a_saturated_sigmoid_is_dead_and_a_negative_slope_is_not():
    net = network(nn.Sigmoid)
    with torch.no_grad():
        net[1].weight.zero_()
        net[1].bias.fill_(40.0)
    assert diagnostics.layers(net, X)[0][0].dead == 1
    leaky = network(nn.PReLU)
    found = diagnostics.layers(leaky, X)[0][0]
    assert (found.name, found.dead) == ("PReLU 1", 0)
    assert found.scale == pytest.approx(leaky[:4](X).std(correction=0).item(), rel=1e-5)


def test_a_unit_of_maps_is_a_channel_and_a_reused_module_counts_twice():
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(1, 4, 3), relu, nn.Conv2d(4, 2, 3), relu, nn.MaxPool2d(2))
    with torch.no_grad():
        net[0].weight.abs_(), net[2].weight.abs_()
        net[0].weight[0], net[0].bias[0] = 0, -1.0
    x = 10 + torch.randn(5, 1, 8, 8)
    for layout in (torch.contiguous_format, torch.channels_last):
        found, _ = diagnostics.layers(net, x.to(memory_format=layout), chunk=2)
        assert [(one.name, one.units) for one in found] == [("ReLU 1", 4), ("ReLU 2", 2)]
        assert found[0].dead == 0.25
        assert found[0].scale == pytest.approx(net[:2](x).std(correction=0).item(), rel=1e-5)


def test_parametrized_weights_are_no_layer():
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)), nn.ReLU())
    assert [one.name for one in diagnostics.layers(net, X[:6])[0]] == ["ReLU 1"]


def test_a_dead_layer_and_equal_answers_kill():
    alive = network()
    assert diagnostics.killed(*diagnostics.layers(alive, X)) is None
    dead = network()
    with torch.no_grad():
        dead[1].weight.zero_()
    reason = diagnostics.killed(*diagnostics.layers(dead, X))
    assert reason == "all 8 units of ReLU 1 give the same value for all 50 images"
    faint = network()
    with torch.no_grad():
        faint[7].weight.mul_(1e-7)
    reason = diagnostics.killed(*diagnostics.layers(faint, X))
    assert reason is not None and "the answers to 50 images are the same" in reason


def test_a_dead_side_branch_kills_nothing():
    class Beside(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch, self.last = nn.Sequential(nn.Linear(6, 2), nn.ReLU()), nn.Linear(8, 3)

        def forward(self, x):
            return self.last(torch.cat([x, self.branch(x)], dim=1))

    net = Beside()
    with torch.no_grad():
        net.branch[0].weight.zero_()
    found, logits = diagnostics.layers(net, X)
    assert found[0].dead == 1 and diagnostics.killed(found, logits) is None


def test_norms_of_weights_and_of_the_gradients_at_both_ends():
    net = network()
    weights = diagnostics.matrices(net)
    assert all(one is net[i].weight for one, i in zip(weights, (1, 5, 7), strict=True))
    flat = torch.cat([one.flatten() for one in weights])
    assert diagnostics.weight_norm(weights).item() == pytest.approx(flat.norm().item(), rel=1e-6)
    assert diagnostics.gradient_ends(weights) is None
    net(X).square().sum().backward()
    first, last = diagnostics.gradient_ends(weights)
    assert first == pytest.approx(weights[0].grad.norm().item(), rel=1e-6)
    assert last == pytest.approx(weights[2].grad.norm().item(), rel=1e-6)
    net.zero_grad(set_to_none=False)
    assert diagnostics.gradient_ends(weights) is None


def test_sharpness_is_the_rise_uphill_and_leaves_no_trace():
    net, y = network(), torch.arange(50) % 3
    before = {name: one.detach().clone() for name, one in net.named_parameters()}
    loss = cross_entropy(net(X), y)
    slopes = torch.autograd.grad(loss, list(net.parameters()))
    length = torch.cat([one.flatten() for one in slopes]).norm()
    for rho in (0.05, 0.5):
        uphill = {
            name: one + rho * slope / length
            for (name, one), slope in zip(net.named_parameters(), slopes, strict=True)
        }
        expected = cross_entropy(functional_call(net, uphill, (X,)), y) - loss
        found = diagnostics.sharpness(net, X, y, rho)
        assert found == pytest.approx(expected.item(), rel=1e-3)
    near = diagnostics.sharpness(net.double(), X.double(), y, 1e-4) / 1e-4
    assert near == pytest.approx(length.item(), rel=1e-2)  # the slope itself
    net.float()
    assert all(torch.equal(one, before[name]) for name, one in net.named_parameters())
    assert all(one.grad is None for one in net.parameters())
