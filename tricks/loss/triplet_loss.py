"""Triplet loss: features of one class move together, those of others away from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module


def batch_hard(features: Tensor, labels: Tensor, margin: float) -> Tensor:
    """The mean triplet loss of a batch: (N, F) features of length 1, (N,) class indices.

    Each example that has a partner of its class meets the farthest one of them and the nearest
    example of any other class. Schroff et al. 2015, equation 1; mined as in Hermans et al. 2017
    (arXiv 1703.07737), equation 5.
    """
    import torch
    from torch.nn.functional import triplet_margin_loss

    with torch.no_grad():
        apart = torch.cdist(features, features)
        same = labels[:, None] == labels
        other = same.logical_not()
        itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        partners = same & ~itself
        positive = apart.masked_fill(~partners, -1.0).argmax(dim=1)
        negative = apart.masked_fill(same, torch.inf).argmin(dim=1)
        valid = (partners.any(dim=1) & other.any(dim=1)).to(features.dtype)
    losses = triplet_margin_loss(
        features, features[positive], features[negative], margin=margin, reduction="none"
    )
    return (losses * valid).sum() / valid.sum().clamp_min(1)


def lonely(own: TripletLoss, other: None, facts: Facts) -> dict[str, object] | None:
    """How many of a batch have no partner, if the classes are equally frequent."""
    alone = (1 - 1 / facts.classes) ** (facts.batch_size - 1)
    if not own.weight or alone < 0.3:
        return None
    return {"alone": 100 * alone, "size": facts.batch_size}


@dataclass(kw_only=True)
class TripletLoss(Trick):
    card = Card(
        title="Triplet loss",
        title_zh="三元组损失",
        claim="Pulling a class together and pushing others away makes better features.",
        claimed_by="Schroff et al. 2015",
        when="Recognizing people or faces again, where classes are new at test time.",
        watch_out="It is added to the cross-entropy here, since accuracy of known classes is what "
        "is measured: little is to be gained in that. The hardest pairs of a batch are often the "
        "wrongly labeled ones. Small batches hold few pairs.",
        formula=r"L + w\,\big[\lVert f_a - f_p \rVert - \lVert f_a - f_n \rVert + m\big]_+",
        paper=Paper(
            authors="Schroff, Kalenichenko and Philbin",
            year=2015,
            title="FaceNet: A unified embedding for face recognition and clustering",
            arxiv="1503.03832",
        ),
        cost="1.2 to 1.5 times the time of a step",
        zh=Chinese(
            claim="同类拉近、异类推远，学到的特征更好。",
            when="行人或人脸重识别：测试时的类别是新的。",
            watch_out="这里它加在交叉熵之上，因为量的是已知类别的准确率，在这方面收益不大。一批里"
            "最难的对常常是标错的样本。批量小时成对的样本少。",
        ),
        regime=Regime(
            setup={"train_size": 200, "epochs": 40, "batch_size": 64, "lr": 0.05},
        ),
        rules=(
            Rule(
                kind="hint",
                title="Triplet loss finds few pairs in batches of {size}",
                reason="About {alone:.0f} % of the examples are alone with their class in a batch, "
                "and make no triplet. Use a larger batch.",
                when=lonely,
            ),
            Rule(
                kind="warning",
                title="Triplet loss takes Mixup's images for one class",
                reason="An image blended of two classes is pulled to those of the class it has "
                "more of, and pushed from the other one. Use one of the two.",
                other="mixup",
                when=lambda own, other, facts: {} if own.weight and other.alpha else None,
            ),
            Rule(
                kind="hint",
                title="Flooding does not see Triplet loss",
                reason="The flood level of {level:g} is on the scale of the cross-entropy, so the "
                "triplets are added behind it and are still minimized while the loss is held.",
                other="flooding",
                when=lambda own, other, facts: (
                    {"level": other.level} if own.weight and other.level else None
                ),
            ),
        ),
    )
    stacks = False  # its triplets are those of one model's features
    order = 50  # sees the labels as all others leave them
    weight: float = knob(
        0.5, low=0.0, high=10.0, neutral=0.0, symbol="w", help="its weight beside the cross-entropy"
    )
    margin: float = knob(
        0.3, low=0.01, high=2.0, symbol="m",
        help="how much farther other classes should be; features have length 1",
    )  # fmt: skip
    labels: Tensor | None = field(init=False, default=None, repr=False, compare=False)
    features: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        from torch import nn

        last = [one for one in self.tools.network.modules() if isinstance(one, nn.Linear)][-1]

        # A function, not a method: copies of the network must not copy this trick with it.
        def keep(layer: Module, inputs: tuple[Tensor, ...]) -> None:
            if layer.training:
                self.features = inputs[0]

        last.register_forward_pre_hook(keep)

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        self.labels = y.argmax(dim=-1)
        return x, y

    def penalty(self, network: Module) -> Tensor:
        from torch.nn.functional import normalize

        if self.features is None or self.labels is None:
            raise RuntimeError("no batch has passed the network yet")
        return self.weight * batch_hard(normalize(self.features), self.labels, self.margin)
