"""Self-paced learning: the network itself says which examples are easy by now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.base import Split


def below(loss: Tensor, share: float) -> Tensor:
    """The positions of that share of ``loss`` (N,) that is smallest: those under a quantile."""
    return loss.argsort(stable=True)[: max(1, round(share * len(loss)))]


@dataclass(kw_only=True)
class SelfPaced(Trick):
    card = Card(
        title="Self-paced learning",
        title_zh="自步学习",
        claim="Train on what has a small loss now and raise the bar slowly.",
        claimed_by="Kumar et al. 2010",
        when="Wrong labels, with a final share below 1: what keeps a high loss is never let in. "
        "Beginning with nearly all and ending with the share of right labels gained most here.",
        watch_out="With a small start it learns the few classes that an untrained network happens "
        "to favor. Hard but right examples are left out as well, rare classes above all. With a "
        "final share of 1 the wrong labels get in at the end.",
        formula=r"v_i = [\,L_i < \lambda_e\,], \quad \lambda_e \text{: a growing quantile of } L",
        paper=Paper(
            authors="Kumar, Packer and Koller",
            year=2010,
            title="Self-paced learning for latent variable models",
            where="NeurIPS 2010",
        ),
        cost="one forward pass over the training set in every epoch",
        zh=Chinese(
            claim="先学眼下损失小的样本，再慢慢抬高门槛。",
            when="标签有错、且最终比例小于 1 时：损失一直很高的样本始终不放进来。这里收益最大的是"
            "：一开始几乎用全部样本，最后只留下正确标签那么大的比例。",
            watch_out="起始比例太小时，它只学未训练网络碰巧偏爱的几类。"
            "难但正确的样本也会被挡在外面，稀有类尤其如此。最终比例为 1 时，"
            "错误标签最后还是会进来。",
        ),
        regime=Regime(
            setup={"train_size": 600, "label_noise": 0.3, "epochs": 20},
            knobs={"start": 0.9, "final": 0.7},
            beside=("curriculum",),
        ),
    )
    slot = Slot.SAMPLER
    stacks = False
    start: float = knob(
        0.5, low=0.05, high=1.0, symbol="λ₀", help="share of the examples that it begins with"
    )
    final: float = knob(
        0.8, low=0.05, high=1.0, symbol="λ₁", help="share of the examples that it ends with"
    )
    end: float = knob(
        0.5, low=0.0, high=1.0, symbol="end", help="share of the run after which it grows no more"
    )
    left_out: int = field(init=False, default=0, repr=False, compare=False)
    seen: int = field(init=False, default=0, repr=False, compare=False)

    def sampler(self, split: Split, rng: Generator) -> Tensor:
        import torch

        from tricks.layers.answers import losses_of

        now = self.tools.progress()
        part = 1.0 if now >= self.end else now / self.end
        share = self.start + (self.final - self.start) * part
        easy = below(losses_of(self.tools.network, split.x, split.y).cpu(), share)
        self.left_out += len(split.y) - len(easy)
        self.seen += len(split.y)
        return easy[torch.randperm(len(easy), generator=rng)]

    def acted(self) -> Acted:
        return Acted(self.left_out, self.seen, "examples left out of an epoch")
