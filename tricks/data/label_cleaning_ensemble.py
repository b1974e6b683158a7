"""Label cleaning by several models: what most of them call wrong is dropped or relabeled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.base import Split


def vote(guesses: Tensor, given: Tensor, classes: int, agree: int) -> tuple[Tensor, Tensor, Tensor]:
    """Which labels the models outvote: flagged (N,), the class said instead (N,), its votes (N,).

    ``guesses`` (models, N) and ``given`` (N,) are class indices. Flagged is where at least
    ``agree`` models say the same other class. Brodley and Friedl 1999, section 3, filters by vote.
    """
    import torch

    votes = torch.nn.functional.one_hot(guesses, classes).sum(0)
    votes = votes.scatter(1, given[:, None], 0)
    most, said = votes.max(1)
    return most >= agree, said, most


@dataclass(kw_only=True)
class LabelCleaningEnsemble(Trick):
    card = Card(
        title="Label cleaning by several models",
        title_zh="多模型融合清洗",
        claim="Labels that several models contradict are wrong: clean them before training.",
        claimed_by="the thread; Brodley and Friedl 1999",
        when="Wrong labels (turn up the label noise) and long training, in which the network would "
        "learn them by heart. Each model judges only examples that it was not trained on.",
        watch_out="A hard example looks like a wrong one: without label noise it throws good ones "
        "away. Relabeling keeps its own mistakes; here dropping was better.",
        formula=r"\text{flag } i: \; \max_{c \ne y_i} \sum_{m=1}^{M} "
        r"[\,\hat y_{m}^{(-i)}(x_i) = c\,] \ge q",
        paper=Paper(
            authors="Brodley and Friedl",
            year=1999,
            title="Identifying mislabeled training data",
            where="Journal of Artificial Intelligence Research 11",
        ),
        cost="folds times models networks before training (15 small ones as it stands)",
        thread="通过多模型融合的方式去预处理与清洗数据",
        zh=Chinese(
            claim="好几个模型都反对的标签多半是错的：训练前先清洗掉。",
            when="标签有错（把标签噪声调高）而且训练很久、网络会把错误背下来时。每个模型只评判自己"
            "没训练过的样本。",
            watch_out="难样本看起来也像错的：没有标签噪声时，扔掉的都是好样本。改标签会留下自己的"
            "错误，这里丢弃更好。",
        ),
        regime=Regime(setup={"train_size": 600, "label_noise": 0.3, "epochs": 60}),
        rules=(
            Rule(
                kind="hint",
                title="No label is wrong here",
                reason="Without label noise the models can only flag hard examples. Turn up the "
                "label noise to see what cleaning does.",
                when=lambda own, other, facts: None if facts.label_noise else {},
            ),
            Rule(
                kind="hint",
                title="Relabeled examples agree with the models that relabeled them",
                reason="The training loss and accuracy on the new labels look better than they "
                "are. Only the test images, whose labels nobody changed, count.",
                when=lambda own, other, facts: {} if own.mode and facts.label_noise else None,
            ),
            Rule(
                kind="warning",
                title="Nothing can be flagged",
                reason="{agree} models have to agree and there are only {models}.",
                when=lambda own, other, facts: (
                    {"agree": own.agree, "models": own.models} if own.agree > own.models else None
                ),
            ),
        ),
    )
    stacks = False
    models: int = knob(
        3, low=1, high=10, integer=True, symbol="M", help="how many models vote on each example"
    )
    folds: int = knob(
        5, low=2, high=20, integer=True, symbol="k",
        help="parts of the training set; a model judges each part after training on the others",
    )  # fmt: skip
    agree: int = knob(
        2, low=1, high=10, integer=True, symbol="q",
        help="votes for one and the same other class that it takes to flag a label",
    )  # fmt: skip
    mode: int = knob(
        0, low=0, high=1, integer=True, symbol="relabel",
        help="0 drops what is flagged, 1 gives it the label that was voted",
    )  # fmt: skip
    epochs: int = knob(
        8, low=1, high=200, integer=True, log=True, symbol="epochs",
        help="passes of each model; too many and it learns the wrong labels by heart",
    )  # fmt: skip
    found: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)

    def dataset(self, split: Split, rng: Generator) -> Split:
        import torch

        from tricks.layers.examples import examples_of, out_of_fold

        guesses = [
            out_of_fold(split, self.tools, rng, self.folds, self.epochs).argmax(-1)
            for _ in range(self.models)
        ]
        flagged, said, votes = vote(torch.stack(guesses), split.labels, split.classes, self.agree)
        which = flagged.nonzero()[:, 0]
        self.found = {
            "flagged": len(which),
            "relabeled" if self.mode else "dropped": len(which),
            "models": self.models,
            "examples": examples_of(split, self.tools, which, said, votes),
        }
        if self.mode:
            return replace(split, y=torch.where(flagged, said, split.labels))
        return split.subset(~flagged)

    def report(self) -> dict[str, Any]:
        return {"cleaning": self.found}
