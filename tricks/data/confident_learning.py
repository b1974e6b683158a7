"""Confident learning: estimate which labels are confused with which, and prune as many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.base import Split


def confident_joint(p: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """How often class i was given where j is confidently true, (C, C), and j of each example.

    ``p`` (N, C) are out-of-fold probabilities. A class is confident where its probability reaches
    the mean of those who were given it; of several the likeliest counts, -1 is none. Northcutt
    et al. 2019, equations 1 and 2. A class that nobody was given is never confident.
    """
    import torch

    classes = p.shape[1]
    threshold = torch.full((classes,), torch.inf, dtype=p.dtype, device=p.device)
    for one in range(classes):
        if (given == one).any():
            threshold[one] = p[given == one, one].mean()
    sure = p >= threshold
    true = torch.where(sure.any(1), p.where(sure, p.new_tensor(-1)).argmax(1), -1)
    cell = given[true >= 0] * classes + true[true >= 0]
    return cell.bincount(minlength=classes * classes).reshape(classes, classes), true


def calibrated(joint: Tensor, given: Tensor) -> Tensor:
    """The joint scaled so that each row sums to how often its class was given; equation 3."""
    rows = given.bincount(minlength=len(joint)).double()
    return joint * (rows / joint.sum(1).clamp_min(1))[:, None]


def prune_by_noise_rate(p: Tensor, given: Tensor, joint: Tensor) -> Tensor:
    """Off the diagonal, as many of each cell as it says, those of the largest margin; (N,) mask."""
    import torch

    flagged = torch.zeros(len(given), dtype=torch.bool, device=given.device)
    for i, j in (joint.round() > 0).nonzero().tolist():
        mine = (given == i).nonzero()[:, 0]
        if i != j and len(mine):
            margin = p[mine, j] - p[mine, i]
            flagged[mine[margin.topk(min(len(mine), int(joint[i, j].round()))).indices]] = True
    return flagged


@dataclass(kw_only=True)
class ConfidentLearning(Trick):
    card = Card(
        title="Confident learning",
        title_zh="置信学习清洗",
        claim="One model's own confidence tells which labels are wrong, class by class.",
        claimed_by="the thread; Northcutt et al. 2019",
        when="Wrong labels (turn up the label noise) and long training, above all where some "
        "classes are confused more often than others.",
        watch_out="It believes the model: a class that the model finds hard loses examples. "
        "Without label noise it throws hard examples away.",
        formula=r"C_{ij} = \bigl|\{x \in X_{\tilde y = i} : \hat p_j(x) \ge t_j\}\bigr|, \quad "
        r"t_j = \frac{1}{|X_{\tilde y = j}|} \sum_{x \in X_{\tilde y = j}} \hat p_j(x)",
        paper=Paper(
            authors="Northcutt, Jiang and Chuang",
            year=2019,
            title="Confident learning: Estimating uncertainty in dataset labels",
            arxiv="1911.00068",
        ),
        cost="as many networks as there are folds, before training",
        thread="clean",
        zh=Chinese(
            claim="用一个模型自己的置信度，就能逐类找出哪些标签是错的。",
            when="标签有错（把标签噪声调高）而且训练很久时，尤其是某些类更容易互相混淆时。",
            watch_out="它相信模型：模型觉得难的类会损失样本。没有标签噪声时，它扔掉的是难样本。",
        ),
        regime=Regime(
            setup={"train_size": 600, "label_noise": 0.3, "epochs": 60},
            beside=("label_cleaning_ensemble",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="No label is wrong here for Confident learning",
                reason="Without label noise it can only prune hard examples. Turn up the label "
                "noise to see what it does.",
                when=lambda own, other, facts: None if facts.label_noise else {},
            ),
            Rule(
                kind="hint",
                title="Confident learning and Label cleaning by several models do the same",
                reason="The second of them cleans what the first has left. To compare them, give "
                "each an arm of its own.",
                other="label_cleaning_ensemble",
            ),
        ),
    )
    stacks = False
    folds: int = knob(
        5, low=2, high=20, integer=True, symbol="k",
        help="parts of the training set; each is judged by a network trained on the others",
    )  # fmt: skip
    method: int = knob(
        0, low=0, high=1, integer=True, symbol="prune by rate",
        help="0 prunes what is confidently another class, 1 as many as the noise rates say",
    )  # fmt: skip
    epochs: int = knob(
        8, low=1, high=200, integer=True, log=True, symbol="epochs",
        help="passes of each network; too many and it learns the wrong labels by heart",
    )  # fmt: skip
    found: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)

    def dataset(self, split: Split, rng: Generator) -> Split:
        from tricks.layers.examples import examples_of, out_of_fold

        p = out_of_fold(split, self.tools, rng, self.folds, self.epochs)
        given = split.labels
        joint, true = confident_joint(p, given)
        rates = calibrated(joint, given)
        flagged = (true >= 0) & (true != given)
        if self.method:
            flagged = prune_by_noise_rate(p, given, rates)
        said = p.scatter(1, given[:, None], -1).argmax(1)
        sure = p.gather(1, said[:, None])[:, 0]
        which = flagged.nonzero()[:, 0]
        self.found = {
            "flagged": len(which),
            "dropped": len(which),
            "joint": (rates / len(given)).tolist(),
            "examples": examples_of(split, self.tools, which, said, sure),
        }
        return split.subset(~flagged)

    def report(self) -> dict[str, Any]:
        return {"cleaning": self.found}
