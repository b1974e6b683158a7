"""Adversarial training: learn from images changed so as to fool the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

SHOWN = 200  # training images that are attacked for the report
ATTACK = 5  # steps of that attack, the same whatever the network was trained with


def ascend(x: Tensor, clean: Tensor, gradient: Tensor, step: Tensor, radius: Tensor) -> Tensor:
    """One signed step uphill, put back to within ``radius`` of ``clean``; all broadcast.

    Madry et al. 2017, section 2.1; with ``x = clean`` and ``step = radius`` the fast gradient sign
    method of Goodfellow et al. 2014.
    """
    return (x + step * gradient.sign()).clamp(clean - radius, clean + radius)


def slope(network: Module, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of the summed cross-entropy by the images; none is left in the weights."""
    import torch

    from tricks.layers.answers import evaluating

    with evaluating(network), torch.enable_grad():
        x = x.detach().requires_grad_()
        loss = torch.nn.functional.cross_entropy(network(x), y, reduction="sum")
        return torch.autograd.grad(loss, x)[0]


@dataclass(kw_only=True)
class AdversarialTraining(Trick):
    card = Card(
        title="Adversarial training",
        title_zh="对抗训练",
        claim="A network trained on attacks cannot be fooled by tiny changes of an image.",
        claimed_by="the thread; Goodfellow et al. 2014; Madry et al. 2017",
        when="Images that somebody may tamper with, or noisy ones. After the run its report says "
        "how many attacked training images are still right; with ε at 0 that of a plain net.",
        watch_out="Accuracy on images that nobody attacked may fall. Many steps of a small attack "
        "are safer than one: a network can learn to resist just that one.",
        formula=r"\min_\theta \; \max_{\lVert \delta \rVert_\infty \le \varepsilon} "
        r"L(\theta, x + \delta, y)",
        paper=Paper(
            authors="Madry et al.",
            year=2017,
            title="Towards deep learning models resistant to adversarial attacks",
            arxiv="1706.06083",
        ),
        cost="k + 1 times the time of a step",
        thread="对抗（本身是个思想）",
        zh=Chinese(
            claim="用攻击样本训练的网络，不会被图像的微小改动骗到。",
            when="图像可能被人动手脚或带噪声时。运行后的报告会说被攻击的训练图还有多少答对；ε "
            "设为 0 就是普通网络的结果。",
            watch_out="没被攻击的图像上准确率可能下降。多步小攻击比一步更可靠：网络可能只学会抵抗"
            "那一种。",
        ),
        regime=Regime(setup={"epochs": 15, "input_noise": 1.0}),
        rules=(
            Rule(
                kind="hint",
                title="Adversarial training takes about {times} times the time of the other arms",
                reason="The budget counts steps, and each of its steps needs {passes} more of "
                "forward and backward. A budget in seconds compares equal time.",
                when=lambda own, other, facts: (
                    {
                        "times": own.steps + 1,
                        "passes": "one pass" if own.steps == 1 else f"{own.steps} passes",
                    }
                    if own.epsilon and facts.steps is not None
                    else None
                ),
            ),
        ),
    )
    order = 20
    stacks = False
    epsilon: float = knob(
        0.1, low=0.0, high=0.5, neutral=0.0, symbol="ε",
        help="how far each pixel may be changed, as a share of full brightness",
    )  # fmt: skip
    steps: int = knob(
        1, low=1, high=20, integer=True, symbol="k",
        help="steps of the attack: 1 is the fast gradient sign method, more are PGD",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        if self.epsilon == 0:
            return x, y
        if self.steps == 1:
            return self.attacked(x, x, y, self.epsilon, 1), y
        noise = 2 * torch.rand(x.shape, generator=rng).to(x.device) - 1
        radius = self.epsilon / self.tools.pixels.spread
        return self.attacked(x + radius * noise, x, y, self.epsilon, self.steps), y

    def attacked(
        self, start: Tensor, clean: Tensor, y: Tensor, epsilon: float, steps: int
    ) -> Tensor:
        """The images within ``epsilon`` that the network likes least; pixels stay pixels."""
        import torch

        pixels, x = self.tools.pixels, start
        radius = epsilon / pixels.spread
        black, white = (pixels.from_unit(torch.tensor(end, device=x.device)) for end in (0.0, 1.0))
        # Noise may have taken a pixel out of its range already; there it may stay.
        low, high = torch.minimum(clean, black), torch.maximum(clean, white)
        step = radius if steps == 1 else 2.5 * radius / steps
        for _ in range(steps):
            x = ascend(x, clean, slope(self.tools.network, x, y), step, radius).clamp(low, high)
        return x.detach()

    def report(self) -> dict[str, Any]:
        """How many training images are right as they are, and attacked; ε 0 is attacked with .1."""
        from tricks.layers.answers import logits_of

        split, epsilon = self.tools.split, self.epsilon or 0.1
        x, y = split.x[:SHOWN], split.y[:SHOWN]
        said = y if y.dim() == 1 else y.argmax(-1)
        right = [
            float((logits_of(self.tools.network, images).argmax(-1) == said).float().mean())
            for images in (x, self.attacked(x, x, y, epsilon, ATTACK))
        ]
        return {
            "robustness": {
                "images": len(x),
                "epsilon": epsilon,
                "clean": right[0],
                "attacked": right[1],
            }
        }
