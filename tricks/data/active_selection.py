"""Active selection: ask for the labels of those images of which the network knows least."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob
from tricks.rules import pool_is_empty

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

CANDIDATES = 10_000  # images of the pool that are looked at in a round


def entropy(logits: Tensor) -> Tensor:
    """``-sum p log p`` of each example, (..., N), from (..., N, C) logits."""
    log_p = logits.log_softmax(-1)
    return -(log_p.exp() * log_p).sum(-1)


def short(own: Any, other: Any, facts: Facts) -> dict[str, object] | None:
    """Fewer images are left than it would choose from."""
    wanted = round(own.share * facts.train_size)
    return {"pool": facts.pool, "wanted": wanted} if 0 < facts.pool < 2 * wanted else None


@dataclass(kw_only=True)
class ActiveSelection(Trick):
    card = Card(
        title="Active selection",
        title_zh="定向添加数据",
        claim="Labels bought where the network is unsure teach more than as many at random.",
        claimed_by="the thread; Settles 2009",
        when="Few labels and many images without one. The control: a second arm with random at 1.",
        watch_out="Unsure is also what is blurred or wrongly labeled. The plain arm has fewer "
        "labels: compare with as many bought at random.",
        formula=r"x^{*} = \arg\max_{x \in \mathrm{pool}} -\sum_k p_k(x) \log p_k(x)",
        paper=Paper(
            authors="Settles",
            year=2009,
            title="Active learning literature survey",
            where="University of Wisconsin-Madison, technical report 1648",
        ),
        cost="the labels, and a look at the pool in every round",
        thread="让每次添加的数据都更有针对性，减少无用数据的累积",
        zh=Chinese(
            claim="把标注花在网络拿不准的图上，比随机标同样多更划算。",
            when="标签少、未标注图像多时。对照组：再建一组，把 random 设为 1。",
            watch_out="拿不准的也可能是模糊或标错的图。普通组的标签更少：要与随机购买同样多的标签"
            "相比。",
        ),
        regime=Regime(
            setup={"train_size": 100, "epochs": 60},
            knobs={"share": 1.0},
            beside=("more_data",),
        ),
        rules=(
            pool_is_empty("Active selection has nothing to select from", lambda own: own.share),
            Rule(
                kind="hint",
                title="Active selection has little to choose from",
                reason="It wants {wanted:,} images and the data set has {pool:,} left, so it takes "
                "most of them, sure or unsure.",
                when=short,
            ),
            Rule(
                kind="error",
                title="Active selection and Pseudo-labels want the same images",
                reason="Both change the training set in the middle of the run, and an image could "
                "be in it twice, with two labels. Give each an arm of its own.",
                other="pseudo_label",
            ),
        ),
    )
    stacks = False
    share: float = knob(
        0.5, low=0.0, high=10.0, neutral=0.0, symbol="B",
        help="labels that are bought in all, as a share of the training set",
    )  # fmt: skip
    rounds: int = knob(
        5, low=1, high=50, integer=True, symbol="R",
        help="in how many equal parts, evenly over the run, they are bought",
    )  # fmt: skip
    random: int = knob(
        0, low=0, high=1, integer=True, symbol="random",
        help="1 buys at random instead: the control",
    )  # fmt: skip
    left: Tensor | None = field(init=False, default=None, repr=False, compare=False)
    wanted: int = field(init=False, default=0, repr=False, compare=False)
    bought: int = field(init=False, default=0, repr=False, compare=False)
    done: int = field(init=False, default=0, repr=False, compare=False)
    news: int = field(init=False, default=0, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        import torch

        self.left = torch.randperm(self.tools.pool.size, generator=rng)
        self.wanted = min(len(self.left), round(self.share * len(self.tools.split.y)))

    def after_epoch(self, network: Module, epoch: int) -> None:
        due = min(self.rounds, int(self.tools.progress() * (self.rounds + 1) + 1e-9))
        count = round(self.wanted * due / self.rounds) - self.bought
        if due > self.done and count > 0:
            self.done = due
            self.buy(network, count)

    def buy(self, network: Module, count: int) -> None:
        """Ask for so many labels and train on them from the next epoch on."""
        import torch

        from tricks.layers.answers import logits_of
        from tricks.layers.examples import grown

        assert self.left is not None
        pool, candidates = self.tools.pool, self.left[: max(count, CANDIDATES)]
        x = pool.images(candidates)
        logits = logits_of(network, x)
        # The pool lies in random order, so its first images are a random choice.
        best = torch.arange(count) if self.random else entropy(logits).topk(count).indices.cpu()
        labels = pool.labels(candidates[best])
        self.news += int((logits[best.to(x.device)].argmax(-1) != labels).sum())
        self.bought += count
        self.left = self.left[~torch.isin(self.left, candidates[best])]
        self.tools.split = grown(self.tools.split, x[best.to(x.device)], labels)

    def report(self) -> dict[str, Any]:
        """``news``: how many of the bought labels the network would have guessed wrong."""
        return {"labels": {"bought": self.bought, "rounds": self.done, "news": self.news}}
