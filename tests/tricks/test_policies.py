"""Library policies image by image, and the network's attack on its own inputs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torchvision.transforms import v2

from tricks.augmentation.augmix import Augmix
from tricks.augmentation.autoaugment import Autoaugment
from tricks.augmentation.randaugment import Randaugment
from tricks.augmentation.self_adversarial import SelfAdversarial, deceived
from tricks.augmentation.trivialaugment import Trivialaugment
from tricks.base import Pixels
from tricks.layers.images import by_library

if TYPE_CHECKING:
    from tricks.base import Trick

POLICIES = [Randaugment, Trivialaugment, Autoaugment, Augmix]
RGB = torch.randint(256, (6, 3, 16, 16), generator=torch.Generator().manual_seed(0)) / 255
GRAY = RGB[:, :1]
UNIT = Pixels(mean=torch.zeros(1, 1, 1), spread=torch.ones(1, 1, 1))


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("x", [RGB, GRAY], ids=["color", "gray"])
def test_nobody_elses_numbers_shift(kind: type[Trick], x: torch.Tensor) -> None:
    before = torch.random.get_rng_state()
    new, _ = kind().batch(x, x, dice())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert new.shape == x.shape and new.min() >= 0 and new.max() <= 1
    assert torch.equal(new, kind().batch(x, x, dice())[0])
    assert not torch.equal(new, kind().batch(x, x, dice(1))[0])


def test_each_image_gets_what_the_library_object_makes_of_it() -> None:
    rng = dice(3)
    torch.rand(6, generator=rng)
    seed = int(torch.randint(2**62, (), generator=rng))
    policy = v2.RandAugment(num_ops=2, magnitude=9)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        theirs = torch.stack([policy((one * 255).byte()) for one in RGB.mul(255).round() / 255])
    mine, _ = Randaugment().batch(RGB, RGB, dice(3))
    assert (mine * 255 - theirs).abs().max() <= 1.01  # 8-bit rounding on the way in


def test_images_that_are_not_chosen_keep_every_bit() -> None:
    x = torch.rand(400, 1, 4, 4, generator=dice())
    new = by_library(x, UNIT, lambda image: 255 - image, dice(), p=0.25)
    kept = (new == x).flatten(1).all(1)
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.07)
    torch.testing.assert_close(new[~kept], 1 - x[~kept], atol=0.5 / 255 + 1e-6, rtol=0)


def test_gray_images_get_the_policy_of_street_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def record(policy: v2.AutoAugmentPolicy) -> nn.Module:
        asked.append(policy)
        return nn.Identity()

    monkeypatch.setattr(v2, "AutoAugment", record)
    for x in (GRAY, RGB):
        Autoaugment().batch(x, x, dice())
    assert asked == [v2.AutoAugmentPolicy.SVHN, v2.AutoAugmentPolicy.CIFAR10]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(16, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Dropout(0.5),
        nn.Linear(12, 4),
    )  # fmt: skip


def unsure(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The loss of each image against: every class is as likely."""
    return -net(x).log_softmax(-1).mean(-1)


def test_the_attack_goes_down_the_slope_towards_no_class_at_all() -> None:
    net = network().eval().double()
    x = torch.randn(8, 1, 4, 4, generator=dice()).double()
    new = deceived(x, net, 0.01)
    slope = torch.zeros_like(x)
    for place in range(16):  # central differences, one pixel at a time
        nudge = (1e-3 * torch.eye(16)[place]).double().reshape(1, 1, 4, 4)
        rise = unsure(net, x + nudge) - unsure(net, x - nudge)
        slope += rise.detach()[:, None, None, None] * nudge
    clear = slope.abs() > 1e-10
    assert clear.float().mean() > 0.9
    torch.testing.assert_close((new - x)[clear], -0.01 * slope.sign()[clear], atol=1e-9, rtol=0)
    assert (unsure(net, new) < unsure(net, x)).all()


def test_the_attack_leaves_the_network_as_it_was() -> None:
    net = network().train()
    net[4].eval()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    before = torch.random.get_rng_state()
    deceived(torch.randn(8, 1, 4, 4, generator=dice()), net, 0.1)
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert all(one.grad is None for one in net.parameters())
    assert [one.training for one in net] == [True, True, True, True, False, True]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_pixels_move_by_epsilon_in_brightness() -> None:
    trick = SelfAdversarial(epsilon=0.1)
    spread = torch.full((1, 1, 1), 0.25)
    trick.tools = SimpleNamespace(
        pixels=Pixels(mean=torch.zeros(1, 1, 1), spread=spread), network=network()
    )
    x = torch.randn(8, 1, 4, 4, generator=dice())
    moved = (trick.batch(x, x, dice())[0] - x) * spread
    torch.testing.assert_close(moved.abs(), torch.full_like(x, 0.1), atol=1e-5, rtol=0)
